"""The detector as a whole: shapes, paddings, negatives, sizes, chance, learning."""

import pytest
import torch
from torchvision.ops import box_iou

from osteon.networks.deformable import make_deformable
from osteon.networks.detector import LOSSES, Detector, ProposalOptions
from osteon.networks.detector_trunk import Trunk
from osteon.networks.pyramid import STRIDES, Pyramid
from osteon.networks.roi_heads import RoIOptions
from osteon.networks.self_cutmix import SelfCutMix, SelfCutMixOptions

NAN = float("nan")
PROPOSALS = ProposalOptions(
    anchors=(12, 24, 48, 64, 96), samples=64, pre_nms=(100, 100), post_nms=(30, 30)
)


def small(*, dcn: str = "none", cutmix: float = 0.0, **options) -> Detector:
    torch.manual_seed(0)
    trunk = Trunk("resnet18", width=0.125, blocks=(1, 1, 1, 1), norm="batch")
    make_deformable(trunk, dcn, ["c5"])
    roi = RoIOptions(**{"hidden": 32, "samples": 32, "detections": 7} | options.pop("roi", {}))
    mixing = SelfCutMix(SelfCutMixOptions(probability=cutmix)) if cutmix else None
    pyramid = Pyramid(trunk.channels, options.pop("pyramid", "paper"), 16)
    return Detector(trunk, pyramid, proposals=PROPOSALS, roi=roi, cutmix=mixing, **options)


def lesions(number: int, size: int = 64, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Noise with one square each: flat is benign, chequered malignant; every fifth has none."""
    random = torch.Generator().manual_seed(seed)
    images = 0.3 + 0.05 * torch.randn(number, 1, size, size, generator=random)
    boxes, labels = torch.full((number, 2, 4), NAN), torch.zeros(number, 2, dtype=torch.int64)
    for place in range(number):
        if place % 5 == 4:
            continue
        side = int(torch.randint(14, 26, (), generator=random))
        x, y = torch.randint(0, size - side, (2,), generator=random).tolist()
        label = 1 + place % 2
        patch = torch.full((side, side), 0.7)
        if label == 2:
            patch[::4] = patch[:, ::4] = 0.3
        images[place, 0, y : y + side, x : x + side] = patch
        boxes[place, 0] = torch.tensor([x, y, x + side, y + side])
        labels[place, 0] = label
    return images.clamp(0, 1).expand(-1, 3, -1, -1), boxes, labels


@pytest.mark.parametrize("pyramid", ["paper", "standard"])
@pytest.mark.parametrize("dcn", ["none", "v1", "v2"])
def test_losses_come_as_rows_that_are_all_the_same(dcn, pyramid) -> None:
    detector = small(dcn=dcn, pyramid=pyramid).train()
    losses = detector(*lesions(3))
    assert losses.shape == (3, len(LOSSES))
    assert torch.isfinite(losses).all()
    assert torch.equal(losses, losses[:1].expand(3, -1))
    losses.sum(1).mean().backward()
    lacking = [n for n, value in detector.named_parameters() if value.grad is None]
    assert lacking == []


def test_boxes_come_padded_in_order_and_within_the_image() -> None:
    detector = small().eval()
    images = lesions(3, size=72)[0]
    with torch.no_grad():
        found = detector(images)
        assert torch.equal(found.isnan(), detector(images, None, None, None).isnan())
    assert found.shape == (3, 7, 6)
    for rows in found:
        real = ~rows.isnan().any(1)
        assert real.any()
        assert not real.diff().any() or int(real.int().diff().min()) == -1
        assert rows[~real].isnan().all()
        boxes, both = rows[real, :4], rows[real, 4:]
        assert ((boxes >= 0) & (boxes <= 72)).all()
        assert (both.max(1).values.diff() <= 0).all()
        overlap = box_iou(boxes, boxes).fill_diagonal_(0)
        assert (overlap <= 0.5).all()


def test_nothing_found_is_nothing_but_padding() -> None:
    found = small(roi={"score": 1.0}).eval()(lesions(2)[0])
    assert found.shape == (2, 7, 6)
    assert found.isnan().all()


def test_a_batch_without_any_lesion_is_learned_from() -> None:
    detector = small(cutmix=1.0).train()
    images = lesions(2)[0]
    for most in (2, 0):
        boxes, labels = torch.full((2, most, 4), NAN), torch.zeros(2, most, dtype=torch.int64)
        losses = detector(images, boxes, labels, torch.full((2, 2), NAN))[0]
        assert dict(zip(LOSSES, (losses > 0).tolist(), strict=True)) == {
            "classifier": True,
            "box": False,
            "objectness": True,
            "rpn_box": False,
        }


def test_padding_does_not_count() -> None:
    images, boxes, labels = lesions(3)
    found = []
    for more in (0, 3):
        detector = small().train()
        torch.manual_seed(1)
        padded = torch.cat([boxes, torch.full((3, more, 4), NAN)], dim=1)
        known = torch.cat([labels, torch.zeros(3, more, dtype=torch.int64)], dim=1)
        found.append(detector(images, padded, known))
    assert torch.equal(found[0], found[1])


def test_the_same_seed_gives_the_same_losses() -> None:
    found = []
    for seed in (1, 1, 2):
        detector = small(cutmix=1.0).train()
        torch.manual_seed(seed)
        found.append(detector(*lesions(4)))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_lesions_are_pasted_while_training_only() -> None:
    detector, seen = small(cutmix=1.0), []
    forward = detector.rpn.forward
    detector.rpn.forward = lambda i, f, targets: (
        seen.append(targets and [len(each["boxes"]) for each in targets]) or forward(i, f, targets)
    )
    images, boxes, labels = lesions(10)
    detector.train()(images, boxes, labels, torch.tensor([[0.0, 64.0]]).expand(10, 2))
    assert sum(seen[0]) > 8
    assert [number for place, number in enumerate(seen[0]) if place % 5 == 4] == [0, 0]
    detector.eval()(images, boxes, labels)
    assert seen[1] is None


def test_a_resized_image_has_its_boxes_in_pixels_of_the_given_one() -> None:
    """Trained or not, an image enlarged outside and one enlarged inside give the same boxes."""
    plain, inside = small().eval(), small(min_size=128, max_size=130).eval()
    images = lesions(2)[0]
    larger = torch.nn.functional.interpolate(images, (128, 128), mode="bilinear")
    with torch.no_grad():
        wanted, found = plain(larger), inside(images)
    torch.testing.assert_close(found[..., :4] * 2, wanted[..., :4], equal_nan=True)
    sizes = []
    inside.trunk.register_forward_pre_hook(lambda _, given: sizes.append(given[0].shape[2:]))
    inside(torch.rand(1, 3, 40, 80))
    (images, boxes, labels), targets = lesions(2), []
    inside.rpn.register_forward_pre_hook(lambda _, given: targets.extend(given[2]))
    inside.train()(images, boxes, labels)
    assert [tuple(size) for size in sizes] == [(65, 130), (128, 128)]
    assert torch.equal(torch.cat([each["boxes"] for each in targets]), 2 * boxes[:, 0])


def test_anchors_lie_on_the_levels_strides_whatever_the_side() -> None:
    detector = small()
    images = torch.rand(1, 3, 100, 100)
    levels = list(detector.pyramid(detector.trunk(images)).values())
    listed = type("Images", (), {"tensors": images, "image_sizes": [(100, 100)]})()
    anchors = detector.rpn.anchor_generator(listed, levels)[0]
    assert len(anchors) == 3 * sum(map_.shape[2] * map_.shape[3] for map_ in levels)
    start = 0
    for level, stride, side in zip(levels, STRIDES, PROPOSALS.anchors, strict=True):
        square = anchors[start + 1 : start + 3 * level.shape[2] * level.shape[3] : 3]
        start += 3 * level.shape[2] * level.shape[3]
        assert torch.equal(square[0], torch.tensor([-side, -side, side, side]) / 2)
        steps = torch.unique(square[:, 0] - square[0, 0])
        assert torch.equal(steps, torch.arange(level.shape[3]) * float(stride))


def test_numbers_that_the_paper_leaves_open_are_the_usual_ones() -> None:
    trunk = Trunk("resnet18", width=0.125)
    detector = Detector(trunk, Pyramid(trunk.channels))
    rpn, roi = detector.rpn, detector.roi_heads
    assert rpn.anchor_generator.sizes == ((32,), (64,), (128,), (256,), (512,))
    assert set(rpn.anchor_generator.aspect_ratios) == {(0.5, 1.0, 2.0)}
    matcher, sampler = rpn.proposal_matcher, rpn.fg_bg_sampler
    assert (matcher.high_threshold, matcher.low_threshold) == (0.7, 0.3)
    assert (sampler.batch_size_per_image, sampler.positive_fraction) == (256, 0.5)
    for training, number in ((True, 2000), (False, 1000)):
        rpn.train(training)
        assert (rpn.pre_nms_top_n(), rpn.post_nms_top_n()) == (number, number)
    assert (rpn.nms_thresh, roi.nms_thresh, roi.score_thresh) == (0.7, 0.5, 0.05)
    assert (roi.proposal_matcher.high_threshold, roi.proposal_matcher.low_threshold) == (0.5, 0.5)
    sampler = roi.fg_bg_sampler
    assert (sampler.batch_size_per_image, sampler.positive_fraction) == (512, 0.25)
    assert roi.box_coder.weights == (10.0, 10.0, 5.0, 5.0)
    assert roi.box_roi_pool.output_size == (7, 7)
    assert roi.box_roi_pool.sampling_ratio == 2
    assert roi.box_roi_pool.featmap_names == ["p2", "p3", "p4", "p5"]
    assert (roi.box_head.fc6.in_features, roi.box_head.fc7.out_features) == (256 * 49, 1024)
    assert (roi.box_predictor.cls_score.out_features, roi.detections_per_img) == (3, 100)
    assert detector.get_submodule(detector.features_layer) is trunk.layer4
    assert (detector.pretrained_parts, detector.weights_origin[:4]) == ((), "none")


def test_it_learns_a_handful_of_images_by_heart() -> None:
    images, boxes, labels = lesions(8)
    detector = small().train()
    optimiser = torch.optim.AdamW(detector.parameters(), 3e-3)
    torch.manual_seed(0)
    sums = []
    for _ in range(60):
        loss = detector(images, boxes, labels).sum(1).mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        sums.append(loss.item())
    assert sum(sums[-5:]) < 0.5 * sum(sums[:5])
    with torch.no_grad():
        found = detector.eval()(images)
    hits = [
        bool(box_iou(rows[:1, :4], box[:1]) > 0.5)
        and int(rows[0, 4:].argmax()) + 1 == int(label[0])
        for rows, box, label in zip(found, boxes, labels, strict=True)
        if label[0]
    ]
    assert sum(hits) >= 6, f"{sum(hits)} of {len(hits)}"


@pytest.mark.parametrize("dcn", ["none", "v1", "v2"])
def test_mixed_precision_and_channels_last_give_single_precision(dcn) -> None:
    detector = small(dcn=dcn, cutmix=0.5).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        losses = detector.train()(*lesions(4))
        losses.sum(1).mean().backward()
        with torch.no_grad():
            found = detector.eval()(lesions(2)[0])
    assert losses.dtype == found.dtype == torch.float32
    assert torch.isfinite(losses).all()
    assert torch.isfinite(found[:, 0]).all()


def test_a_box_s_probability_can_be_followed_back_to_the_last_map() -> None:
    detector, maps = small().eval(), []
    layer = detector.get_submodule(detector.features_layer)
    layer.register_forward_hook(lambda module, given, output: maps.append(output))
    score = detector(lesions(1)[0])[0, 0, 5]
    assert torch.autograd.grad(score, maps[0])[0].abs().sum() > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": torch.rand(2, 1, 64, 64)}, "images has shape"),
        ({"boxes": None}, "boxes and labels are None"),
        ({"boxes": torch.zeros(2, 3, 4)}, r"boxes has shape \(2, 3, 4\) and labels \(2, 2\)"),
        ({"labels": torch.zeros(2, 2, dtype=torch.int64)}, r"labels: \[0\] found"),
        ({"labels": torch.full((2, 2), 3)}, r"labels: \[3\] found; allowed are 1 and 2"),
        ({"boxes": torch.tensor([[[5.0, 5, 5, 9], [NAN] * 4]] * 2)}, "no area"),
    ],
)
def test_what_does_not_fit_is_named(change, words) -> None:
    images, boxes, labels = lesions(2)
    with pytest.raises(ValueError, match=words):
        small().train()(**{"images": images, "boxes": boxes, "labels": labels} | change)
