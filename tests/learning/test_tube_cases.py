"""Tubes: the same at every reading, by torch's chance in training, cut as the settings say."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from osteon.cohorts.archive import Archive
from osteon.imaging.tubes import choose_by_index, cut_tube, standardise, tube_box
from osteon.learning import tubes as module
from osteon.learning.config import TrainingConfig
from osteon.learning.fit import fit
from osteon.learning.objectives import SoftmaxObjective
from osteon.learning.setup import build_fabric, seed_torch
from osteon.learning.tubes import TubeCases
from tests.tiny_archive import make_archive
from tests.tiny_cohort import QUICK

CPU = torch.device("cpu")
SERIES, SLICES = 4, 7
COUNT, SIDE = 4, 8


@pytest.fixture
def cases(tmp_path: Path) -> TubeCases:
    """Four series of seven slices, the last two of another size; the second has no label."""
    rng = np.random.default_rng(0)
    shapes = [(40, 32)] * 2 + [(24, 24)] * 2
    pixels = [
        rng.integers(0, 65536, shape).astype(np.uint16) for shape in shapes for _ in range(SLICES)
    ]
    archive = make_archive(tmp_path / "archive", pixels)
    labelled = np.zeros((SERIES, SLICES), bool)
    labelled[[0, 2, 3], 1] = labelled[[0, 2, 3], 4] = True
    rows = np.arange(SERIES * SLICES).reshape(SERIES, SLICES)
    return TubeCases(
        archive=archive.folder,
        slices=tuple(rows),
        labelled=tuple(labelled),
        boxes=np.array([[8, 10, 16, 22], [2, 2, 12, 8], [4, 4, 14, 12], [9, 9, 20, 15]], float),
        centres=np.array([3, 2, 6, 0]),
        labels=np.array([0, 1, 0, 1]),
        patients=np.array([0, 1, 2, 3]),
        samples=np.array([f"S{place}" for place in range(SERIES)]),
        count=COUNT,
        side=SIDE,
    )


@pytest.fixture
def read(monkeypatch) -> list[int]:
    """The archive's rows that are read."""
    found: list[int] = []
    honest = Archive.pixels

    def watched(self: Archive, row: int) -> np.ndarray:
        found.append(row)
        return honest(self, row)

    monkeypatch.setattr(Archive, "pixels", watched)
    return found


@pytest.fixture
def squares(monkeypatch) -> list[np.ndarray]:
    """The boxes that tubes are cut by."""
    found: list[np.ndarray] = []

    def watched(pixels, box, side):
        found.append(np.array(box))
        return cut_tube(pixels, box, side)

    monkeypatch.setattr(module, "cut_tube", watched)
    return found


def by_hand(cases: TubeCases, place: int) -> np.ndarray:
    archive = Archive(cases.archive)
    rows = cases.slices[place][choose_by_index(SLICES, cases.centres[place], cases.count)]
    pixels = [archive.pixels(int(row)) for row in rows]
    square = tube_box(cases.boxes[place].tolist(), *pixels[0].shape, cases.margin)
    return standardise(cut_tube(pixels, square, cases.side))


def test_a_tube_is_the_slices_around_the_box_cut_and_standardised(cases) -> None:
    tubes, labels = cases.read(np.array([2, 0]))
    assert tubes.shape == (2, COUNT, SIDE, SIDE) and tubes.dtype == torch.float32
    assert labels.tolist() == [0, 0]
    for tube, place in zip(tubes, (2, 0), strict=True):
        np.testing.assert_array_equal(tube, by_hand(cases, place))
        assert abs(float(tube.mean())) < 1e-5 and float(tube.std()) == pytest.approx(1, abs=0.01)


def test_reading_is_the_same_whatever_the_seed_and_draws_nothing(cases) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = cases.read(np.arange(SERIES))[0]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(cases.read(np.arange(SERIES))[0], first)


def test_training_tubes_follow_torchs_generator_alone(cases) -> None:
    training = cases.in_training()

    def drawn(seed: int, other: int = 0) -> Tensor:
        np.random.seed(other)  # noqa: NPY002 - must not matter
        torch.manual_seed(seed)
        return training.read(np.array([0, 0, 2]))[0]

    first = drawn(0)
    assert torch.equal(drawn(0, 1), first)
    assert not torch.equal(drawn(1), first)
    # The same series twice in a batch is drawn twice.
    assert not torch.equal(first[0], first[1])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_labelled_slices_are_taken_as_often_as_asked(cases, read, share) -> None:
    training = replace(cases, labelled_share=share).in_training()
    torch.manual_seed(0)
    for _ in range(20):
        training.tube(0)
    if share:
        assert set(read) == {1, 4}
    else:
        assert read == [2, 3, 4, 5] * 20


def test_half_of_the_tubes_are_of_labelled_slices_alone(cases, read) -> None:
    training = cases.in_training()
    torch.manual_seed(0)
    for _ in range(60):
        training.tube(0)
    own = [set(read[at : at + COUNT]) == {1, 4} for at in range(0, len(read), COUNT)]
    assert len(own) == 60 and 15 < sum(own) < 45


def test_a_series_without_a_label_is_read_by_its_order(cases, read) -> None:
    replace(cases, labelled_share=1.0).in_training().tube(1)
    assert read == [SLICES + 1, SLICES + 2, SLICES + 3, SLICES + 4]


@pytest.mark.parametrize("hflip", [0.0, 1.0])
def test_a_mirror_image_turns_all_slices(cases, hflip) -> None:
    still = {"shift": 0.0, "labelled_share": 0.0}
    found = replace(cases, hflip=hflip, **still).in_training().tube(3)
    plain = by_hand(cases, 3)
    np.testing.assert_allclose(found, plain[:, :, ::-1] if hflip else plain, atol=1e-5)
    torch.from_numpy(found)  # no negative strides


def test_mirror_images_are_as_often_as_asked(cases) -> None:
    training = replace(cases, shift=0.0, labelled_share=0.0, hflip=0.3).in_training()
    plain = by_hand(cases, 3)
    torch.manual_seed(0)
    kept = [np.allclose(training.tube(3), plain, atol=1e-5) for _ in range(150)]
    assert 0.58 < np.mean(kept) < 0.82


def test_the_square_moves_in_training_within_its_share(cases, squares) -> None:
    training = replace(cases, shift=0.2, hflip=0.0).in_training()
    torch.manual_seed(0)
    for _ in range(60):
        training.tube(0)
    found = np.stack(squares)
    side = found[:, 2] - found[:, 0]
    np.testing.assert_allclose(side, 12 * 1.2)  # the longer side and a margin on both
    np.testing.assert_allclose(found[:, 3] - found[:, 1], side)
    moved = (found[:, :2] + found[:, 2:]) / 2 - [12, 16]
    assert np.abs(moved).max() <= 0.2 * 12 + 1e-9
    assert (moved.max(axis=0) > 1.5).all() and (moved.min(axis=0) < -1.5).all()
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.5


def test_outside_training_the_square_stands_still(cases, squares) -> None:
    for _ in range(2):
        replace(cases, shift=1.0, margin=0.5).tube(0)
    np.testing.assert_allclose(squares, [[0, 4, 24, 28]] * 2)


def test_a_sliver_at_the_border_can_be_moved(cases) -> None:
    boxes = np.tile([0.0, 4, 1, 24], (SERIES, 1))
    training = replace(cases, boxes=boxes, shift=1.0).in_training()
    for seed in range(10):
        torch.manual_seed(seed)
        assert np.isfinite(training.tube(0)).all()


def test_tubes_get_a_channel_and_no_augmentation_of_single_images(cases) -> None:
    tensors = cases.read(np.array([1, 3]))
    batch = cases.place(tensors, CPU)
    assert batch.inputs[0].shape == (2, 1, COUNT, SIDE, SIDE)
    assert torch.equal(batch.inputs[0][:, 0], tensors[0]) and batch.target.tolist() == [1, 1]
    with pytest.raises(ValueError, match="augment: found one of single images"):
        cases.place(tensors, CPU, augment=lambda image: image)


CHANGES = {
    "slices": lambda c: (c.slices[0][::-1], *c.slices[1:]),
    "labelled": lambda c: (~c.labelled[0], *c.labelled[1:]),
    "boxes": lambda c: c.boxes + 1,
    "centres": lambda c: c.centres[::-1],
    "count": lambda c: 8,
    "side": lambda c: 9,
    "margin": lambda c: 0.2,
    "labelled_share": lambda c: 0.4,
    "hflip": lambda c: 0.4,
    "shift": lambda c: 0.2,
}


@pytest.mark.parametrize("name", CHANGES)
def test_content_changes_with_all_that_is_learned_from(cases, name) -> None:
    other = replace(cases, **{name: CHANGES[name](cases)})
    assert list(other.content()) != list(cases.content())


def test_content_is_the_same_for_the_same_tubes(cases) -> None:
    first = list(cases.content())
    assert list(cases.in_training().content()) == first
    assert list(cases.with_labels(1 - cases.labels).content()) == first
    assert list(replace(cases, boxes=cases.boxes.copy()).content()) == first


def test_other_labels_and_nothing_else(cases) -> None:
    other = cases.with_labels(1 - cases.labels)
    assert other.read(np.array([0, 1]))[1].tolist() == [1, 0]
    assert torch.equal(other.read(np.array([0]))[0], cases.read(np.array([0]))[0])
    assert not other.training and other.in_training().training and not cases.training


def test_the_archive_stays_behind(cases) -> None:
    first = cases.read(np.array([3]))[0]
    sent = pickle.dumps(cases)
    assert len(sent) < 6000
    found = pickle.loads(sent)  # noqa: S301 - our own bytes
    assert "_opened" not in found.__dict__ and torch.equal(found.read(np.array([3]))[0], first)


@pytest.mark.parametrize("name", ["slices", "labelled", "boxes", "centres", "patients", "samples"])
def test_columns_of_another_length_are_named(cases, name) -> None:
    with pytest.raises(ValueError, match=f"{name} has 2 rows; labels has {SERIES}"):
        replace(cases, **{name: getattr(cases, name)[:2]})


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv3d(1, 2, (COUNT, SIDE, SIDE))

    def forward(self, tubes: Tensor) -> Tensor:
        return self.layer(tubes).flatten(1)


def test_a_resumed_run_meets_the_same_tubes(cases, tmp_path) -> None:
    def learnt(folder: str, epochs: int, **changes) -> Tensor:
        (tmp_path / folder).mkdir(exist_ok=True)
        config = TrainingConfig(**QUICK | {"epochs": epochs, "batch": 2, "milestones": []})
        seed_torch(0)
        network, fabric = Small(), build_fabric(config)
        file = tmp_path / folder / "checkpoint.safetensors"
        given = replace(cases, **changes).in_training()
        fit(
            fabric, network, SoftmaxObjective(), given, np.arange(SERIES), config,
            fold=0, checkpoint=file,
        )  # fmt: skip
        return network.layer.weight.detach().clone()

    whole = learnt("whole", 3)
    for epochs in (1, 2, 3):
        halves = learnt("halves", epochs)
    assert torch.equal(whole, halves)
    assert not torch.equal(whole, learnt("still", 3, shift=0.0, hflip=0.0))
