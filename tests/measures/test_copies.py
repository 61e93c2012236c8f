"""A planted mirror image, quarter turn or recoloured copy is found and named; others are not."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from osteon.imaging.fingerprints import near_duplicates, perceptual_hash
from osteon.measures.copies import CHANGES, INVERTED, RECOLOURED, altered_copies


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


@pytest.mark.parametrize("gamma", [0.3, 0.5, 3.0])
def test_another_gamma_is_found_though_the_hash_differs(pictures, gamma):
    other = np.uint8(np.round(255 * (pictures[4] / 255) ** gamma))
    index = index_of([*pictures, other])
    assert not len(near_duplicates(index["phash"].tolist(), index["thumbnail"].tolist()))
    assert altered_copies(index).to_numpy().tolist() == [["S04", "S20", RECOLOURED]]


@pytest.mark.parametrize("gamma", [1.0, 1.5])
def test_an_inverted_copy_is_found(pictures, gamma):
    other = np.uint8(np.round(255 * (1 - pictures[4] / 255) ** gamma))
    found = altered_copies(index_of([*pictures, other]))
    assert found.to_numpy().tolist() == [["S04", "S20", INVERTED]]


def test_a_plain_copy_is_left_to_the_search_for_near_duplicates(pictures):
    assert altered_copies(index_of([*pictures, pictures[4]])).empty


def test_flat_and_nearly_flat_images_are_no_copies_of_each_other():
    flat = [np.full((32, 32), value, np.uint8) for value in (0, 90, 200)]
    nearly = [one.copy() for one in flat]
    for one in nearly:
        one[:4] += 5
    assert altered_copies(index_of([*flat, *nearly])).query("change == @RECOLOURED").empty
    assert altered_copies(index_of([*flat, *nearly])).query("change == @INVERTED").empty
