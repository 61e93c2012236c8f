"""Training patches: of training slices alone, each the very square of the store, thinned out."""

import pickle
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.imaging.patches import patch_labels
from osteon.learning.balance import prepare_training
from osteon.learning.batches import plan_epoch
from osteon.learning.config import TrainingConfig
from osteon.learning.objectives import SoftmaxObjective, balanced_weights
from osteon.learning.patches import PatchCases, PatchPlan, WeightedPatches
from osteon.learning.segmentation import SliceCases
from tests.tiny_slices import BONE, PATCH, PLAN, SIDE, TARGET, make_slices

CPU = torch.device("cpu")
TRAIN = np.array([1, 4, 5, 9, 14, 20, 21])


@pytest.fixture
def cases(tmp_path: Path) -> SliceCases:
    return make_slices(tmp_path, patches=PLAN)


def expanded(cases: SliceCases, seed: int = 0, **plan: object) -> PatchCases:
    given = replace(cases, patches=replace(PLAN, **plan))
    found, train = given.expand(TRAIN, (seed, 0))
    assert isinstance(found, PatchCases)
    np.testing.assert_array_equal(train, np.arange(len(found.labels)))
    return found


def by_hand(cases: SliceCases, plan: PatchPlan) -> list[tuple[np.ndarray, int, str]]:
    """Every patch of the training slices, its label and its slice's name."""
    images, masks = np.load(cases.images), np.load(cases.masks)
    found = []
    for place in TRAIN:
        row = cases.rows[place]
        labels = patch_labels(
            masks[row], plan.patch, plan.stride, target=TARGET, others=plan.others,
            fraction=plan.fraction, classes=plan.classes,
        )  # fmt: skip
        for (i, j), label in np.ndenumerate(labels):
            y, x = i * plan.stride, j * plan.stride
            patch = images[row, y : y + plan.patch, x : x + plan.patch]
            found.append((patch, int(label), str(cases.samples[place])))
    return found


@pytest.mark.parametrize(
    "own", [{}, {"stride": 5, "patch": 7}, {"classes": 3, "others": (BONE,)}], ids=str
)
def test_every_patch_is_the_stores_own_square_with_its_label(cases, own) -> None:
    found = expanded(cases, share=None, **own)
    wanted = by_hand(cases, replace(PLAN, **own))
    assert len(found.labels) == len(wanted)
    patches, labels = found.read(np.arange(len(wanted)))
    assert patches.dtype == torch.uint8 and labels.dtype == torch.int64
    np.testing.assert_array_equal(patches, np.stack([patch for patch, _, _ in wanted]))
    assert labels.tolist() == [label for _, label, _ in wanted] == found.labels.tolist()
    assert found.samples.tolist() == [name for _, _, name in wanted]
    whose = dict(zip(cases.samples, cases.patients, strict=True))
    assert found.patients.tolist() == [whose[name] for name in found.samples]


@given(seed=st.integers(0, 99), share=st.floats(0.2, 0.8))
@settings(max_examples=20, deadline=None)
def test_all_of_the_target_stay_and_the_rest_make_their_share(tmp_path_factory, seed, share):
    cases = make_slices(tmp_path_factory.mktemp("store"))
    whole, thin = expanded(cases, share=None), expanded(cases, seed, share=share)
    assert (thin.labels == 1).sum() == (whole.labels == 1).sum()
    rest, few = ((thin.labels == label).sum() for label in (0, 1))
    assert abs(rest - min(few * share / (1 - share), (whole.labels == 0).sum())) <= 0.5
    assert (np.diff(thin.numbers) > 0).all() and thin.numbers.dtype == np.int32
    np.testing.assert_array_equal(thin.labels, whole.labels[thin.numbers])


def test_the_draw_follows_its_seed_alone(cases) -> None:
    first = expanded(cases, 0, share=0.4).numbers
    np.testing.assert_array_equal(expanded(cases, 0, share=0.4).numbers, first)
    assert not np.array_equal(expanded(cases, 1, share=0.4).numbers, first)


def test_no_mask_but_those_of_training_slices_is_looked_at(cases) -> None:
    masks = np.load(cases.masks)
    whole = expanded(cases)
    others = np.setdiff1d(np.arange(len(masks)), cases.rows[TRAIN])
    masks[others] = TARGET
    np.save(cases.masks, masks)
    again = expanded(cases)
    np.testing.assert_array_equal(again.numbers, whole.numbers)
    np.testing.assert_array_equal(again.kinds, whole.kinds)
    assert set(again.rows) == set(cases.rows[TRAIN])


def test_any_order_of_any_patches_is_read(cases) -> None:
    found = expanded(cases, share=None)
    every = found.read(np.arange(len(found.labels)))
    index = np.array([40, 3, 3, 61])
    patches, labels = found.read(index)
    assert torch.equal(patches, every[0][index]) and torch.equal(labels, every[1][index])


def test_patches_cost_five_bytes_and_a_batch_copies_its_squares_alone(cases) -> None:
    found = expanded(cases)
    assert found.numbers.itemsize + found.kinds.itemsize == 5
    assert not found._windows.flags.owndata and not found._windows.flags.writeable
    assert len(pickle.dumps(found)) < 5 * len(found.labels) + 4000
    patches = found.read(np.array([0, 1]))[0].numpy()
    assert patches.nbytes == 2 * PATCH**2 and not np.shares_memory(patches, found._windows)


def test_a_batch_is_one_channel_and_mirrored_in_training_alone(cases) -> None:
    found = replace(expanded(cases), hflip=0.5)
    tensors = found.read(np.arange(50))
    (plain,), target = found.place(tensors, CPU)
    assert plain.shape == (50, 1, PATCH, PATCH) and plain.dtype == torch.float32
    torch.testing.assert_close(plain[:, 0] * 255, tensors[0].float())
    torch.manual_seed(0)
    (images,), again = found.in_training().place(tensors, CPU)
    turned = (images != plain).flatten(1).any(1)
    assert 10 < turned.sum() < 40 and torch.equal(again, target)
    assert torch.equal(images[turned], plain[turned].flip(-1))
    dark = found.place(tensors, CPU, augment=lambda image: image * 0)
    assert not dark.inputs[0].any()


def test_chance_of_the_slices_is_that_of_their_patches(cases) -> None:
    given = replace(cases, hflip=0.3)
    found = prepare_training(given, TRAIN, SoftmaxObjective(), TrainingConfig(), (0, 0))
    assert isinstance(found.cases, PatchCases)
    assert found.cases.training and found.cases.hflip == 0.3
    assert not given.training


def test_balance_speaks_of_patches(cases) -> None:
    config = TrainingConfig(balance="class_weight")
    found = prepare_training(cases, TRAIN, SoftmaxObjective(), config, (0, 0))
    assert isinstance(found.objective, WeightedPatches)
    assert found.objective.weights == balanced_weights(found.cases.labels)
    assert len(found.train) == len(found.cases.labels) > len(TRAIN)
    config = TrainingConfig(balance="offline")
    with pytest.raises(ValueError, match=r"balance is offline: patches are thinned out .* allowed"):
        prepare_training(cases, TRAIN, SoftmaxObjective(), config, (0, 0))


def test_steps_are_counted_in_patches(cases) -> None:
    config = TrainingConfig(steps=100, batch=16, milestones=())
    found = prepare_training(cases, TRAIN, SoftmaxObjective(), config, (0, 0))
    steps = len(plan_epoch(found.train, 16, None, (0,)))
    assert (found.config.epochs - 1) * steps < 100 <= found.config.epochs * steps


def test_weights_are_those_of_patches_and_leave_maps_alone() -> None:
    inner = SimpleNamespace(losses=lambda output, target: torch.ones(len(target)))
    weighted = WeightedPatches(inner, (0.5, 3.0))
    assert weighted.losses(None, torch.zeros(2, 4, 4, dtype=torch.int64)).tolist() == [1, 1]
    labels = torch.tensor([0, 1, 1])
    assert weighted.losses(torch.zeros(3, 2), labels).tolist() == [0.5, 3, 3]


def test_no_target_patch_is_an_error_that_says_what_helps(cases) -> None:
    with pytest.raises(ValueError, match=r"none of 112 training patches .* rule centre, finds"):
        expanded(cases, fraction=1.0, patch=11, stride=4)
    for share in (0.6, None):
        with pytest.raises(ValueError, match="mask value 9"):
            expanded(replace(cases, target=9), share=share)
    with pytest.raises(ValueError, match=f"{SIDE} x {SIDE} px found, which is smaller"):
        expanded(cases, patch=32)


def test_other_labels_and_the_same_patches(cases) -> None:
    found = expanded(cases)
    other = found.with_labels(1 - found.labels)
    assert other.read(np.array([0]))[1].item() == 1 - found.labels[0]
    assert list(other.content()) == list(found.content())
    assert list(replace(found, numbers=found.numbers[::-1].copy()).content()) != list(
        found.content()
    )


def test_the_store_stays_behind(cases) -> None:
    found = expanded(cases)
    first = found.read(np.array([3]))[0]
    back = pickle.loads(pickle.dumps(found))  # noqa: S301 - our own bytes
    assert "_windows" not in back.__dict__ and torch.equal(back.read(np.array([3]))[0], first)
