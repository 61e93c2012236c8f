"""Slices with boxes: classes, padding, mirror images that boxes follow, chance from one seed."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from osteon.learning.config import TrainingConfig
from osteon.learning.detection import DetectionCases, mirrored
from osteon.learning.fit import fit
from osteon.learning.objectives import DetectionObjective
from osteon.learning.predict import predict
from osteon.learning.setup import build_fabric, seed_torch
from tests.tiny_cohort import QUICK

CPU = torch.device("cpu")
HEIGHT, WIDTH, COUNT = 20, 24, 8
NONE = [np.nan] * 4


@pytest.fixture
def cases(tmp_path: Path) -> DetectionCases:
    """Eight slices; a bright rectangle fills the first box of each, odd ones have a second box."""
    images = np.random.default_rng(0).integers(0, 90, (COUNT, HEIGHT, WIDTH), dtype=np.uint8)
    boxes = np.full((COUNT, 2, 4), np.nan, np.float32)
    for place in range(COUNT):
        x0, y0 = 2 + place, 3 + place % 4
        boxes[place, 0] = x0, y0, x0 + 5, y0 + 4
        images[place, y0 : y0 + 4, x0 : x0 + 5] = 250
        if place % 2:
            boxes[place, 1] = 1, 12, 9, 19
    np.save(tmp_path / "images.npy", images)
    return DetectionCases(
        images=tmp_path / "images.npy",
        rows=np.arange(COUNT),
        boxes=boxes,
        corridors=np.stack([np.arange(COUNT), np.arange(COUNT) + 10], axis=1).astype(np.float32),
        labels=np.arange(COUNT) // 2 % 2,
        patients=np.arange(COUNT) // 2,
        samples=np.array([f"S{place}" for place in range(COUNT)]),
    )


def batch(cases: DetectionCases, index: list[int]) -> tuple[tuple[Tensor, ...], Tensor]:
    return cases.place(cases.read(np.array(index)), CPU)


def bright(image: Tensor) -> list[int]:
    """The box around what is bright on one plane."""
    rows, columns = torch.nonzero(image[0] > 0.9, as_tuple=True)
    corners = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return [int(one) for one in corners]


def test_a_box_bears_its_label_and_padding_the_background(cases) -> None:
    _, boxes, classes, _, labels = cases.read(np.array([0, 3, 1]))
    assert labels.tolist() == [0, 1, 0]
    assert classes.tolist() == [[1, 0], [2, 2], [1, 1]]
    assert classes.dtype == torch.int64
    assert torch.isnan(boxes).all(dim=2).tolist() == [[False, True], [False] * 2, [False] * 2]
    (_, _, placed, _), target = batch(cases, [0, 3, 1])
    assert torch.equal(placed, classes) and torch.equal(target, labels)


def test_slices_without_a_box_are_all_background(cases) -> None:
    bare = replace(cases, boxes=np.full((COUNT, 1, 4), np.nan, np.float32))
    assert bare.read(np.array([3, 2]))[2].tolist() == [[0], [0]]


def test_images_are_read_by_row_and_scaled_to_one(cases) -> None:
    turned = replace(cases, rows=cases.rows[::-1].copy())
    (images, boxes, _, corridors), _ = batch(turned, [1, 6])
    stored = np.load(cases.images)[[6, 1]]
    assert images.shape == (2, 3, HEIGHT, WIDTH)
    for plane in range(3):
        np.testing.assert_allclose(images[:, plane], stored / 255, rtol=1e-6)
    np.testing.assert_array_equal(boxes, cases.boxes[[1, 6]])
    np.testing.assert_array_equal(corridors, cases.corridors[[1, 6]])


def test_nothing_is_mirrored_and_no_chance_drawn_outside_training(cases) -> None:
    torch.manual_seed(4)
    before = torch.get_rng_state()
    (images, boxes, _, _), _ = batch(replace(cases, hflip=1.0), list(range(COUNT)))
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_allclose(images[:, 0], np.load(cases.images) / 255, rtol=1e-6)
    np.testing.assert_array_equal(boxes, cases.boxes)


def test_boxes_and_corridors_follow_the_mirrored_pixels(cases) -> None:
    training = replace(cases, hflip=1.0).in_training()
    (images, boxes, classes, corridors), _ = batch(training, list(range(COUNT)))
    for place in range(COUNT):
        assert boxes[place, 0].tolist() == bright(images[place])
        x0, _, x1, _ = boxes[place, 0].tolist()
        assert [WIDTH - x1, WIDTH - x0] == cases.boxes[place, 0, [0, 2]].tolist()
    np.testing.assert_array_equal(corridors, WIDTH - cases.corridors[:, ::-1])
    assert (corridors[:, 0] < corridors[:, 1]).all()
    assert torch.isnan(boxes[0, 1]).all() and classes[0].tolist() == [1, 0]


def test_each_image_is_turned_by_itself_and_twice_is_as_before(cases) -> None:
    (images, boxes, _, corridors), _ = batch(cases, [1, 2])
    turned = torch.tensor([True, False])
    found = mirrored(images, boxes, corridors, turned)
    assert not torch.equal(found[0][0], images[0]) and torch.equal(found[0][1], images[1])
    assert not torch.equal(found[1][0], boxes[0]) and not torch.equal(found[2][0], corridors[0])
    again = mirrored(*found, turned)
    for one, other in zip(again, (images, boxes, corridors), strict=True):
        torch.testing.assert_close(one, other, equal_nan=True)


def test_chance_comes_from_torchs_seed_alone(cases) -> None:
    training = cases.in_training()

    def drawn(seed: int, other: int) -> list[bool]:
        np.random.seed(other)  # noqa: NPY002 - must not matter
        torch.manual_seed(seed)
        (_, boxes, _, _), _ = batch(training, list(range(COUNT)))
        return (boxes[:, 0, 0].numpy() != cases.boxes[:, 0, 0]).tolist()

    assert drawn(0, 1) == drawn(0, 2)
    found = [drawn(seed, 0) for seed in range(20)]
    assert len({tuple(one) for one in found}) > 10
    assert 0.3 < np.mean(found) < 0.7
    assert not any(drawn(seed, 0) == [True] * COUNT for seed in range(3))


def test_a_chance_of_zero_mirrors_nothing(cases) -> None:
    (_, boxes, _, _), _ = batch(replace(cases, hflip=0.0).in_training(), list(range(COUNT)))
    np.testing.assert_array_equal(boxes, cases.boxes)


def test_an_augmentation_of_images_alone_is_refused(cases) -> None:
    with pytest.raises(ValueError, match="augment: found one of images alone"):
        cases.place(cases.read(np.array([0])), CPU, augment=lambda image: image)


def whole(cases: DetectionCases) -> list[bytes]:
    return list(cases.content())


@pytest.mark.parametrize(
    "change",
    [
        lambda c: {"rows": c.rows[::-1].copy()},
        lambda c: {"boxes": c.boxes + np.float32(0.5)},
        lambda c: {"boxes": np.where(np.arange(2)[:, None] == 1, np.float32(np.nan), c.boxes)},
        lambda c: {"corridors": c.corridors + np.float32(1)},
        lambda c: {"hflip": 0.25},
    ],
    ids=["rows", "boxes", "a box less", "corridors", "hflip"],
)
def test_content_changes_with_all_that_is_learned_from(
    cases, change: Callable[[DetectionCases], dict]
) -> None:
    assert whole(replace(cases, **change(cases))) != whole(cases)


def test_content_is_the_same_for_the_same_slices(cases) -> None:
    # Labels and names are hashed beside the content; in training it is the same cohort.
    assert whole(replace(cases, boxes=cases.boxes.copy())) == whole(cases)
    assert whole(cases.in_training()) == whole(cases.with_labels(1 - cases.labels)) == whole(cases)


def test_other_labels_change_classes_and_nothing_else(cases) -> None:
    other = cases.with_labels(1 - cases.labels)
    np.testing.assert_array_equal(other.labels, 1 - cases.labels)
    assert other.read(np.array([0, 3]))[2].tolist() == [[2, 0], [1, 1]]
    np.testing.assert_array_equal(other.boxes, cases.boxes)
    assert other.hflip == cases.hflip and not other.training
    assert cases.with_labels(cases.labels).in_training().training


def test_the_store_is_mapped_and_stays_behind(cases) -> None:
    cases.read(np.array([0]))
    assert isinstance(cases._store, np.memmap) and not cases._store.flags.writeable
    sent = pickle.dumps(cases)
    assert b"memmap" not in sent and len(sent) < 4000
    found = pickle.loads(sent)  # noqa: S301 - our own bytes
    assert "_store" not in found.__dict__
    assert torch.equal(found.read(np.array([5]))[0], cases.read(np.array([5]))[0])


@pytest.mark.parametrize("name", ["boxes", "corridors", "labels", "patients", "samples"])
def test_columns_of_another_length_are_named(cases, name) -> None:
    with pytest.raises(ValueError, match=f"{name} has 3 rows; rows has {COUNT}"):
        replace(cases, **{name: getattr(cases, name)[:3]})


def test_boxes_of_another_shape_and_other_stores_are_refused(cases) -> None:
    with pytest.raises(ValueError, match=r"boxes has shape \(8, 4\); allowed is N × K × 4"):
        replace(cases, boxes=cases.boxes[:, 0])
    np.save(cases.images, np.zeros((COUNT, 4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match=r"holds uint8 of shape .* wanted uint8 N × H × W"):
        cases.read(np.array([0]))


class Stub(nn.Module):
    """Called like the detector: four losses in training, a single box a slice else."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, 1)

    def forward(self, image: Tensor, boxes: Tensor, classes: Tensor, corridor: Tensor) -> Tensor:
        seen = self.layer(image[:, 0].mean(1))[:, 0]
        if not self.training:
            return seen[:, None, None].expand(-1, 2, 6)
        wanted = boxes[:, 0, 0] + classes[:, 0] + corridor[:, 0]
        return ((seen - wanted) / 10).square().mean().expand(len(image), 4)


def learnt(cases: DetectionCases, folder: Path, epochs: int) -> tuple[Stub, list]:
    config = TrainingConfig(**QUICK | {"epochs": epochs, "batch": 4, "lr": 0.01, "milestones": []})
    seed_torch(0)
    network = Stub()
    history = fit(
        build_fabric(config), network, DetectionObjective(), cases.in_training(),
        np.arange(COUNT), config, fold=0, checkpoint=folder / "checkpoint.safetensors",
    )  # fmt: skip
    return network, history


def test_a_detector_fits_knows_no_accuracy_and_resumes_to_the_same_weights(cases, tmp_path) -> None:
    for name in ("whole", "halves", "plain"):
        (tmp_path / name).mkdir()
    network, history = learnt(cases, tmp_path / "whole", 3)
    assert [entry["accuracy"] for entry in history] == [None] * 3
    for epochs in (1, 2, 3):
        halves, _ = learnt(cases, tmp_path / "halves", epochs)
    assert torch.equal(network.layer.weight, halves.layer.weight)
    plain, _ = learnt(replace(cases, hflip=0.0), tmp_path / "plain", 3)
    assert not torch.equal(network.layer.weight, plain.layer.weight)


def test_a_detectors_boxes_are_read_as_numbers(cases) -> None:
    network = Stub()
    found = predict(network, DetectionObjective(), cases, np.array([4, 1]), CPU, 1)
    assert found.shape == (2, 12) and found.dtype == np.float64
    assert not np.allclose(found[0], found[1])
