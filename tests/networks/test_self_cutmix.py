"""MultiScale-SelfCutMix: what is pasted, where, how large, and what stays."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import box_iou

from osteon.networks.self_cutmix import SelfCutMix, SelfCutMixOptions

HEIGHT, WIDTH = 90, 70


def mixer(**options) -> SelfCutMix:
    return SelfCutMix(SelfCutMixOptions(**{"probability": 1.0} | options)).train()


@st.composite
def cases(draw):
    """An image, one to four boxes of it, and the corridor (or none)."""
    seed = draw(st.integers(0, 2**31))
    random = torch.Generator().manual_seed(seed)
    number = draw(st.integers(1, 4))
    low = torch.rand(number, 2, generator=random) * torch.tensor([WIDTH - 9.0, HEIGHT - 9.0])
    side = 5 + torch.rand(number, 2, generator=random) * 25
    high = torch.minimum(low + side, torch.tensor([float(WIDTH), float(HEIGHT)]))
    boxes = torch.cat([low, high], dim=1)
    labels = torch.randint(1, 3, (number,), generator=random)
    corridor = torch.tensor([[boxes[:, 0].min() - 3, boxes[:, 2].max() + 4]])
    return seed, torch.rand(1, 3, HEIGHT, WIDTH, generator=random), boxes, labels, corridor


def paste(case, *, given_corridor: bool = True, **options):
    seed, image, boxes, labels, corridor = case
    torch.manual_seed(seed)
    found = mixer(**options)(image, [boxes], [labels], corridor if given_corridor else None)
    return found[0], found[1][0], found[2][0]


@settings(max_examples=60, deadline=None)
@given(cases(), st.sampled_from([(0.5, 1.0), (0.5, 0.5), (0.8, 1.0)]), st.integers(1, 3))
def test_boxes_that_were_there_stay_and_few_come(case, scales, most) -> None:
    _, boxes, labels = paste(case, scale_min=scales[0], scale_max=scales[1], n_max=most)
    new = len(boxes) - len(case[2])
    assert 0 <= new <= min(most, len(case[2]))
    assert torch.equal(boxes[: len(case[2])], case[2])
    assert torch.equal(labels[: len(case[2])], case[3])
    assert len(labels) == len(boxes)


@settings(max_examples=60, deadline=None)
@given(cases(), st.sampled_from([(0.5, 1.0), (0.5, 0.5), (0.8, 1.0)]))
def test_a_pasted_box_has_a_source_of_its_class_within_the_factors(case, scales) -> None:
    _, boxes, labels = paste(case, scale_min=scales[0], scale_max=scales[1])
    sides = case[2][:, 2:] - case[2][:, :2]
    for box, label in zip(boxes[len(case[2]) :], labels[len(case[2]) :], strict=True):
        factors = (box[2:] - box[:2]) / sides[case[3] == label]
        within = (factors >= scales[0] - 1e-5) & (factors <= scales[1] + 1e-5)
        assert within.all(1).any()


@settings(max_examples=60, deadline=None)
@given(cases(), st.booleans())
def test_pasted_boxes_are_free_inside_and_centred_in_the_corridor(case, given_corridor) -> None:
    _, boxes, _ = paste(case, given_corridor=given_corridor)
    old, new = case[2], boxes[len(case[2]) :]
    overlap = box_iou(boxes, boxes).fill_diagonal_(0)
    assert (overlap[len(old) :] < 0.1).all()
    assert (new[:, :2] >= -1e-4).all()
    assert (new[:, 2:] <= torch.tensor([WIDTH, HEIGHT]) + 1e-4).all()
    spine = case[4][0] if given_corridor else torch.stack([old[:, 0].min(), old[:, 2].max()])
    centres, margin = (new[:, :2] + new[:, 2:]) / 2, 0.5 * (old[:, 2] - old[:, 0]).max()
    assert (centres[:, 0] >= spine[0] - margin - 1e-4).all()
    assert (centres[:, 0] <= spine[1] + margin + 1e-4).all()
    assert ((centres[:, 1] >= 0.1 * HEIGHT - 1e-4) & (centres[:, 1] <= 0.9 * HEIGHT + 1e-4)).all()


@settings(max_examples=60, deadline=None)
@given(cases(), st.sampled_from(["paste", "gaussian_edge"]))
def test_pixels_outside_of_pasted_boxes_are_as_before(case, blend) -> None:
    image, boxes, _ = paste(case, blend=blend)
    touched = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    for x0, y0, x1, y1 in boxes[len(case[2]) :].tolist():
        # The patch has whole pixels: it may reach one beyond the box.
        touched[max(0, int(y0) - 1) : int(y1) + 2, max(0, int(x0) - 1) : int(x1) + 2] = True
    assert torch.equal(image[0, :, ~touched], case[1][0, :, ~touched])
    if len(boxes) > len(case[2]):
        assert not torch.equal(image, case[1])
    assert image.min() >= 0
    assert image.max() <= 1


def one(box: list[float], **options):
    """One image with a bright lesion, pasted at the seed's place."""
    image = torch.zeros(1, 3, HEIGHT, WIDTH)
    x0, y0, x1, y1 = (int(value) for value in box)
    image[..., y0:y1, x0:x1] = 1.0
    torch.manual_seed(options.pop("seed", 0))
    boxes, labels = torch.tensor([box]), torch.tensor([2])
    image, found, classes = mixer(**options)(image, [boxes], [labels], options.get("spine"))
    return image[0], found[0], classes[0]


def test_the_pasted_box_holds_the_copy_exactly() -> None:
    image, boxes, labels = one([20, 20, 40, 30], scale_min=0.5, scale_max=0.5)
    assert labels.tolist() == [2, 2]
    x0, y0, x1, y1 = (round(value) for value in boxes[1].tolist())
    assert (x1 - x0, y1 - y0) == (10, 5)
    assert (image[:, y0:y1, x0:x1] == 1).all()
    image[:, y0:y1, x0:x1] = image[:, 20:30, 20:40] = 0
    assert not image.any()


def test_a_gaussian_edge_is_opaque_inside_and_fades_at_the_border() -> None:
    image, boxes, _ = one([10, 10, 40, 40], scale_min=1.0, blend="gaussian_edge", seed=1)
    x0, y0, x1, y1 = (round(value) for value in boxes[1].tolist())
    patch = image[0, y0:y1, x0:x1]
    assert patch[15, 15] > 0.999
    assert patch[0, 15] < 0.1
    assert (patch[:15, 15].diff() >= 0).all()


def test_both_factors_are_drawn_over_their_range_and_by_themselves() -> None:
    pairs = []
    for seed in range(300):
        _, boxes, _ = one([20, 20, 60, 60], seed=seed, corridor="anywhere", tries=200)
        sides = boxes[1:, 2:] - boxes[1:, :2]
        pairs.extend((sides / 40).tolist())
    found = torch.tensor(pairs)
    assert len(found) > 100
    assert found.min() < 0.55
    assert (found[:, 0] - found[:, 1]).abs().max() > 0.2


def test_the_share_of_images_is_the_probability() -> None:
    images = torch.zeros(400, 3, 64, 64)
    boxes, labels = [torch.tensor([[20.0, 10, 34, 20]])] * 400, [torch.tensor([1])] * 400
    torch.manual_seed(0)
    found = mixer(probability=0.3, tries=100)(images, boxes, labels)[1]
    assert 0.23 < sum(len(each) - 1 for each in found) / 400 < 0.37


def test_without_room_nothing_is_pasted() -> None:
    image = torch.rand(1, 3, 40, 40)
    boxes = torch.tensor([[0.0, 0, 40, 40], [10, 5, 30, 35]])
    found = mixer(scale_min=1.0)(image, [boxes[:1]], [torch.tensor([1])])
    assert torch.equal(found[0], image)
    assert len(found[1][0]) == 1
    tiny = mixer(scale_min=0.5, scale_max=0.5)(
        image, [torch.tensor([[4.0, 4, 7, 7]])], [torch.tensor([1])]
    )
    assert len(tiny[1][0]) == 1, "1 pixel is left of 3"


def test_images_without_boxes_and_evaluation_mode_are_left_alone() -> None:
    image = torch.rand(2, 3, 64, 64)
    none, no_labels = [torch.zeros(0, 4)] * 2, [torch.zeros(0, dtype=torch.int64)] * 2
    found = mixer()(image, none, no_labels, torch.full((2, 2), torch.nan))
    assert torch.equal(found[0], image)
    assert [len(each) for each in found[1]] == [0, 0]
    box, label = [torch.tensor([[5.0, 20, 15, 30]])] * 2, [torch.tensor([1])] * 2
    assert mixer().eval()(image, box, label)[0] is image


def test_the_same_seed_gives_the_same_picture_and_the_input_is_not_changed() -> None:
    image = torch.rand(1, 3, 64, 64)
    kept, results = image.clone(), []
    for _ in range(2):
        torch.manual_seed(5)
        box = [torch.tensor([[5.0, 20, 15, 30]])]
        results.append(mixer()(image, box, [torch.tensor([1])]))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1][0], results[1][1][0])
    assert torch.equal(image, kept)


def test_a_corridor_that_is_not_known_is_that_of_the_image_s_own_boxes() -> None:
    image, box = torch.rand(1, 3, 90, 70), torch.tensor([[30.0, 40, 40, 50]])
    found = []
    for corridor in (None, torch.full((1, 2), torch.nan), torch.tensor([[30.0, 40.0]])):
        torch.manual_seed(3)
        found.append(mixer()(image, [box], [torch.tensor([1])], corridor)[1][0])
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"probability": 1.5}, "probability is 1.5"),
        ({"scale_min": 0.0}, "scale_min is 0.0"),
        ({"scale_min": 0.9, "scale_max": 0.8}, "scale_min is 0.9 and scale_max 0.8"),
        ({"scale_max": 1.2}, "scale_max 1.2"),
        ({"n_max": 0}, "n_max is 0"),
        ({"tries": 0}, "tries is 0"),
        ({"corridor": "mask"}, "corridor is 'mask'"),
        ({"blend": "poisson"}, "blend is 'poisson'"),
    ],
)
def test_what_is_not_allowed_is_named(options, words) -> None:
    with pytest.raises(ValueError, match=words):
        SelfCutMixOptions(**options)
