"""The comparators of the sequence classifier, and weights from files."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import save_file
from torch import nn

from osteon.networks.resnext3d import ResNeXt3D
from osteon.networks.sequence_networks import (
    ResNet3D18,
    SliceStack,
    build_sequence_network,
    load_sequence_weights,
)

torch.set_num_threads(1)
SMALL_3D = {"width": 0.0625, "blocks": (1, 1, 1, 1), "cardinality": 2}
SMALL_2D = {"trunk": "resnet18", "width": 0.125}


def parameters(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


@pytest.mark.parametrize(
    ("arch", "options", "slices", "features", "number"),
    [
        ("resnext3d_101", {}, 16, (2048, 1, 4, 4), 47_481_410),
        ("resnext3d", {}, 16, (2048, 1, 4, 4), 47_481_410),
        ("resnext3d", SMALL_3D, 16, (128, 1, 4, 4), 103_622),
        ("resnext2d_stack", {}, 16, (2048, 4, 4), 42_173_570),
        ("resnext2d_stack", {"trunk": "resnet50"}, 8, (2048, 4, 4), 23_527_810),
        ("resnext2d_stack", SMALL_2D, 4, (64, 4, 4), 177_234),
        ("resnet3d_18", {}, 16, (512, 2, 7, 7), 33_148_482),
    ],
)
def test_table(
    arch: str, options: dict, slices: int, features: tuple[int, ...], number: int
) -> None:
    with torch.device("meta"):
        network = build_sequence_network(arch, slices, 2, **options).eval()
        tubes = torch.empty(2, 1, slices, 112, 112)
    seen: list[tuple[int, ...]] = []
    layer = network.get_submodule(network.features_layer)
    layer.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape)))
    assert network(tubes).shape == (2, 2)
    assert seen == [(2, *features)]
    assert parameters(network) == number
    for name in (*network.gradcam_layers.values(), *network.pretrained_parts):
        network.get_submodule(name)


def test_the_stacks_resnext_is_32x4d() -> None:
    """With three channels and 1000 classes it has the published 44.18 million parameters."""
    network = SliceStack(16, 2)
    colour = (3 - 16) * 64 * 49
    assert parameters(network) - 2 * 2049 + 1000 * 2049 + colour == 44_177_704
    block = network.encoder.layer1[0]
    assert block.conv2.groups == 32 and block.conv2.out_channels == 128


def test_the_video_network_is_torchvisions_but_for_its_ends() -> None:
    ours, theirs = ResNet3D18(2).eval(), torchvision.models.video.r3d_18(weights=None).eval()
    state = {k: v for k, v in ours.encoder.state_dict().items() if k != "stem.0.weight"}
    assert set(state) == {k for k in theirs.state_dict() if k[:3] not in ("fc.",)} - {
        "stem.0.weight"
    }
    theirs.load_state_dict(state, strict=False)
    theirs.stem[0] = ours.encoder.stem[0]
    theirs.fc = ours.head
    tubes = torch.randn(1, 1, 4, 48, 48)
    torch.testing.assert_close(ours(tubes), theirs(tubes))


@pytest.mark.parametrize(
    ("arch", "options"),
    [("resnext3d", SMALL_3D), ("resnext2d_stack", SMALL_2D), ("resnet3d_18", {})],
)
@pytest.mark.parametrize(("slices", "side"), [(4, 48), (8, 50), (16, 32)])
def test_small_tubes_work_in_training(arch: str, options: dict, slices: int, side: int) -> None:
    torch.manual_seed(0)
    network = build_sequence_network(arch, slices, 2, dropout=0.2, **options)
    logits = network(torch.randn(2, 1, slices, side, side))
    F.cross_entropy(logits, torch.tensor([0, 1])).backward()
    silent = [name for name, v in network.named_parameters() if v.grad is None or not v.grad.any()]
    assert silent == []
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.2]


def test_slices_are_the_channels_of_the_stack_in_their_order() -> None:
    network = SliceStack(4, 2, **SMALL_2D).eval()
    tubes = torch.randn(2, 1, 4, 48, 48)
    torch.testing.assert_close(network(tubes), network.head(network.encoder(tubes[:, 0])))
    assert not torch.allclose(network(tubes), network(tubes.flip(2)), atol=1e-4)


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_weights_of_a_network_in_colour_give_the_same_on_grey(tmp_path: Path, ending: str) -> None:
    torch.manual_seed(0)
    published = ResNeXt3D(5, **SMALL_3D)
    stem = published.conv1
    published.conv1 = nn.Conv3d(3, stem.out_channels, 7, (1, 2, 2), 3, bias=False)
    state = {f"module.{k}": v.contiguous() for k, v in published.state_dict().items()}
    state = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    path = tmp_path / f"kinetics.{ending}"
    if ending == "pth":
        torch.save({"arch": "resnext-101", "epoch": 3, "state_dict": state}, path)
    else:
        save_file(state, path)
    network = build_sequence_network("resnext3d", 4, 2, weights=str(path), **SMALL_3D).eval()
    grey = torch.randn(2, 1, 4, 48, 48)
    torch.testing.assert_close(
        network.conv1(grey), published.conv1(grey.expand(-1, 3, -1, -1, -1)), rtol=1e-4, atol=1e-4
    )
    assert torch.equal(network.layer4[0].conv3.weight, published.layer4[0].conv3.weight)
    assert network.fc.out_features == 2
    assert network.weights_origin.startswith(f"file: kinetics.{ending}, sha256 ")


def test_weights_of_a_2d_network_are_shared_among_the_slices(tmp_path: Path) -> None:
    path = tmp_path / "resnet18.pth"
    published = torchvision.models.resnet18(weights=None).eval()
    torch.save(published.state_dict(), path)
    network = build_sequence_network("resnext2d_stack", 8, 2, trunk="resnet18", weights=str(path))
    published.fc = nn.Identity()
    same = torch.randn(2, 1, 1, 48, 48)
    torch.testing.assert_close(
        network.eval().encoder(same[:, 0].expand(-1, 8, -1, -1)),
        published(same[:, 0].expand(-1, 3, -1, -1)),
        rtol=1e-3,
        atol=1e-4,
    )


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    network = ResNeXt3D(2, **SMALL_3D)
    state = {k: v.contiguous() for k, v in network.state_dict().items()}
    first = network.layer1[0].conv1.weight.clone()
    for change, message in (
        ({"layer9.weight": torch.zeros(1)}, "1 names are missing or unknown, layer9.weight"),
        ({"layer1.0.conv1.weight": torch.zeros(3, 3, 1, 1, 1)}, "does not fit: .*size mismatch"),
    ):
        torch.save(state | change, tmp_path / "wrong.pth")
        with pytest.raises(ValueError, match=rf"(?s)wrong.pth {message}|{message}"):
            load_sequence_weights(network, str(tmp_path / "wrong.pth"))
    del state["layer2.0.conv2.weight"]
    save_file(state, tmp_path / "short.safetensors")
    with pytest.raises(ValueError, match=r"layer2\.0\.conv2\.weight among them"):
        load_sequence_weights(network, str(tmp_path / "short.safetensors"))
    assert network.weights_origin == "none: trained from scratch"
    assert torch.equal(network.layer1[0].conv1.weight, first)
    with pytest.raises(FileNotFoundError, match=r"no file at .*absent\.pth"):
        load_sequence_weights(network, str(tmp_path / "absent.pth"))


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="arch is 'vgg'; allowed are resnext3d_101"):
        build_sequence_network("vgg")
    with pytest.raises(ValueError, match="trunk is 'vgg'; allowed are resnext101_32x4d, resnet18"):
        build_sequence_network("resnext2d_stack", trunk="vgg")
    with pytest.raises(ValueError, match=r"width is 0\.5; with trunk 'resnext101_32x4d'"):
        build_sequence_network("resnext2d_stack", width=0.5)
    with pytest.raises(ValueError, match="slices is 0"):
        build_sequence_network("resnext2d_stack", 0)
    with pytest.raises(TypeError, match="width"):
        build_sequence_network("resnext3d_101", width=0.5)
    stack = build_sequence_network("resnext2d_stack", 4, **SMALL_2D)
    with pytest.raises(ValueError, match="wanted B × 1 × 4 × S × S"):
        stack(torch.zeros(1, 1, 8, 48, 48))
