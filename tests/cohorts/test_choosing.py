"""A vertebra in a label map is no lesion, where the lesion's value is known."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.choosing import choose_images, lesion_area
from osteon.recipes.preprocessing import RegionConfig, SlicesConfig


@dataclass
class Masks:
    """Slices of one series, a mask each."""

    masks: list[np.ndarray | None]
    drawn: list[list] = field(default_factory=list)

    def pixels(self, row):
        return np.full((20, 20), 9 + row, np.uint16)

    def mask(self, row):
        return self.masks[row]

    def boxes(self, row):
        return self.drawn[row] if self.drawn else []


def label_map(tumour, vertebra):
    made = np.zeros((20, 20), np.uint8)
    made[2 : 2 + vertebra, 2:12] = 2
    made[5 : 5 + tumour, 5:10] = 1
    return made


def index(count):
    return pd.DataFrame(
        {
            "sample_id": [f"P-{n}" for n in range(count)],
            "patient_id": "P",
            "series_id": "S",
            "slice": pd.array(range(1, count + 1), "Int64"),
        }
    )


def test_area_of_the_target_alone():
    archive = Masks([label_map(2, 10), label_map(0, 10), None], [[], [], [[0, 0, 3, 4, "x"]]])
    assert [lesion_area(archive, row, 1) for row in range(3)] == [10.0, 0.0, 12.0]
    assert [lesion_area(archive, row) for row in range(3)] == [100.0, 100.0, 12.0]


@pytest.mark.parametrize(("target", "expected"), [(1, [1]), (2, [0, 2]), (None, [0, 1, 2])])
def test_slices_that_show_the_target_are_chosen_and_cropped_to_it(target, expected):
    archive = Masks([label_map(0, 10), label_map(3, 0), label_map(0, 4)])
    slices = SlicesConfig(choice="lesion", count=None)
    region = RegionConfig(mode="box_margin", margin=0.0)
    found = choose_images(archive, index(3), slices, region, {}, target)
    assert found.table["archive_row"].tolist() == expected
    assert set(found.table["crop_source"]) == {"mask"}
