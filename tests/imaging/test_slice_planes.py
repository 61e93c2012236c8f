"""Where slices lie, from the index; and the grid that they make, or why they make none."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.imaging.geometry import plane_of
from osteon.imaging.slice_planes import (
    SlicePlane,
    assumed_planes,
    check_maps,
    check_parallel,
    grid_of,
    has_planes,
    maps_of_files,
    planes_of,
)
from tests.slice_stacks import centre, oblique, stack

RECORD = {
    "image_position": "[1.5, -2.0, 30.25]",
    "image_orientation": "[0.0, 1.0, 0.0, 0.0, 0.0, -1.0]",
    "pixel_spacing_mm": "[1.0, 0.9]",
    "rows": 100, "columns": 80, "native_rows": 400, "native_columns": 240,
}  # fmt: skip


def test_planes_are_those_of_the_files_not_of_reduced_images():
    (plane,) = planes_of([RECORD])
    assert (plane.rows, plane.columns) == (400, 240)
    assert plane.position == (1.5, -2.0, 30.25) and plane.orientation == (0, 1, 0, 0, 0, -1)
    assert plane.spacing == pytest.approx((0.25, 0.3))


@pytest.mark.parametrize("name", ["image_position", "image_orientation", "pixel_spacing_mm"])
def test_a_slice_without_its_place_is_refused_and_can_be_assumed(name):
    records = [RECORD, RECORD | {name: ""}, RECORD]
    assert has_planes([RECORD]) and not has_planes(records)
    with pytest.raises(ValueError, match="records: 1 of 3 lack image_position"):
        planes_of(records)
    planes = assumed_planes(records, step=4)
    assert plane_of(planes[0].orientation) == "sagittal"
    assert [plane.position for plane in planes] == [(0, 0, 0), (4, 0, 0), (8, 0, 0)]
    kept = (0.25, 0.3333333) if name == "pixel_spacing_mm" else (0.25, 0.3)
    assert planes[1].spacing == pytest.approx(kept)


def test_a_step_lies_ahead():
    with pytest.raises(ValueError, match="step: 0"):
        assumed_planes([RECORD], step=0)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rows": 0}, "rows, columns: 0 x 9"),
        ({"position": (1, 2)}, "position"),
        ({"position": (1, 2, float("nan"))}, "position"),
        ({"spacing": (0, 1)}, "spacing"),
        ({"orientation": (1, 0, 0, 1, 0, 0)}, "orientation"),
        ({"orientation": (1, 0, 0)}, "orientation"),
    ],
)
def test_what_is_no_plane_is_refused(changes, named):
    with pytest.raises(ValueError, match=named):
        replace(stack([0])[0], **changes)


@given(st.data())
@settings(max_examples=60)
def test_the_affine_leads_to_every_pixel(data):
    places = data.draw(st.lists(st.integers(0, 9), min_size=2, max_size=7, unique=True))
    places = places if 1 in np.diff(sorted(places)) else [*places, max(places) + 1]
    seed, shear = data.draw(st.integers(0, 99)), data.draw(st.sampled_from([0.0, 0.8]))
    planes = stack(places, oblique(seed), shear=shear)
    grid = grid_of(planes)
    np.testing.assert_array_equal(grid.places, np.array(places) - min(places))
    assert grid.depth == max(places) - min(places) + 1 and grid.sheared == (shear > 0)
    for plane, place in zip(planes, grid.places, strict=True):
        for row, column in ((0, 0), (11, 3), (5, 8)):
            found = (grid.affine @ [column, row, place, 1])[:3]
            np.testing.assert_allclose(found, centre(plane, row, column), atol=1e-6)


def test_a_slice_alone_has_a_grid():
    grid = grid_of(stack([3]))
    assert grid.depth == 1 and grid.places.tolist() == [0] and not grid.sheared
    assert np.linalg.norm(grid.affine[:3, 2]) == pytest.approx(1)


def test_jitter_of_a_scanner_is_allowed_and_an_uneven_stack_is_not():
    planes = stack([0, 1, 2, 3])

    def moved(by: float) -> list[SlicePlane]:
        x, y, z = planes[1].position
        return [planes[0], replace(planes[1], position=(x + by, y, z)), *planes[2:]]

    assert grid_of(moved(0.05)).places.tolist() == grid_of(planes).places.tolist()
    for by in (0.5, -1.5):
        with pytest.raises(ValueError, match="mm off an even grid of"):
            grid_of(moved(by))
    x, y, z = planes[1].position
    with pytest.raises(ValueError, match="mm off an even grid"):
        grid_of([planes[0], replace(planes[1], position=(x, y + 2, z)), *planes[2:]])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rows": 13}, "slice 1 has 13 x 9 px, the first 12 x 9"),
        ({"spacing": (0.7, 0.7)}, "slice 1 has a spacing of"),
        ({"orientation": (0, 1, 0.05, 0, 0.05, -1)}, "slice 1 leans 2.9 degrees"),
        ({"orientation": (0, 1, 0, 0, 0, 1)}, "slice 1 leans 180.0 degrees"),
    ],
)
def test_slices_that_are_not_parallel_are_refused(changes, named):
    first, second = stack([0, 1])
    with pytest.raises(ValueError, match=named):
        check_parallel([first, replace(second, **changes)])


def test_two_slices_at_one_place_and_none_at_all():
    with pytest.raises(ValueError, match="two slices lie at the same place"):
        grid_of(stack([0, 1, 1]))
    with pytest.raises(ValueError, match="planes: none found"):
        grid_of([])


def test_maps_take_the_size_of_their_files():
    small = np.random.default_rng(0).integers(0, 3, (2, 6, 3)).astype(np.uint8)
    planes = stack([0, 1])
    np.testing.assert_array_equal(
        maps_of_files(small, planes), small.repeat(2, axis=1).repeat(3, axis=2)
    )
    full = np.zeros((2, 12, 9), np.uint8)
    assert maps_of_files(full, planes) is full


@pytest.mark.parametrize(
    ("maps", "named"),
    [
        (np.zeros((1, 12, 9), np.int64), "masks: int64"),
        (np.zeros((12, 9), np.uint8), "masks: uint8 of shape"),
        (np.zeros((2, 12, 9), np.uint8), "planes: 1 found for 2 masks"),
    ],
)
def test_what_is_no_map_is_refused(maps, named):
    with pytest.raises(ValueError, match=named):
        check_maps(maps, stack([0]))


def test_the_index_is_read_as_ingestion_writes_it():
    from osteon.cohorts.archive import INDEX

    assert set(RECORD) <= set(INDEX)
    assert json.loads(RECORD["image_position"]) == list(planes_of([RECORD])[0].position)
