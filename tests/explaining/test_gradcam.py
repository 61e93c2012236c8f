import copy

import pytest
import torch
from torch import Tensor, nn

from osteon.explaining.calls import still
from osteon.explaining.gradcam import grad_cam
from osteon.networks.late_fusion import LateFusion


class TinyNet(nn.Module):
    """conv → ReLU (the layer) → conv → ReLU in place → linear."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.layer = nn.ReLU()
        self.second = nn.Conv2d(4, 3, 3, stride=2)
        self.head = nn.Linear(3 * 3 * 3, classes)

    def rest(self, activations: Tensor) -> Tensor:
        return self.head(torch.relu(self.second(activations)).flatten(1))

    def forward(self, image: Tensor) -> Tensor:
        return self.rest(self.layer(self.first(image)))


def by_hand(network: TinyNet, image: Tensor, target: int) -> Tensor:
    """Grad-CAM before its ReLU, by loops and central differences in double precision."""
    network = copy.deepcopy(network).double()
    with torch.no_grad():
        activations = torch.relu(network.first(image.double()))
        count, channels, rows, columns = activations.shape
        maps = torch.zeros(count, rows, columns, dtype=torch.float64)
        for i in range(count):
            for k in range(channels):
                total = 0.0
                for y in range(rows):
                    for x in range(columns):
                        up, down = activations[i : i + 1].clone(), activations[i : i + 1].clone()
                        up[0, k, y, x] += 1e-7
                        down[0, k, y, x] -= 1e-7
                        rise = network.rest(up)[0, target] - network.rest(down)[0, target]
                        total += float(rise) / 2e-7
                weight = total / (rows * columns)
                for y in range(rows):
                    for x in range(columns):
                        maps[i, y, x] += weight * activations[i, k, y, x]
    return maps


def by_autograd(network: LateFusion, inputs: tuple[Tensor, ...], target: int) -> Tensor:
    kept: list[Tensor] = []
    handle = network.layer4.register_forward_hook(lambda _m, _i, out: kept.append(out))
    logits = network(*inputs)
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[:, target].sum(), kept[0])
    return torch.relu((gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1)).detach()


@pytest.mark.parametrize("target", [0, 1, 2])
def test_equals_the_hand_written_reference_sign_included(target: int) -> None:
    torch.manual_seed(target)
    network, image = TinyNet().eval(), torch.randn(3, 1, 7, 7)
    wanted = by_hand(network, image, target)
    signed = grad_cam(network, "layer", (image,), target, signed=True)
    torch.testing.assert_close(signed.double(), wanted, atol=1e-5, rtol=0)
    positive = grad_cam(network, network.layer, (image,), target)
    torch.testing.assert_close(positive.double(), wanted.clamp(min=0), atol=1e-5, rtol=0)
    assert (wanted < -1e-3).any() and (wanted > 1e-3).any()
    assert signed.dtype == torch.float32


@pytest.mark.parametrize("fusion", ["late", "early", "film"])
def test_equals_plain_autograd_on_the_fusion_network(fusion: str) -> None:
    torch.manual_seed(0)
    network = LateFusion("resnet18", 4, width=0.125, hidden=16, fusion=fusion).eval()
    inputs = torch.randn(5, 3, 96, 96), torch.randn(5, 4)
    found = grad_cam(network, network.features_layer, inputs, 1)
    assert found.shape == (5, 3, 3)
    torch.testing.assert_close(found, by_autograd(network, inputs, 1), atol=1e-5, rtol=1e-5)


def test_a_network_without_clinical_values_is_explained() -> None:
    network = LateFusion("resnet18", 0, width=0.125, hidden=16)
    found = grad_cam(network, "layer4", (torch.randn(2, 3, 64, 64), torch.zeros(2, 0)), 1)
    assert found.shape == (2, 2, 2)


def test_what_speaks_for_one_logit_speaks_against_the_other_class() -> None:
    torch.manual_seed(1)
    network, image = TinyNet(classes=1), torch.randn(2, 1, 7, 7)
    positive, negative = (grad_cam(network, "layer", (image,), t, signed=True) for t in (1, 0))
    torch.testing.assert_close(positive, -negative)
    torch.testing.assert_close(positive.double(), by_hand(network, image, 0), atol=1e-5, rtol=0)


def test_a_blob_raises_the_map_where_it_is_and_lowers_it_for_the_other_class() -> None:
    class Bright(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Identity()

        def forward(self, image: Tensor) -> Tensor:
            bright = self.layer(image).mean((1, 2, 3))
            return torch.stack([-bright, bright], dim=1)

    image = torch.zeros(1, 1, 8, 8)
    image[0, 0, 2, 5] = 1
    found = grad_cam(Bright(), "layer", (image,), 1)
    assert found.argmax() == 2 * 8 + 5 and found.max() > 0
    assert grad_cam(Bright(), "layer", (image,), 0).max() == 0


def test_a_batch_gives_what_single_images_give_and_in_place_steps_do_no_harm() -> None:
    torch.manual_seed(2)
    layer = nn.Conv2d(1, 4, 3)
    head = nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(4 * 36, 2))
    network, image = nn.Sequential(layer, head), torch.randn(4, 1, 8, 8)
    together = grad_cam(network, layer, (image,), 1, signed=True)
    alone = [grad_cam(network, layer, (image[i : i + 1],), 1, signed=True) for i in range(4)]
    torch.testing.assert_close(together, torch.cat(alone))
    activations = layer(image)
    assert (activations < 0).any()
    gradient = torch.autograd.grad(head(activations.clone())[:, 1].sum(), activations)[0]
    wanted = (gradient.mean((2, 3), keepdim=True) * activations).sum(1)
    torch.testing.assert_close(together, wanted.detach())


def test_network_and_inputs_are_left_as_they_were() -> None:
    network, image = (
        LateFusion("resnet18", 0, width=0.125, hidden=8).train(),
        torch.randn(2, 3, 64, 64),
    )
    frozen = next(network.parameters())
    frozen.requires_grad_(False)
    before = copy.deepcopy(network.state_dict())
    with torch.no_grad():
        grad_cam(network, "layer4", (image, torch.zeros(2, 0)), 1)
    assert network.training and network.encoder.bn1.training
    assert not frozen.requires_grad and network.head[0].weight.requires_grad
    assert not image.requires_grad and network.head[0].weight.grad is None
    assert not any(module._forward_hooks for module in network.modules())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_modes_come_back_after_an_error() -> None:
    network = nn.Sequential(nn.Linear(2, 2)).train()
    with pytest.raises(RuntimeError, match="stop"), still(network):
        raise RuntimeError("stop")
    assert network.training and network[0].weight.requires_grad


@pytest.mark.parametrize(
    ("layer", "target", "message"),
    [("nothing", 1, "no module 'nothing'"), ("layer", 3, "target: 3"), ("head", 1, "axes")],
)
def test_unknown_layers_and_classes_are_named(layer: str, target: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grad_cam(TinyNet(), layer, (torch.randn(1, 1, 7, 7),), target)
