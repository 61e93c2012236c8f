"""The trunk: torchvision's names, narrower ones, weights from files, frozen parts."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import resnext50_32x4d, resnext101_64x4d
from torchvision.ops import FrozenBatchNorm2d

from osteon.networks.deformable import make_deformable
from osteon.networks.detector_trunk import TRUNKS, Trunk

SMALL = {"width": 0.125, "blocks": (1, 1, 1, 1)}


def small(**options) -> Trunk:
    torch.manual_seed(options.pop("seed", 0))
    return Trunk("resnet18", **SMALL | options)


@pytest.mark.parametrize(
    ("name", "build"),
    [("resnext50_32x4d", resnext50_32x4d), ("resnext101_64x4d", resnext101_64x4d)],
)
def test_names_and_shapes_are_torchvision_s(name, build) -> None:
    with torch.device("meta"):
        wanted = {k: v.shape for k, v in build().state_dict().items() if not k.startswith("fc.")}
        assert {k: v.shape for k, v in Trunk(name).state_dict().items()} == wanted


def test_the_paper_s_trunk_is_a_resnext_101_of_cardinality_32() -> None:
    with torch.device("meta"):
        trunk = Trunk()
    assert [len(trunk.get_submodule(f"layer{i}")) for i in (1, 2, 3, 4)] == [3, 4, 23, 3]
    inner = [trunk.get_submodule(f"layer{i}")[0].conv2 for i in (1, 2, 3, 4)]
    assert [(c.groups, c.out_channels) for c in inner] == [(32, 128 * 2**i) for i in range(4)]
    # Published with a classifier of 1000 classes: 44,177,704.
    assert sum(value.numel() for value in trunk.parameters()) == 44_177_704 - 2_049_000


# backbone, width, channels of the four maps
NARROW = [
    ("resnet18", 0.25, (16, 32, 64, 128)),
    ("resnet18", 0.01, (4, 8, 16, 32)),
    ("resnet50", 0.125, (32, 64, 128, 256)),
    ("resnext50_32x4d", 0.25, (64, 128, 256, 512)),
    ("resnext101_64x4d", 0.05, (64, 128, 256, 512)),
]


@pytest.mark.parametrize(("backbone", "width", "channels"), NARROW)
def test_maps_of_a_narrow_trunk(backbone, width, channels) -> None:
    trunk = Trunk(backbone, width=width, blocks=(1, 1, 1, 1))
    maps = trunk(torch.rand(2, 3, 64, 96))
    assert trunk.channels == channels
    assert [tuple(map_.shape) for map_ in maps] == [
        (2, depth, 64 // stride, 96 // stride)
        for depth, stride in zip(channels, (4, 8, 16, 32), strict=True)
    ]


@pytest.mark.parametrize(
    ("norm", "kind"),
    [("batch", nn.BatchNorm2d), ("group", nn.GroupNorm), ("frozen", FrozenBatchNorm2d)],
)
def test_norms(norm, kind) -> None:
    trunk = small(norm=norm)
    assert all(isinstance(block.bn1, kind) for block in (trunk, trunk.layer1[0], trunk.layer4[0]))


def test_group_norm_is_the_same_whatever_else_is_in_the_batch() -> None:
    trunk, images = small(norm="group").train(), torch.rand(3, 3, 64, 64)
    torch.testing.assert_close(trunk(images)[3][:1], trunk(images[:1])[3])


@pytest.mark.parametrize("prefix", ["", "backbone.", "backbone.body."])
def test_weights_of_a_file_alone_or_within_a_detector(tmp_path, prefix) -> None:
    source = small(norm="batch")
    tensors = {prefix + k: v for k, v in source.state_dict().items()}
    extra = {"": "fc.weight", "backbone.": "neck.0.weight", "backbone.body.": "backbone.fpn.w"}
    tensors[extra[prefix]] = torch.ones(2)
    save_file(tensors, tmp_path / "w.safetensors")
    torch.save(tensors, tmp_path / "w.pth")
    for name in ("w.safetensors", "w.pth"):
        trunk = small(norm="frozen", seed=1)
        make_deformable(trunk, "v1")
        origin = trunk.load(str(tmp_path / name))
        assert origin.startswith(f"file: {name}, sha256 ")
        image = torch.rand(1, 3, 64, 64)
        torch.testing.assert_close(trunk(image), source.eval()(image), atol=1e-5, rtol=1e-4)


def test_offset_branches_of_a_file_are_read(tmp_path) -> None:
    source = small()
    make_deformable(source, "v1")
    nn.init.constant_(source.layer4[0].conv2.conv_offset.bias, 0.5)
    save_file(source.state_dict(), tmp_path / "w.safetensors")
    trunk = small(seed=1)
    make_deformable(trunk, "v1")
    trunk.load(str(tmp_path / "w.safetensors"))
    assert (trunk.layer4[0].conv2.conv_offset.bias == 0.5).all()


def test_files_that_do_not_fit_are_refused(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing is downloaded"):
        small().load(str(tmp_path / "none.pth"))
    save_file(small(width=0.25).state_dict(), tmp_path / "wide.safetensors")
    with pytest.raises(ValueError, match="does not fit the trunk"):
        small().load(str(tmp_path / "wide.safetensors"))
    save_file({"conv1.weight": small().conv1.weight.detach()}, tmp_path / "few.safetensors")
    with pytest.raises(ValueError, match="it lacks"):
        small().load(str(tmp_path / "few.safetensors"))


@pytest.mark.parametrize(
    ("stages", "still"),
    [(0, set()), (1, {"conv1", "layer1"}), (2, {"conv1", "layer1", "layer2"})],
)
def test_frozen_stages(stages, still) -> None:
    trunk = small(norm="frozen")
    trunk.freeze(stages)
    parts = {n.split(".")[0]: value.requires_grad for n, value in trunk.named_parameters()}
    assert {part for part, moves in parts.items() if not moves} == still
    assert len(parts) == 5


def test_statistics_of_frozen_stages_stand_still() -> None:
    trunk = small(norm="batch")
    trunk.freeze(1)
    trunk.train()(torch.rand(2, 3, 64, 64))
    seen = [part.num_batches_tracked.item() for part in (trunk.bn1, trunk.layer1[0].bn1)]
    assert seen == [0, 0]
    assert trunk.layer2[0].bn1.num_batches_tracked == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"backbone": "vgg"}, "backbone is 'vgg'; allowed are resnext101_32x4d"),
        ({"width": 0.0}, "width is 0.0"),
        ({"blocks": (1, 1, 0, 1)}, "blocks is"),
        ({"norm": "layer"}, "norm is 'layer'"),
    ],
)
def test_what_is_not_allowed_is_named(arguments, words) -> None:
    with pytest.raises(ValueError, match=words):
        Trunk(**{"backbone": "resnet18"} | arguments)
    with pytest.raises(ValueError, match="stages is 5"):
        small().freeze(5)
    assert set(TRUNKS) >= {"resnext101_32x4d", "resnext101_64x4d", "resnext50_32x4d"}
