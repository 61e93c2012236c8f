"""The detector's configuration: defaults, bounds, and what is built from it."""

import textwrap

import pytest
import torch
import yaml
from pydantic import ValidationError
from safetensors.torch import save_file

from osteon.networks.deformable import DeformableConv
from osteon.recipes import spinal_wff_detector
from osteon.recipes.spinal_wff_detector import DetectorNetworkConfig

SMALL = {
    "backbone": "resnet18",
    "width": 0.125,
    "blocks": (1, 1, 1, 1),
    "pyramid_channels": 8,
    "roi": {"hidden": 8},
}


def small(**options) -> DetectorNetworkConfig:
    return DetectorNetworkConfig.model_validate({"name": "faster_rcnn"} | SMALL | options)


def test_defaults_are_the_paper_s_network(monkeypatch) -> None:
    # Without memory for 100 million weights; the image's scale is the one thing with values.
    monkeypatch.setattr("osteon.networks.standardise.Standardise.set", lambda *_: None)
    with torch.device("meta"):
        detector = DetectorNetworkConfig().build()
    assert detector.trunk.channels == (256, 512, 1024, 2048)
    assert detector.pyramid.adapted == (128, 256, 512, 1024, 2048)
    deformable = [n for n, m in detector.trunk.named_modules() if isinstance(m, DeformableConv)]
    assert len(deformable) == 4 + 23 + 3
    assert {name.split(".")[0] for name in deformable} == {"layer2", "layer3", "layer4"}
    assert isinstance(detector.trunk.bn1, torch.nn.GroupNorm)
    assert all(value.requires_grad for value in detector.parameters())
    mixing = detector.cutmix.options
    assert (mixing.probability, mixing.n_max, mixing.scale_min, mixing.scale_max) == (
        0.5,
        2,
        0.5,
        1,
    )
    assert (detector.min_size, detector.max_size) == (None, 1333)


def test_the_small_example_of_the_docstring_is_built_and_runs() -> None:
    text = spinal_wff_detector.__doc__.split("come from:\n")[1].split("\n\nWith")[0]
    config = DetectorNetworkConfig.model_validate(yaml.safe_load(textwrap.dedent(text)))
    detector = config.build()
    assert sum(value.numel() for value in detector.parameters()) < 1_000_000
    assert detector.eval()(torch.rand(1, 3, 128, 128)).shape == (1, 20, 6)


def test_every_number_reaches_the_network() -> None:
    detector = small(
        anchors=(8, 16, 32, 64, 128),
        proposals={"samples": 9, "ratios": [1.0], "pre_nms": [7, 6], "post_nms": [5, 4]},
        roi={"hidden": 12, "samples": 11, "score": 0.2, "nms": 0.4, "detections": 3, "beta": 0.5},
        cutmix={"probability": 0.25, "scale_min": 0.3},
        norm="batch",
        min_size=96,
        pyramid="standard",
    ).build()
    assert detector.rpn.anchor_generator.sizes[0] == (8,)
    assert detector.rpn.head.cls_logits.out_channels == 1
    assert detector.rpn.fg_bg_sampler.batch_size_per_image == 9
    assert (detector.rpn.pre_nms_top_n(), detector.rpn.post_nms_top_n()) == (7, 5)
    assert detector.roi_heads.fg_bg_sampler.batch_size_per_image == 11
    assert (detector.roi_heads.score_thresh, detector.roi_heads.nms_thresh) == (0.2, 0.4)
    assert (detector.roi_heads.beta, detector.top, detector.min_size) == (0.5, 3, 96)
    assert (detector.cutmix.options.probability, detector.cutmix.options.scale_min) == (0.25, 0.3)
    assert detector.pyramid.c6 is None
    assert isinstance(detector.trunk.bn1, torch.nn.BatchNorm2d)
    assert small(cutmix={"probability": 0}).build().cutmix is None


def test_weights_freeze_the_first_stage_and_its_statistics(tmp_path) -> None:
    source = small(norm="batch", dcn="none").build().trunk
    save_file(source.state_dict(), tmp_path / "trunk.safetensors")
    config = small(weights=str(tmp_path / "trunk.safetensors"))
    detector = config.build()
    assert detector.weights_origin.startswith("file: trunk.safetensors, sha256 ")
    assert torch.equal(detector.trunk.layer4[0].conv1.weight, source.layer4[0].conv1.weight)
    moving = {n.split(".")[0] for n, v in detector.trunk.named_parameters() if v.requires_grad}
    assert moving == {"layer2", "layer3", "layer4"}
    empty = config.model_copy(update={"weights": "gone.safetensors"}).build(pretrained=False)
    empty.load_state_dict(detector.state_dict())
    with pytest.raises(FileNotFoundError, match=r"gone\.safetensors"):
        config.model_copy(update={"weights": "gone.safetensors"}).build()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"anchor": 3}, "Extra inputs are not permitted"),
        ({"roi": {"hiden": 3}}, "Extra inputs are not permitted"),
        ({"name": "retinanet"}, "faster_rcnn"),
        ({"backbone": "vgg"}, "resnext101_32x4d"),
        ({"width": 0}, "greater than 0"),
        ({"blocks": (1, 1, 1)}, "blocks"),
        ({"anchors": (8, 16, 32, 64)}, "anchors"),
        ({"norm": "frozen"}, "norm: 'frozen' found without weights"),
        ({"norm": "group", "weights": "a.pth"}, "norm: 'group' found with weights"),
        ({"min_size": 800, "max_size": 512}, "min_size: 800 found"),
        ({"dcn_stages": ("c5", "c5")}, "each may stand once"),
        ({"proposals": {"fg_iou": 0.2}}, "bg_iou: 0.3 found; at most fg_iou"),
        ({"roi": {"bg_iou": 0.6}}, "bg_iou: 0.6 found; at most fg_iou"),
        ({"proposals": {"ratios": []}}, "ratios"),
        ({"cutmix": {"scale_min": 0.9, "scale_max": 0.8}}, "scale_min: 0.9 found"),
        ({"cutmix": {"probability": 2}}, "less than or equal to 1"),
    ],
)
def test_typing_errors_and_bounds_are_refused(options, words) -> None:
    with pytest.raises(ValidationError, match=words):
        small(**options)
