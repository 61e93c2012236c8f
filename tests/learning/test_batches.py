"""Batches: order from the seed, no lonely case, one batch in memory, normalisation by hand."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from osteon.learning.batches import ImageCases, feed, normalise, plan_epoch, unit

CPU = torch.device("cpu")


@given(
    n=st.integers(8, 300),
    batch=st.integers(2, 64),
    micro=st.none() | st.integers(2, 64),
    world=st.integers(1, 4),
)
def test_every_case_once_and_never_alone(n, batch, micro, world) -> None:
    train = np.arange(n) + 7
    ranks = [
        plan_epoch(train, batch, micro, (1, 2, 3), rank=rank, world=world) for rank in range(world)
    ]
    seen = [case for plan in ranks for step in plan for part in step.parts for case in part]
    assert sorted(seen) == train.tolist()
    for steps in zip(*ranks, strict=True):
        assert len({len(step.parts) for step in steps}) == 1
        assert sum(len(part) for step in steps for part in step.parts) == steps[0].size
        lengths = [len(part) for step in steps for part in step.parts]
        assert min(lengths) >= 2
        whole = max(batch, 2 * world) + 2 * world
        # A lonely case is worse than a micro-batch of one more, or of four in several processes.
        assert max(lengths) <= max(micro or whole, 3 if world == 1 else 4)


def test_order_follows_from_the_seed_alone() -> None:
    train = np.arange(40)

    def order(*seed: int) -> list[int]:
        return np.concatenate([s.parts[0] for s in plan_epoch(train, 8, None, seed)]).tolist()

    assert order(0, 1, 2) == order(0, 1, 2)
    assert len({tuple(order(0, fold, epoch)) for fold in range(3) for epoch in range(3)}) == 9


def test_micro_batches_of_one_process_are_those_of_two() -> None:
    train = np.arange(16)
    alone = plan_epoch(train, 8, 4, (0,))
    pair = [plan_epoch(train, 8, 4, (0,), rank=rank, world=2) for rank in range(2)]
    for step, first, second in zip(alone, *pair, strict=True):
        both = zip(first.parts, second.parts, strict=True)
        together = [part for parts in both for part in parts]
        assert [p.tolist() for p in step.parts] == [p.tolist() for p in together]


def test_one_case_cannot_be_trained_on() -> None:
    with pytest.raises(ValueError, match=r"1 training cases; 1 process\(es\) need 2"):
        plan_epoch(np.arange(1), 8, None, (0,))


def test_normalisation_by_hand() -> None:
    image = torch.tensor([[[0, 255]]], dtype=torch.uint8)
    found = normalise(image)
    assert found.shape == (1, 3, 1, 2)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(found[0, :, 0, 0], -mean / std)
    torch.testing.assert_close(found[0, :, 0, 1], (1 - mean) / std)


def test_grey_in_three_planes_is_grey() -> None:
    grey = torch.randint(0, 256, (2, 5, 6), dtype=torch.uint8)
    torch.testing.assert_close(normalise(grey[..., None].expand(-1, -1, -1, 3)), normalise(grey))


def test_unit_images_by_hand_in_three_planes_channels_last() -> None:
    grey = torch.tensor([[[0, 51], [102, 255], [204, 153]]], dtype=torch.uint8)
    found = unit(grey)
    assert found.shape == (1, 3, 3, 2)
    assert found.is_contiguous(memory_format=torch.channels_last)
    for plane in found[0]:
        torch.testing.assert_close(plane, torch.tensor([[0, 0.2], [0.4, 1], [0.8, 0.6]]))
    colours = torch.randint(0, 256, (2, 5, 6, 3), dtype=torch.uint8)
    assert unit(colours).is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(unit(colours)[1, 2], colours[1, :, :, 2] / 255)


def test_batches_hold_the_asked_cases(cases) -> None:
    cases = replace(cases, rows=cases.rows[::-1].copy())
    index = np.array([5, 0, 31])
    (batch,) = feed(cases, [index], CPU)
    stored = np.load(cases.images)[::-1]
    torch.testing.assert_close(batch.inputs[0], normalise(torch.from_numpy(stored[index].copy())))
    assert batch.inputs[1].tolist() == cases.clinical[index].tolist()
    assert batch.target.tolist() == cases.labels[index].tolist()


def test_the_store_is_mapped_and_never_travels(cases) -> None:
    cases.read(np.array([0]))
    assert isinstance(cases._store, np.memmap)
    sent = pickle.dumps(cases)
    assert len(sent) < cases._store.nbytes / 4
    assert isinstance(pickle.loads(sent)._store, np.memmap)  # noqa: S301 - our own bytes


def test_images_have_no_chance_of_their_own_and_take_other_labels(cases) -> None:
    assert cases.in_training() is cases
    other = cases.with_labels(1 - cases.labels)
    np.testing.assert_array_equal(other.labels, 1 - cases.labels)
    assert other.rows is cases.rows and list(other.content()) == list(cases.content())


@pytest.mark.parametrize(
    "change",
    [
        lambda c: {"rows": c.rows[::-1].copy()},
        lambda c: {"clinical": c.clinical + 1},
        lambda c: {"clinical": None},
        lambda c: {"normalisation": "unit"},
    ],
    ids=["rows", "clinical", "no clinical", "normalisation"],
)
def test_content_changes_with_all_that_is_learned_from(cases, change) -> None:
    assert list(replace(cases, **change(cases)).content()) != list(cases.content())


def test_pickled_stores_are_refused(tmp_path, cases) -> None:
    np.save(tmp_path / "images.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Python objects"):
        cases.read(np.array([0]))


def test_wrong_columns_are_named(cases) -> None:
    with pytest.raises(ValueError, match="labels has 2 rows; rows has 48"):
        replace(cases, labels=cases.labels[:2])
    holes = cases.clinical.copy()
    holes[3, 1] = np.nan
    with pytest.raises(ValueError, match="clinical holds values that are missing"):
        replace(cases, clinical=holes)
    np.save(cases.images, np.zeros((48, 8, 8), dtype=np.float32))
    with pytest.raises(ValueError, match="wanted uint8"):
        ImageCases.read(cases, np.array([0]))
