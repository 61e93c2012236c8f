"""DenseNet-121 as wrapped: torchvision's network, our standardisation."""

import copy

import pytest
import torch
import torch.nn.functional as F
import torchvision

from osteon.networks.densenet import DenseNet

SMALL = {"growth": 4, "blocks": (1, 2, 2, 1), "init_features": 8, "bn_size": 2}


def small(classes: int = 2, **options) -> DenseNet:
    torch.manual_seed(0)
    return DenseNet(classes, **SMALL | options)


def parameters(module: torch.nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def test_the_defaults_are_torchvisions_network() -> None:
    ours, theirs = DenseNet(2, standardise="none"), torchvision.models.densenet121(num_classes=2)
    found = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert (found.missing_keys, found.unexpected_keys) == (
        ["standardise.mean", "standardise.std"],
        [],
    )
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(ours.eval()(image), theirs.eval()(image))


@pytest.mark.parametrize(
    ("arguments", "side", "features", "number"),
    [
        ({}, 64, (1024, 2, 2), 6_955_906),
        ({"classes": 1}, 32, (1024, 1, 1), 6_954_881),
        (SMALL, 64, (11, 2, 2), 3_909),
        (SMALL | {"dropout": 0.5, "classes": 3}, 96, (11, 3, 3), 3_921),
    ],
)
def test_table(arguments: dict, side: int, features: tuple[int, ...], number: int) -> None:
    network, seen = DenseNet(**arguments).eval(), []
    layer = network.get_submodule(network.features_layer)
    layer.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape)))
    output = network(torch.rand(2, 3, side, side))
    assert output.shape == (2, arguments.get("classes", 2))
    assert seen == [(2, *features)]
    assert parameters(network) == number


def test_the_image_is_standardised_inside() -> None:
    image = torch.rand(2, 3, 64, 64)
    published, plain = small().eval(), small(standardise="none").eval()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    by_hand = (image - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(published(image), plain(by_hand))


def test_gradient_reaches_every_parameter() -> None:
    network = small()
    (network(torch.rand(4, 3, 64, 64)) * torch.randn(4, 2)).sum().backward()
    silent = [name for name, v in network.named_parameters() if v.grad is None or not v.grad.any()]
    assert silent == []


def test_overfits_eight_random_cases() -> None:
    network = small()
    images, labels = torch.rand(8, 3, 64, 64), torch.arange(8) % 2
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(30):
        loss = F.cross_entropy(network(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.05


def test_memory_order_batch_of_one_and_copies_change_nothing() -> None:
    network, image = small().double().eval(), torch.rand(2, 3, 64, 64).double()
    wanted = network(image)
    torch.testing.assert_close(network(image[:1]), wanted[:1])
    ordered = copy.deepcopy(network).to(memory_format=torch.channels_last)
    found = ordered(image.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, wanted)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"blocks is \(6, 12\); wanted four numbers"):
        DenseNet(blocks=(6, 12))
    with pytest.raises(ValueError, match="sides must be 32 pixels or more"):
        small()(torch.rand(1, 3, 16, 64))
