"""The last suppression gives a lesion one answer; the losses are those of the formula."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import box_iou

from osteon.networks.roi_heads import LesionHeads, RoIOptions, build_roi_heads

SHAPE = (100, 120)
LESION = [10.0, 20.0, 40.0, 60.0]


def heads(**options) -> LesionHeads:
    return build_roi_heads(4, 2, RoIOptions(**{"pooled": 2, "hidden": 4} | options)).eval()


def suppress(chances: list[list[float]], boxes: list[list[list[float]]], **options):
    """`boxes` of benign and of malignant of each region."""
    own = torch.tensor([[[0.0] * 4, *pair] for pair in boxes])
    found = heads(**options)._suppress(own, torch.tensor(chances), SHAPE)
    return found["boxes"].tolist(), found["probabilities"]


def near(box: list[float], shift: float) -> list[float]:
    return [value + shift for value in box]


def test_a_lesion_that_may_be_either_is_returned_once_with_both_probabilities() -> None:
    chances, pair = [[0.2, 0.35, 0.45], [0.1, 0.5, 0.4]], [near(LESION, 1), LESION]
    boxes, both = suppress(chances, [pair, pair])
    assert boxes == [near(LESION, 1)], "the more probable class of the surest region gives the box"
    torch.testing.assert_close(both, torch.tensor([[0.5, 0.4]]))


def test_suppression_by_class_returns_it_twice_and_each_box_says_its_class() -> None:
    pair = [near(LESION, 1), LESION]
    boxes, both = suppress([[0.2, 0.35, 0.45]], [pair], suppression="per_class")
    assert boxes == [LESION, near(LESION, 1)]
    torch.testing.assert_close(both, torch.tensor([[0.35, 0.45], [0.35, 0.0]]))


def test_what_is_improbable_small_or_too_many_is_left_out() -> None:
    far = [
        [LESION] * 2,
        [[70.0, 10, 90, 30]] * 2,
        [[70.0, 60, 70, 80]] * 2,
        [[130.0, 0, 150, 9]] * 2,
    ]
    chances = [[0.93, 0.04, 0.03], [0.4, 0.1, 0.5], [0.1, 0.1, 0.8], [0.1, 0.1, 0.8]]
    boxes, _ = suppress(chances, far)
    assert boxes == [[70.0, 10, 90, 30]], "one improbable, one a line, one outside of the image"
    assert len(suppress(chances, far, score=0.01)[0]) == 2
    assert len(suppress(chances, far, score=0.01, detections=1)[0]) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 40), st.sampled_from(["one_class", "per_class"]))
def test_laws_of_what_is_returned(seed, number, suppression) -> None:
    random = torch.Generator().manual_seed(seed)
    low = torch.rand(number, 3, 2, generator=random) * 100 - 10
    boxes = torch.cat([low, low + torch.rand(number, 3, 2, generator=random) * 60], dim=2)
    chances = torch.randn(number, 3, generator=random).mul(2).softmax(1)
    found = heads(suppression=suppression)._suppress(boxes, chances, SHAPE)
    kept, both = found["boxes"], found["probabilities"]
    score = both.max(1).values
    assert (score > 0.05).all()
    assert (both.sum(1) <= 1 + 1e-6).all()
    assert (score.diff() <= 0).all()
    assert ((kept >= 0) & (kept <= torch.tensor([120, 100, 120, 100]))).all()
    overlap = box_iou(kept, kept).fill_diagonal_(0)
    if suppression == "per_class":
        overlap = overlap * (both.argmax(1)[:, None] == both.argmax(1))
    assert (overlap <= 0.5 + 1e-6).all()
    assert len(kept) >= bool((chances[:, 1:] > 0.05).any() and (kept.numel() > 0))


@pytest.mark.parametrize("beta", [1 / 9, 1.0])
def test_losses_follow_the_formula(beta) -> None:
    torch.manual_seed(0)
    logits, offsets, wanted = torch.randn(5, 3), torch.randn(5, 12), torch.randn(5, 4)
    labels = torch.tensor([0, 2, 0, 1, 0])
    found = heads(beta=beta)._losses(logits, offsets, labels, wanted)
    torch.testing.assert_close(found["classifier"], F.cross_entropy(logits, labels))
    gap = torch.stack([offsets[1, 8:12] - wanted[1], offsets[3, 4:8] - wanted[3]]).abs()
    smooth = torch.where(gap < beta, gap**2 / (2 * beta), gap - beta / 2)
    torch.testing.assert_close(found["box"], smooth.sum() / 5)
    none = heads()._losses(logits, offsets, torch.zeros(5, dtype=torch.int64), wanted)
    assert none["box"] == 0


def test_an_unknown_suppression_is_named() -> None:
    with pytest.raises(ValueError, match="suppression is 'soft'; allowed are one_class"):
        heads(suppression="soft")
