"""Slices with masks: read as they are stored, mirrored together, expanded from training alone."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from osteon.learning.balance import check_balance, prepare_training
from osteon.learning.config import TrainingConfig
from osteon.learning.objectives import SoftmaxObjective
from osteon.learning.segmentation import SliceCases
from tests.tiny_slices import BONE, PATIENTS, PLAN, SIDE, SLICES, TARGET, make_slices

CPU = torch.device("cpu")


@pytest.fixture
def cases(tmp_path: Path) -> SliceCases:
    return make_slices(tmp_path)


def stored(cases: SliceCases) -> tuple[np.ndarray, np.ndarray]:
    return np.load(cases.images), np.load(cases.masks)


def test_a_slice_is_read_with_the_target_of_its_mask(cases) -> None:
    index = np.array([5, 0, 17])
    images, masks = cases.read(index)
    pictures, drawn = stored(cases)
    assert images.dtype == masks.dtype == torch.uint8
    np.testing.assert_array_equal(images, pictures[cases.rows[index]])
    np.testing.assert_array_equal(masks, drawn[cases.rows[index]] == TARGET)
    bone = replace(cases, target=BONE).read(index)[1]
    np.testing.assert_array_equal(bone, drawn[cases.rows[index]] == BONE)


def test_a_batch_is_one_channel_between_0_and_1_and_a_map_of_classes(cases) -> None:
    tensors = cases.read(np.array([3, 4]))
    (images,), target = cases.place(tensors, CPU)
    assert images.shape == (2, 1, SIDE, SIDE) and images.dtype == torch.float32
    assert target.shape == (2, SIDE, SIDE) and target.dtype == torch.int64
    torch.testing.assert_close(images[:, 0] * 255, tensors[0].float())
    assert torch.equal(target, tensors[1].long())
    with pytest.raises(ValueError, match="augment: found one of images alone"):
        cases.place(tensors, CPU, augment=lambda image: image)


def test_neighbours_are_the_outer_channels(cases) -> None:
    beside = np.stack([cases.rows[::-1], np.roll(cases.rows, 1)], axis=1)
    index = np.array([2, 9])
    images, masks = replace(cases, neighbours=beside).read(index)
    assert images.shape == (2, 3, SIDE, SIDE) and masks.shape == (2, SIDE, SIDE)
    pictures, _ = stored(cases)
    np.testing.assert_array_equal(images[:, 0], pictures[beside[index, 0]])
    np.testing.assert_array_equal(images[:, 1], pictures[cases.rows[index]])
    np.testing.assert_array_equal(images[:, 2], pictures[beside[index, 1]])
    batch = replace(cases, neighbours=beside).place((images, masks), CPU)
    assert batch.inputs[0].shape == (2, 3, SIDE, SIDE)


def test_mirror_images_turn_slice_and_mask_together_in_training_alone(cases) -> None:
    index = np.arange(len(cases.rows))
    chancy = replace(cases, hflip=0.5)
    tensors = chancy.read(index)
    (plain,), target = chancy.place(tensors, CPU)
    torch.manual_seed(0)
    (images,), maps = chancy.in_training().place(tensors, CPU)
    turned = torch.tensor(
        [not torch.equal(one, other) for one, other in zip(plain, images, strict=True)]
    )
    assert 4 < turned.sum() < len(index) - 4
    assert torch.equal(images[turned], plain[turned].flip(-1))
    assert torch.equal(maps[turned], target[turned].flip(-1))
    assert torch.equal(maps[~turned], target[~turned])
    assert torch.equal(cases.in_training().place(tensors, CPU).inputs[0], plain)
    torch.manual_seed(0)
    assert torch.equal(chancy.in_training().place(tensors, CPU).inputs[0], images)


def test_slices_are_fitted_whole_without_a_plan(cases) -> None:
    train = np.array([4, 1, 7])
    found = prepare_training(cases, train, SoftmaxObjective(), TrainingConfig(), (0,))
    assert isinstance(found.cases, SliceCases) and found.cases.training
    assert found.train is train


@pytest.mark.parametrize("balance", ["class_weight", "offline"])
def test_slices_refuse_a_balance_that_would_lose_their_masks(cases, balance) -> None:
    with pytest.raises(ValueError, match=f"balance is {balance}: .* allowed are none, sampler"):
        check_balance(cases, balance)
    config = TrainingConfig(balance=balance)
    with pytest.raises(ValueError, match="balance"):
        prepare_training(cases, np.arange(9), SoftmaxObjective(), config, (0,))


CHANGES = {
    "rows": lambda c: c.rows[::-1],
    "target": lambda c: BONE,
    "hflip": lambda c: 0.5,
    "neighbours": lambda c: np.stack([c.rows, c.rows], axis=1),
    "patches": lambda c: PLAN,
}


@pytest.mark.parametrize("name", CHANGES)
def test_content_changes_with_all_that_is_learned_from(cases, name) -> None:
    other = replace(cases, **{name: CHANGES[name](cases)})
    assert list(other.content()) != list(cases.content())


@pytest.mark.parametrize("own", ["patch", "stride", "rule", "fraction", "classes", "share"])
def test_content_changes_with_the_plan(cases, own) -> None:
    values = {"patch": 6, "stride": 5, "rule": "centre", "fraction": 0.3, "share": None}
    changed = {"classes": 3, "others": (BONE,)} if own == "classes" else {own: values[own]}
    plans = PLAN, replace(PLAN, **changed)
    found = [list(replace(cases, patches=plan).content()) for plan in plans]
    assert found[0] != found[1]


def test_content_is_the_same_for_the_same_slices(cases) -> None:
    first = list(cases.content())
    assert list(cases.in_training().content()) == first
    assert list(cases.with_labels(1 - cases.labels).content()) == first
    assert list(replace(cases, rows=cases.rows.copy()).content()) == first
    assert cases.with_labels(1 - cases.labels).labels[0] == 1 - cases.labels[0]


def test_the_stores_stay_behind_and_are_read_only(cases) -> None:
    first = cases.read(np.array([3]))[0]
    assert cases.size == SIDE and not any(one.flags.writeable for one in cases._stores)
    sent = pickle.dumps(cases)
    assert len(sent) < 4000
    found = pickle.loads(sent)  # noqa: S301 - our own bytes
    assert "_stores" not in found.__dict__ and torch.equal(found.read(np.array([3]))[0], first)


@pytest.mark.parametrize("name", ["labels", "patients", "samples", "neighbours"])
def test_columns_of_another_length_are_named(cases, name) -> None:
    columns = {"neighbours": np.zeros((2, 2), int)}
    column = columns.get(name, np.zeros(2, int))
    with pytest.raises(ValueError, match=f"{name} has 2 rows; rows has {PATIENTS * SLICES}"):
        replace(cases, **{name: column})


def test_what_does_not_fit_is_refused(cases, tmp_path) -> None:
    beside = np.stack([cases.rows, cases.rows], axis=1)
    with pytest.raises(ValueError, match=r"neighbours has shape \(24, 1\); allowed is N × 2"):
        replace(cases, neighbours=beside[:, :1])
    with pytest.raises(ValueError, match="neighbours and patches are both given"):
        replace(cases, neighbours=beside, patches=PLAN)
    np.save(tmp_path / "other.npy", np.zeros((24, SIDE, SIDE - 1), np.uint8))
    with pytest.raises(ValueError, match=r"other\.npy has shape \(24, 24, 23\)"):
        replace(cases, masks=tmp_path / "other.npy").read(np.array([0]))
    np.save(tmp_path / "other.npy", np.zeros((24, SIDE, SIDE)))
    with pytest.raises(ValueError, match=r"other\.npy holds float64 .* wanted uint8 N × H × W"):
        replace(cases, masks=tmp_path / "other.npy").read(np.array([0]))
