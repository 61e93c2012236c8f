"""A planted mirror image or quarter turn is found by content and named; honest images are not."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from osteon.imaging.fingerprints import near_duplicates, perceptual_hash
from osteon.measures.copies import CHANGES, altered_copies


def index_of(pictures):
    return pd.DataFrame(
        {
            "sample_id": [f"S{k:02d}" for k in range(len(pictures))],
            "phash": [perceptual_hash(one) for one in pictures],
            "thumbnail": [one.tobytes() for one in pictures],
        }
    )


@pytest.fixture
def pictures():
    generator = np.random.default_rng(0)
    smooth = [gaussian_filter(generator.random((32, 32)), 3) for _ in range(20)]
    return [np.uint8(255 * (one - one.min()) / np.ptp(one)) for one in smooth]


def test_different_images_are_no_copies(pictures):
    assert altered_copies(index_of(pictures)).empty
    assert altered_copies(index_of([])).empty


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_found_and_named_though_the_hash_differs(pictures, change):
    copy = np.ascontiguousarray(CHANGES[change](pictures[4]))
    darker = np.uint8(0.8 * copy + 10)
    found = altered_copies(index_of([*pictures, darker]))
    assert found[["sample_a", "sample_b"]].to_numpy().tolist() == [["S04", "S20"]]
    # Named as the change that turns one into the other; a quarter turn either way.
    undo = {"turned by 90": "turned by 270", "turned by 270": "turned by 90"}
    assert found["change"].item() in (change, undo.get(change, change))
    index = index_of([*pictures, darker])
    assert not len(near_duplicates(index["phash"].tolist(), index["thumbnail"].tolist()))


def test_an_image_that_is_its_own_mirror_image_is_no_pair(pictures):
    even = np.uint8((pictures[0].astype(int) + np.fliplr(pictures[0])) // 2)
    assert altered_copies(index_of([even, *pictures[1:]])).empty
