"""Boxes between the archive's pixels and the square that the detector sees."""

import numpy as np
import pandas as pd
import pytest

from osteon.measures.tube_boxes import BOX
from osteon.pipelines.spinal_wff.boxes import (
    corridors,
    drawn_boxes,
    found_boxes,
    layings,
    padded_boxes,
)
from osteon.recipes.preprocessing import PreprocessingConfig
from tests.tiny_archive import make_archive

CLASSES = ("benign", "malignant")
SHAPES = [(100, 50), (40, 40), (40, 80)]
BOXES = [[[10, 20, 30, 60, "benign"]], [], [[0, 0, 8, 4, "x"], [70, 30, 80, 40, "x"]]]
SIZE = 20
NAN = np.nan


@pytest.fixture
def archive(tmp_path):
    return make_archive(tmp_path, [np.zeros(shape, np.uint16) for shape in SHAPES], BOXES)


@pytest.fixture
def samples():
    """Not in the archive's order."""
    return pd.DataFrame(
        {"sample_id": ["c", "a", "b"], "patient_id": ["Q", "P", "P"], "archive_row": [2, 0, 1]}
    )


def test_drawn_boxes_are_read_in_the_archive_s_pixels(samples, archive):
    found = drawn_boxes(samples, archive)
    assert found["sample_id"].tolist() == ["c", "c", "a"]
    assert found[BOX].to_numpy().tolist() == [[0, 0, 8, 4], [70, 30, 80, 40], [10, 20, 30, 60]]
    none = drawn_boxes(samples[samples["sample_id"] == "b"], archive)
    assert none.empty and list(none.columns) == ["sample_id", *BOX]
    assert (found.dtypes[BOX] == np.float64).all() and (none.dtypes[BOX] == np.float64).all()


@pytest.mark.parametrize(
    ("resize", "first", "last"),
    [
        ("stretch", [[0, 0, 2, 2], [17.5, 15, 20, 20]], [4, 4, 12, 12]),
        # 40 × 80 becomes 10 × 20 with bands of 5 above and below; 100 × 50 becomes 20 × 10.
        ("letterbox", [[0, 5, 2, 6], [17.5, 12.5, 20, 15]], [7, 4, 11, 12]),
    ],
)
def test_boxes_are_laid_on_the_square_and_padded(samples, archive, resize, first, last):
    laid = layings(samples, archive, PreprocessingConfig(size=SIZE, resize=resize))
    found = padded_boxes(samples, drawn_boxes(samples, archive), laid)
    assert found.shape == (3, 2, 4) and found.dtype == np.float32
    np.testing.assert_allclose(found[0], first)
    np.testing.assert_allclose(found[1, 0], last)
    assert np.isnan(found[1, 1]).all() and np.isnan(found[2]).all()


def test_without_any_box_there_is_one_row_of_padding(samples, archive):
    laid = layings(samples, archive, PreprocessingConfig(size=SIZE))
    found = padded_boxes(samples, drawn_boxes(samples, archive).iloc[:0], laid)
    assert found.shape == (3, 1, 4) and np.isnan(found).all()


def test_the_corridor_spans_all_boxes_of_the_patient():
    samples = pd.DataFrame({"patient_id": ["P", "Q", "P", "R", "P"]}, index=[9, 8, 7, 6, 5])
    padded = np.full((5, 2, 4), np.nan, np.float32)
    padded[0, 0], padded[2, 1], padded[1, 0] = [4, 0, 6, 9], [3, 1, 5, 2], [7, 0, 9, 9]
    found = corridors(samples, padded, SIZE)
    assert found.dtype == np.float32
    # A slice without a box has its patient's corridor; a patient without one the whole width.
    assert found.tolist() == [[3, 6], [7, 9], [3, 6], [0, SIZE], [3, 6]]


def found(samples, archive, numbers, resize="stretch"):
    laid = layings(samples, archive, PreprocessingConfig(size=SIZE, resize=resize))
    shapes = archive.index.loc[samples["archive_row"], ["rows", "columns"]].to_numpy()
    flat = np.array(numbers, dtype=float).reshape(len(samples), -1)
    return found_boxes(samples[["sample_id", "patient_id"]], flat, laid, shapes, CLASSES)


NUMBERS = [
    [[17.5, 15, 20, 20, 0.2, 0.7], [NAN] * 6],
    [[NAN] * 6, [NAN] * 6],
    [[1, 2, 3, 4, 0.6, 0.1], [5, 5, 10, 10, 0.3, 0.3]],
]


def test_found_boxes_come_back_to_the_archive_s_pixels(samples, archive):
    table = found(samples, archive, NUMBERS)
    assert table["sample_id"].tolist() == ["c", "b", "b"]  # an image without a box has none
    assert table["patient_id"].tolist() == ["Q", "P", "P"]
    wanted = [[70, 30, 80, 40], [2, 4, 6, 8], [10, 10, 20, 20]]
    np.testing.assert_allclose(table[BOX], wanted)
    np.testing.assert_allclose(table["prob_benign"], [0.2, 0.6, 0.3])
    np.testing.assert_allclose(table["prob_malignant"], [0.7, 0.1, 0.3])
    np.testing.assert_allclose(table["score"], [0.7, 0.6, 0.3])
    assert table["class"].tolist() == ["malignant", "benign", "benign"]
    assert table.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_there_and_back_is_where_it_was(samples, archive, resize):
    drawn = drawn_boxes(samples, archive)
    laid = layings(samples, archive, PreprocessingConfig(size=SIZE, resize=resize))
    square = padded_boxes(samples, drawn, laid)
    numbers = np.concatenate([square, np.where(np.isnan(square[..., :2]), NAN, 0.5)], axis=2)
    back = found(samples, archive, numbers, resize)
    assert back["sample_id"].tolist() == drawn["sample_id"].tolist()
    np.testing.assert_allclose(back[BOX], drawn[BOX], atol=1e-4)


def test_boxes_are_cut_at_the_image_s_border_and_go_if_nothing_is_left(samples, archive):
    over = [[-5, 10, 40, 30, 0.1, 0.9], [2, 2, 4, 4, 0.5, 0.5]]
    # On the letterbox the upper band of the 40 × 80 image ends at 5.
    band = [[0, 1, 9, 4, 0.1, 0.9], [0, 3, 20, 10, 0.1, 0.8]]
    table = found(samples, archive, [band, [[NAN] * 6] * 2, over], "letterbox")
    assert table["sample_id"].tolist() == ["c", "b", "b"]
    np.testing.assert_allclose(table.loc[0, BOX].astype(float), [0, 0, 80, 20])
    np.testing.assert_allclose(table.loc[1, BOX].astype(float), [0, 20, 40, 40])
    assert table["score"].tolist() == [0.8, 0.9, 0.5]


def test_nothing_found_is_an_empty_table_with_all_columns(samples, archive):
    table = found(samples, archive, np.full((3, 2, 6), NAN))
    assert table.empty
    assert {"sample_id", "patient_id", "score", "class", "prob_benign", *BOX} <= set(table.columns)
