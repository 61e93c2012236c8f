"""Outlines in a field of millimetres: judged on the archive's pixels, also outside the field."""

import json

import numpy as np
import pytest

from osteon.cohorts.choosing import CROP
from osteon.explaining.store import Maps, write_maps
from osteon.imaging.region import Region, narrowed
from osteon.imaging.resize import resize_labels
from osteon.imaging.spacing import field_of
from osteon.measures.outline_store import Outlines
from osteon.pipelines.spinal_penn.judging import Reading, grid_of
from osteon.pipelines.spinal_penn.outlining import measure_lesions, outline
from osteon.recipes.preprocessing import PreprocessingConfig
from tests.pipelines import penn_cohort as cohort

FIELD_MM, SIZE = 48.0, 32  # 1.5 mm a pixel; slices have 48 rows of 1.2 mm, 57.6 mm
HOW = PreprocessingConfig(size=SIZE, resize="letterbox", field_mm=FIELD_MM)
FIELD = field_of(cohort.SPACING, FIELD_MM)
PART = narrowed(Region(0, 0, cohort.COLUMNS, cohort.ROWS, "whole"), FIELD)
CORNERS = (PART.x0, PART.y0, PART.x1, PART.y1)


def masks() -> list[np.ndarray]:
    """Targets in the middle; the last patient's lies beyond the field."""
    made = [cohort.disc(5.0 + at // 2, 24, 16) for at in range(2 * cohort.PATIENTS)]
    for at in (-2, -1):
        made[at] = np.zeros((cohort.ROWS, cohort.COLUMNS), np.uint8)
        made[at][:3, 10:20] = 1
    return made


class Row:
    """The row with perfect maps, in a folder."""

    def __init__(self, folder) -> None:
        self.masks = masks()
        self.archive = cohort.Labelled(self.masks)
        squares = np.stack(
            [resize_labels(PART.crop(one), SIZE, "letterbox", FIELD) for one in self.masks]
        )
        self.prepared, self.maps = folder / "store", folder / "maps"
        self.prepared.mkdir(), self.maps.mkdir()
        np.save(self.prepared / "masks.npy", squares[::-1])
        self.samples = cohort.samples().assign(**dict(zip(CROP, CORNERS, strict=True)))
        called = {"map": (squares == 1).astype(np.uint8) * 255}
        write_maps(self.maps, self.samples["sample_id"].tolist(), called)

    def outline(self):
        given = (Maps(self.maps), cohort.judged("penn"), self.samples, self.archive, self.prepared)
        return outline(*given, cohort.COHORT, HOW, cohort.RECIPE)


@pytest.fixture(scope="module")
def row(tmp_path_factory) -> Row:
    return Row(tmp_path_factory.mktemp("field"))


def test_the_part_is_what_the_field_holds() -> None:
    assert CORNERS == (0, 4, 32, 44)  # 40 rows of 1.2 mm; 32 columns of 0.8 mm are 25.6 mm


def test_a_perfect_map_is_called_right_on_the_archive_s_pixels(row: Row, tmp_path) -> None:
    patients, _, slices, _, build = row.outline()
    build.write(tmp_path)
    outlines = Outlines(tmp_path)
    assert (patients.set_index("patient_id").drop("P07")["dice"] > 0.93).all()
    for sample, mask in zip(row.samples["sample_id"], row.masks, strict=True):
        said = outlines.get(sample)
        assert said.shape == mask.shape
        assert not said[:4].any() and not said[44:].any()
    assert len(slices) == 2 * cohort.PATIENTS


def test_what_is_drawn_beyond_the_field_is_missed_and_counted(row: Row) -> None:
    patients = row.outline()[0].set_index("patient_id")
    last = patients.loc["P07"]
    assert (last["tp"], last["fp"], last["fn"]) == (0, 0, 2 * 3 * 10)
    assert last["dice"] == 0 and last["tn"] == 2 * cohort.ROWS * cohort.COLUMNS - 60


def test_patches_count_on_the_picture_of_the_field(row: Row) -> None:
    grid = grid_of(cohort.RECIPE.root)
    masks = np.load(row.prepared / "masks.npy")
    reading = Reading(
        Maps(row.maps), row.archive, masks, 1, HOW, cohort.RECIPE.root.postprocess, grid
    )
    first = next(row.samples.itertuples(index=False))
    counted = reading._on_picture(first, grid).reshape(7, 7)
    # 25.6 mm are 17 px of 32, from 7 to 24; centres lie at 4, 8, ... 28.
    assert counted.all(axis=0).tolist() == [False, True, True, True, True, True, False]
    assert counted[:, 1:6].all()


def test_a_prepared_pixel_is_as_fine_as_the_field_says(row: Row) -> None:
    found = measure_lesions(row.samples, row.archive, cohort.COHORT, HOW)
    np.testing.assert_allclose(found["prepared_mm"], FIELD_MM / SIZE)
    wide = HOW.model_copy(update={"field_mm": 96.0})  # 48 rows on 19 px
    found = measure_lesions(
        row.samples.assign(crop_y0=0, crop_y1=48), row.archive, cohort.COHORT, wide
    )
    np.testing.assert_allclose(found["prepared_mm"], 48 * 1.2 / 19)


def test_slices_of_two_spacings_are_laid_back_each_by_its_own(row: Row, tmp_path) -> None:
    archive = cohort.Labelled(row.masks)
    archive.index.loc[1, "pixel_spacing_mm"] = json.dumps((0.9, 1.1))
    samples = row.samples.iloc[:2].assign(crop_y0=[4, 0], crop_y1=[44, cohort.ROWS])
    called = np.zeros((2, SIZE, SIZE), np.uint8)
    called[:, 11:21, 11:21] = 255  # 15 mm x 15 mm
    write_maps(tmp_path, samples["sample_id"].tolist(), {"map": called})
    reading = Reading(Maps(tmp_path), archive, called, 1, HOW, cohort.RECIPE.root.postprocess, None)
    for one, spacing in zip(samples.itertuples(), (cohort.SPACING, (0.9, 1.1)), strict=True):
        found = reading.probability(one, (cohort.ROWS, cohort.COLUMNS)) >= 0.5
        for axis, mm in ((1, spacing[0]), (0, spacing[1])):
            assert found.any(axis=axis).sum() == pytest.approx(15 / mm, abs=1.2)
        # A picture of 17 px does not lie in the middle of 32 to half a pixel.
        assert np.abs(np.argwhere(found).mean(axis=0) - (23.5, 15.5)).max() <= 1
