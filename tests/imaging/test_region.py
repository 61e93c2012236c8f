"""Where the region comes from, its laws, and images in which there is none."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.imaging.region import Region, find_mask, find_region


@dataclass(frozen=True)
class Settings:
    mode: str = "box_margin"
    margin: int = 20
    threshold: str = "otsu"
    smoothing: float = 1.0
    open_radius: int = 3
    close_radius: int = 3
    fixed_side: int = 32


SHARP = Settings(smoothing=0.0)
BARE = Settings(margin=0, smoothing=0.0, open_radius=0, close_radius=0)


def square(y0, y1, x0, x1, shape=(100, 120), value=40000) -> np.ndarray:
    image = np.full(shape, 2000, np.uint16)
    image[y0:y1, x0:x1] = value
    return image


def corners(region: Region) -> tuple[int, int, int, int]:
    return region.x0, region.y0, region.x1, region.y1


def test_otsu_box_plus_margin():
    found = find_region(square(30, 60, 40, 80), SHARP)
    assert (corners(found), found.source, found.note) == ((20, 10, 100, 80), "otsu", "")
    assert found.crop(square(30, 60, 40, 80)).shape == (70, 80)
    smooth = find_region(square(30, 60, 40, 80), Settings())
    assert np.abs(np.subtract(corners(smooth), corners(found))).max() <= 1
    assert find_region(square(30, 60, 40, 80), Settings(threshold="li")).source == "li"


def test_a_lesion_at_the_border_is_cut_off_there():
    found = find_region(square(0, 25, 100, 120), SHARP)
    assert corners(found) == (80, 0, 120, 45)


def test_largest_component_without_specks_bridges_and_holes():
    image = square(20, 60, 20, 60)
    image[35:45, 35:45] = 2000  # a hole
    image[75:90, 80:95] = 40000  # a smaller one
    image[40:41, 60:110] = 40000  # a hair that opening takes away
    exact = replace(SHARP, margin=0)
    assert corners(find_region(image, exact)) == (20, 20, 61, 60)  # the disk's tip fits its root
    inside = find_mask(image, exact)
    assert inside[40, 40] and not inside[80, 85] and not inside[40, 90]
    assert corners(find_region(image, BARE)) == (20, 20, 110, 60)


def test_closing_joins_what_is_nearly_joined():
    image = square(20, 60, 20, 60)
    image[18:62, 38:40] = 2000  # a crack through all of it
    assert not find_mask(image, replace(BARE, close_radius=0))[40, 39]
    image[40, 38:40] = 40000
    assert find_mask(image, replace(BARE, close_radius=3))[44, 39]


def test_a_lesion_smaller_than_the_disk_is_not_erased():
    found = find_region(square(50, 53, 60, 63), Settings(margin=5, smoothing=0.0))
    assert corners(found) == (55, 45, 68, 58) and found.source == "otsu"
    assert "smaller than the disk" in found.note


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((30, 40), np.uint16),
        np.full((30, 40), -1024, np.int16),
        np.full((30, 40, 3), 255, np.uint8),
        np.zeros((1, 1), np.uint8),
    ],
)
@pytest.mark.parametrize("threshold", ["otsu", "li"])
@pytest.mark.parametrize("mode", ["box_margin", "fixed"])
def test_a_blank_image_is_kept_whole_and_reported(image, threshold, mode):
    wanted = Settings(mode, threshold=threshold)
    found = find_region(image, wanted)
    assert corners(found) == (0, 0, image.shape[1], image.shape[0])
    assert found.source == "whole" and "blank" in found.note
    assert find_mask(image, wanted).all()


def test_mask_wins_over_box_and_box_over_otsu():
    image = square(30, 60, 40, 80)
    mask = np.zeros(image.shape, np.uint8)
    mask[10:12, 90:95] = 2
    boxes = [[3.2, 4.0, 10.0, 8.5, "lesion"]]
    wanted = Settings(margin=2)
    found = find_region(image, wanted, mask, boxes)
    assert (corners(found), found.source) == ((88, 8, 97, 14), "mask")
    assert find_mask(image, wanted, mask, boxes).sum() == 10
    found = find_region(image, wanted, None, boxes)
    assert (corners(found), found.source) == ((1, 2, 12, 11), "box")
    assert find_mask(image, wanted, None, boxes).sum() == 7 * 5
    two = [*boxes, (20, 30, 40, 50)]
    assert corners(find_region(image, replace(wanted, margin=0), None, two)) == (3, 4, 40, 50)


def test_what_a_person_gave_wrongly_is_said():
    image = square(30, 60, 40, 80)
    empty = np.zeros(image.shape, np.uint8)
    found = find_region(image, BARE, empty)
    assert found.source == "otsu" and found.note == "the mask is empty"
    assert find_region(image, BARE, empty, [(1, 2, 9, 9)]).source == "box"
    outside = [(500, 10, 600, 20), (5, 5, float("nan"), 9)]
    for box in outside:
        found = find_region(image, BARE, None, [box])
        assert found.source == "otsu" and "a box" in found.note
    assert find_region(image, BARE, None, [*outside, (1, 2, 9, 9)]).source == "box"


def test_given_threshold_and_whole_mode():
    image = square(30, 60, 40, 80)
    found = find_region(image, Settings(threshold="given"))
    assert (corners(found), found.source) == ((0, 0, 120, 100), "whole")
    assert "neither mask nor box" in found.note
    assert find_region(image, Settings(threshold="given"), None, [(1, 2, 9, 9)]).source == "box"
    found = find_region(image, Settings(mode="whole"), None, [(1, 2, 9, 9)])
    assert (corners(found), found.source, found.note) == ((0, 0, 120, 100), "whole", "")


@pytest.mark.parametrize(
    ("box", "side", "expected"),
    [
        ((50, 40, 60, 50), 20, (45, 35, 65, 55)),
        ((0, 0, 4, 4), 20, (0, 0, 20, 20)),
        ((110, 90, 120, 100), 20, (100, 80, 120, 100)),
        ((50, 40, 60, 50), 110, (0, 0, 110, 100)),
    ],
)
def test_fixed_square_stays_inside(box, side, expected):
    found = find_region(square(0, 1, 0, 1), Settings("fixed", fixed_side=side), None, [box])
    assert (corners(found), found.source) == (expected, "fixed")


def test_hu_and_colour():
    grey = square(30, 60, 40, 80)
    hu = np.where(grey > 9000, 700, -1000).astype(np.int16)
    rgb = np.stack([(grey >> 8).astype(np.uint8)] * 3, axis=-1)
    for image in (hu, rgb):
        assert corners(find_region(image, SHARP)) == (20, 10, 100, 80)


noise = st.builds(
    lambda seed, rows, columns: np.random.default_rng(seed).integers(0, 4000, (rows, columns)),
    st.integers(0, 2**16),
    st.integers(1, 40),
    st.integers(1, 40),
)


@settings(deadline=None, max_examples=60)
@given(noise, st.integers(0, 30), st.integers(0, 30), st.sampled_from(["box_margin", "fixed"]))
def test_region_is_inside_and_the_margin_only_adds(values, margin, more, mode):
    image = values.astype(np.uint16)
    wanted = Settings(mode, margin, fixed_side=margin + 1)
    small = find_region(image, wanted)
    assert 0 <= small.x0 < small.x1 <= image.shape[1]
    assert 0 <= small.y0 < small.y1 <= image.shape[0]
    large = find_region(image, replace(wanted, margin=margin + more, fixed_side=margin + more + 1))
    assert large.x0 <= small.x0 and large.y0 <= small.y0
    assert large.x1 >= small.x1 and large.y1 >= small.y1


@settings(deadline=None, max_examples=60)
@given(noise, st.floats(0, 1), st.integers(0, 9))
def test_region_holds_the_mask(values, share, margin):
    mask = (values < share * 4000).astype(np.uint8)
    found = find_region(values.astype(np.uint16), Settings(margin=margin), mask)
    if mask.any():
        assert found.source == "mask" and found.crop(mask).sum() == mask.sum()


@settings(deadline=None, max_examples=60)
@given(noise, st.integers(1, 7), st.integers(0, 3000))
def test_brightness_and_contrast_change_nothing(values, gain, offset):
    image = values.astype(np.uint16)
    brighter = (values * gain + offset).astype(np.uint16)
    np.testing.assert_array_equal(find_mask(image, Settings()), find_mask(brighter, Settings()))
    shifted = (values - 1024).astype(np.int16)  # HU
    np.testing.assert_array_equal(find_mask(image, Settings()), find_mask(shifted, Settings()))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"mode": "auto"}, "mode: 'auto'"),
        ({"threshold": "mean"}, "threshold: 'mean'"),
        ({"margin": -1}, "margin: -1"),
        ({"mode": "fixed", "fixed_side": 0}, "fixed_side: 0"),
    ],
)
def test_errors_name_the_setting(changes, named):
    with pytest.raises(ValueError, match=named):
        find_region(square(1, 2, 1, 2), Settings(**changes))


def test_errors_name_the_array():
    image = square(1, 2, 1, 2)
    with pytest.raises(ValueError, match="mask: shape"):
        find_region(image, Settings(), np.ones((3, 3), np.uint8))
    with pytest.raises(ValueError, match="pixels: shape"):
        find_mask(np.zeros((0, 4), np.uint8), Settings())
