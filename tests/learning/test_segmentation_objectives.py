"""Losses of segmenters against their formulae, laws of the Dice loss and the contour, bytes."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from osteon.learning.objectives import further_losses
from osteon.learning.patches import WeightedPatches
from osteon.learning.segmentation_objectives import (
    ContourObjective,
    PatchObjective,
    ReconstructionObjective,
    RegionObjective,
    dice_losses,
    in_steps,
    outline,
)
from osteon.networks.patch_network import Dense

torch.set_num_threads(1)
MASKS = arrays(np.int64, (2, 7, 9), elements=st.integers(0, 1)).map(torch.from_numpy)
LOGITS = arrays(np.float32, (2, 1, 7, 9), elements=st.floats(-9, 9, width=32)).map(torch.from_numpy)


def disc(side: int = 24, radius: float = 6) -> torch.Tensor:
    """1 × side × side int64, a disc in the middle."""
    y, x = torch.meshgrid(*[torch.arange(side) - (side - 1) / 2] * 2, indexing="ij")
    return (y**2 + x**2 < radius**2).long()[None]


def sure(mask: torch.Tensor, logit: float = 40.0) -> torch.Tensor:
    """Logits of a prediction without doubt."""
    return (2 * mask[:, None].float() - 1) * logit


@given(LOGITS, MASKS)
@settings(max_examples=30, deadline=None)
def test_region_is_dice_and_cross_entropy_by_their_formulae(logits, mask) -> None:
    p, t = 1 / (1 + np.exp(-logits[:, 0].numpy().astype(float))), mask.numpy()
    dice = 1 - (2 * (p * t).sum((1, 2)) + 1) / (p.sum((1, 2)) + t.sum((1, 2)) + 1)
    cross = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean((1, 2))
    for weights in ((1.0, 0.0), (0.0, 1.0), (0.7, 0.4)):
        found = RegionObjective(*weights).losses(logits, mask)
        np.testing.assert_allclose(found, weights[0] * dice + weights[1] * cross, 1e-4, 1e-5)
    objective = RegionObjective()
    torch.testing.assert_close(objective.loss(logits, mask), objective.losses(logits, mask).mean())


@given(MASKS)
@settings(max_examples=30, deadline=None)
def test_dice_is_0_for_a_perfect_and_near_1_for_a_disjoint_prediction(mask) -> None:
    objective = RegionObjective(bce=0)
    assert objective.losses(sure(mask), mask).abs().max() < 1e-5
    # Everything wrong: s / (H · W + s) is left of the fraction.
    torch.testing.assert_close(
        objective.losses(sure(1 - mask), mask), torch.full((2,), 1 - 1 / (7 * 9 + 1))
    )


@given(LOGITS, MASKS)
@settings(max_examples=30, deadline=None)
def test_dice_lies_between_0_and_1_and_is_symmetric(logits, mask) -> None:
    found = dice_losses(torch.sigmoid(logits[:, 0]), mask.float())
    assert ((found >= -1e-6) & (found <= 1 + 1e-6)).all()
    other = torch.sigmoid(logits[:, 0].flip(2))
    torch.testing.assert_close(dice_losses(mask.float(), other), dice_losses(other, mask.float()))


@given(LOGITS, MASKS)
@settings(max_examples=20, deadline=None)
def test_a_case_s_loss_does_not_depend_on_its_batch(logits, mask) -> None:
    both = torch.cat([logits, logits.flip(2)], dim=1)
    for objective, output in ((RegionObjective(), logits), (ContourObjective(), both)):
        alone = [objective.losses(output[i : i + 1], mask[i : i + 1]) for i in (0, 1)]
        torch.testing.assert_close(objective.losses(output, mask), torch.cat(alone))


@pytest.mark.parametrize("logit", [-200.0, 0.0, 200.0])
@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("objective", [RegionObjective(), ContourObjective()])
def test_gradients_are_finite_on_empty_and_full_masks(objective, value, logit) -> None:
    planes = 2 if isinstance(objective, ContourObjective) else 1
    logits = torch.full((1, planes, 8, 8), logit, requires_grad=True)
    loss = objective.loss(logits, torch.full((1, 8, 8), value))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_an_empty_mask_still_pulls_the_prediction_down() -> None:
    logits = torch.zeros(1, 1, 8, 8, requires_grad=True)
    RegionObjective(bce=0).loss(logits, torch.zeros(1, 8, 8, dtype=torch.int64)).backward()
    assert (logits.grad > 0).all()


def test_the_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    mask, logits = torch.randint(0, 2, (2, 4, 5)), torch.randn(2, 2, 4, 5, requires_grad=True)
    objective, step = ContourObjective(), 1e-2
    (gradient,) = torch.autograd.grad(objective.loss(logits, mask), logits)
    with torch.no_grad():
        for _ in range(10):
            way = torch.randn_like(logits)
            up, down = (objective.loss(logits + sign * step * way, mask) for sign in (1, -1))
            assert ((up - down) / (2 * step)).item() == pytest.approx(
                (gradient * way).sum().item(), abs=2e-4
            )


def test_contour_is_three_pixels_about_the_mask_s_own_edge() -> None:
    mask = torch.zeros(1, 11, 11)
    mask[:, 3:8, 3:8] = 1
    wanted = torch.zeros(1, 11, 11)
    wanted[:, 2:9, 2:9] = 1
    wanted[:, 5, 5] = 0
    assert torch.equal(outline(mask), wanted)
    line = torch.zeros(1, 11, 16)
    line[:, :, 8:] = 1
    assert outline(line)[0, 5].nonzero().flatten().tolist() == [7, 8, 9]
    assert outline(line, 2)[0, 5].nonzero().flatten().tolist() == [7, 8]
    assert outline(line, 5)[0, 5].nonzero().flatten().tolist() == [6, 7, 8, 9, 10]


@given(MASKS, st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_contour_is_scipy_s_dilation_less_erosion(mask, width) -> None:
    found = outline(mask.float(), width)
    for one, own in zip(mask.numpy().astype(bool), found.numpy(), strict=True):
        outer, inner = width // 2, width - width // 2
        wider = ndimage.binary_dilation(one, np.ones((2 * outer + 1,) * 2))
        narrower = ndimage.binary_erosion(one, np.ones((2 * inner + 1,) * 2), border_value=1)
        np.testing.assert_array_equal(own, wider & ~narrower)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_empty_or_full_mask_has_no_contour(value) -> None:
    assert not outline(torch.full((1, 9, 9), value)).any()


def test_contour_pixels_weigh_ten_and_the_contour_a_half() -> None:
    torch.manual_seed(0)
    mask, logits = disc(), torch.randn(1, 2, 24, 24)
    edge = outline(mask.float())
    weights = 1 + 9 * edge
    cross = (
        weights * F.binary_cross_entropy_with_logits(logits[:, 1], edge, reduction="none")
    ).mean()
    objective = ContourObjective()
    region = RegionObjective().loss(logits[:, :1], mask)
    torch.testing.assert_close(objective.loss(logits, mask), region + 0.5 * cross)
    # In evaluation a network gives the mask alone.
    torch.testing.assert_close(objective.loss(logits[:, :1], mask), region)
    assert torch.equal(
        objective.probabilities(logits), RegionObjective().probabilities(logits[:, :1])
    )


@given(st.floats(0, 1, width=32))
def test_half_is_certain_and_no_step_is_further_than_half_a_step(probability) -> None:
    byte = in_steps(torch.tensor([probability]))
    assert byte.dtype == torch.uint8
    assert (byte.item() >= 128) == (probability >= 0.5)
    assert abs(byte.item() / 255 - probability) <= 0.5 / 255 + 1e-7


def test_the_nearest_probabilities_to_a_half_are_told_apart() -> None:
    near = torch.tensor([np.nextafter(np.float32(0.5), np.float32(side)) for side in (0, 0.5, 1)])
    assert in_steps(near).tolist() == [127, 128, 128]
    assert in_steps(torch.tensor([0.0, 1.0])).tolist() == [0, 255]


def test_a_map_becomes_a_row_of_bytes_in_reading_order() -> None:
    logits = torch.logit(torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])).reshape(1, 1, 2, 3)
    found = RegionObjective().probabilities(logits)
    assert found.dtype == torch.uint8
    assert found.tolist() == [[0, 51, 102, 153, 204, 255]]


def test_right_is_a_share_of_pixels_summed_over_cases() -> None:
    mask = torch.zeros(2, 4, 4, dtype=torch.int64)
    logits = torch.full((2, 1, 4, 4), -1.0)
    logits[0, 0, 0] = 1.0
    assert RegionObjective().right(logits, mask).item() == pytest.approx(0.75 + 1)
    both = torch.cat([logits, -logits], dim=1)
    assert ContourObjective().right(both, mask).item() == pytest.approx(1.75)
    # As in the bytes, a half is the target.
    assert RegionObjective().right(torch.zeros(2, 1, 4, 4), mask).item() == 0


@pytest.mark.parametrize("classes", [2, 3])
def test_patch_losses_by_their_formulae(classes) -> None:
    torch.manual_seed(0)
    logits, label = torch.randn(5, classes), torch.arange(5) % classes
    truth = torch.eye(classes)[label]
    p = torch.sigmoid(logits)
    cross = -(truth * p.log() + (1 - truth) * (1 - p).log())
    right = truth * p + (1 - truth) * (1 - p)
    wanted = {
        "bce": cross.mean(1),
        "softmax": -torch.log_softmax(logits, 1)[torch.arange(5), label],
        "focal": ((1 - right) ** 2 * cross).mean(1),
    }
    for kind, losses in wanted.items():
        objective = PatchObjective(kind, classes)
        torch.testing.assert_close(objective.losses(logits, label), losses)
        torch.testing.assert_close(objective.loss(logits, label), losses.mean())
        assert objective.right(logits, label) == (logits.argmax(1) == label).sum()


@given(st.floats(-30, 30), st.integers(0, 1), st.floats(0, 5))
def test_focal_is_never_more_than_bce_and_the_same_at_gamma_0(logit, label, gamma) -> None:
    logits, target = torch.tensor([[-logit, logit]]), torch.tensor([label])
    plain = PatchObjective("bce").losses(logits, target)
    assert PatchObjective("focal", gamma=gamma).losses(logits, target) <= plain
    torch.testing.assert_close(PatchObjective("focal", gamma=0).losses(logits, target), plain)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("logit", [-200.0, 0.0, 200.0])
def test_focal_s_gradient_is_finite_where_the_answer_is_certain(logit, gamma) -> None:
    logits = torch.tensor([[-logit, logit]], requires_grad=True)
    PatchObjective("focal", gamma=gamma).loss(logits, torch.tensor([1])).backward()
    assert torch.isfinite(logits.grad).all()


def test_whole_images_are_judged_by_their_pixels() -> None:
    torch.manual_seed(0)
    mask, map_ = torch.randint(0, 2, (2, 6, 8)), torch.rand(2, 6, 8)
    output, objective = Dense(map_, torch.rand(2, 3, 4)), PatchObjective(classes=3)
    wanted = [F.binary_cross_entropy(m, t.float()) for m, t in zip(map_, mask, strict=True)]
    torch.testing.assert_close(objective.losses(output, mask), torch.stack(wanted))
    torch.testing.assert_close(objective.loss(output, mask), torch.stack(wanted).mean())
    assert objective.right(output, mask).item() == pytest.approx(
        ((map_ >= 0.5) == mask.bool()).double().mean((1, 2)).sum().item()
    )
    row = objective.probabilities(output)
    assert row.shape == (2, 6 * 8 + 3 * 4)
    assert torch.equal(row[:, :48].reshape(2, 6, 8), in_steps(map_))
    assert torch.equal(row[:, 48:].reshape(2, 3, 4), in_steps(output.patches))
    perfect = Dense(mask.float(), output.patches)
    assert objective.loss(perfect, mask) == 0
    rounded = Dense((1 - mask.float()) * (1 + 1e-6), output.patches)
    assert torch.isfinite(objective.loss(rounded, mask))


def test_an_image_of_a_patch_s_size_is_judged_by_its_class() -> None:
    """Early stopping of the audit, whose cases are patches, asks for this."""
    said, kinds = torch.tensor([0.9, 0.2, 0.4]), torch.tensor([1, 0, 2])
    output = Dense(torch.rand(3, 8, 8), said[:, None, None])
    wanted = F.binary_cross_entropy(said, torch.tensor([1.0, 0.0, 0.0]), reduction="none")
    torch.testing.assert_close(PatchObjective(classes=3).losses(output, kinds), wanted)
    weighted = WeightedPatches(PatchObjective(classes=3), (0.5, 2.0, 3.0))
    own = weighted.losses(output, kinds)  # type: ignore[arg-type]
    torch.testing.assert_close(own, wanted * torch.tensor([2.0, 0.5, 3.0]))
    several = Dense(torch.rand(3, 8, 8), torch.rand(3, 2, 2))
    with pytest.raises(ValueError, match=r"target has shape \(3, 1, 1\); wanted \(3, 2, 2\)"):
        PatchObjective().losses(several, kinds)


def test_reconstruction_weighs_its_three_parts() -> None:
    output = torch.tensor([[4.0, 10.0, 3.0], [2.0, 10.0, 3.0]], requires_grad=True)
    objective, target = ReconstructionObjective(0.01, 2.0), torch.zeros(2, dtype=torch.int64)
    assert objective.losses(output, target).tolist() == pytest.approx([10.1, 8.1])
    objective.loss(output, target).backward()
    assert output.grad[0].tolist() == pytest.approx([0.5, 0.005, 1.0])
    assert math.isnan(objective.right(output, target))
    assert objective.probabilities(output).tolist() == [[4.0], [2.0]]
    plain = ReconstructionObjective(0, 0)
    assert plain.losses(output, target).tolist() == [4.0, 2.0]


def test_auxiliary_maps_are_judged_as_the_output() -> None:
    network, mask, logits = torch.nn.Linear(1, 1), disc(), torch.randn(1, 1, 24, 24)
    network.auxiliary, network.auxiliary_weight = [logits], 0.4
    found = further_losses(network, RegionObjective(), mask)
    torch.testing.assert_close(found, 0.4 * RegionObjective().loss(logits, mask))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RegionObjective(0, 0), r"dice is 0 and bce 0"),
        (lambda: RegionObjective(dice=-1), "dice is -1"),
        (lambda: RegionObjective(smoothing=0), "smoothing is 0"),
        (lambda: ContourObjective(contour=-0.5), "contour is -0.5"),
        (lambda: ContourObjective(pos_weight=0), "pos_weight 0"),
        (lambda: ContourObjective(width=1), "width 1"),
        (lambda: ContourObjective(dice=0, bce=0), "dice is 0"),
        (lambda: PatchObjective("mse"), "kind is 'mse'; allowed are bce, softmax and focal"),
        (lambda: PatchObjective(classes=4), "classes is 4"),
        (lambda: PatchObjective(gamma=-1), "gamma is -1"),
        (lambda: ReconstructionObjective(lambda_=-1), "lambda_ is -1"),
        (lambda: ReconstructionObjective(beta=-1), "beta is -1"),
    ],
)
def test_wrong_numbers_are_named(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("objective", "output", "target", "message"),
    [
        (RegionObjective(), (2, 2, 8, 8), (2, 8, 8), "output has shape"),
        (RegionObjective(), (2, 1, 8, 8), (2, 8, 9), "target has shape"),
        (ContourObjective(), (2, 2, 8, 8), (1, 8, 8), "target has shape"),
        (PatchObjective(classes=3), (2, 2), (2,), "output has 2 classes; wanted 3"),
    ],
)
def test_shapes_that_do_not_fit_are_named(objective, output, target, message) -> None:
    with pytest.raises(ValueError, match=message):
        objective.losses(torch.zeros(output), torch.zeros(target, dtype=torch.int64))


def test_a_dense_map_of_another_shape_is_named() -> None:
    output = Dense(torch.zeros(1, 8, 8), torch.zeros(1, 2, 2))
    with pytest.raises(ValueError, match=r"target has shape \(1, 8, 9\)"):
        PatchObjective().losses(output, torch.zeros(1, 8, 9, dtype=torch.int64))


def test_logits_of_patches_have_no_map() -> None:
    with pytest.raises(TypeError, match="wanted the Dense"):
        PatchObjective().probabilities(torch.zeros(2, 2))
