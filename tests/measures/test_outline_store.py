"""Outlines come back to the bit, whatever their size; the digest is of what they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from osteon.measures.outline_store import BITS, Outlines, Packed
from osteon.measures.surfaces import MaskError

MASKS = st.lists(arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20))), max_size=5)


def packed_of(masks):
    packed = Packed()
    for number, mask in enumerate(masks):
        packed.add(f"I{number}", mask)
    return packed


@settings(max_examples=50, deadline=None)
@given(MASKS)
def test_every_outline_comes_back(tmp_path_factory, masks):
    folder = tmp_path_factory.mktemp("outlines")
    packed_of(masks).write(folder)
    found = Outlines(folder)
    assert list(found.samples) == [f"I{number}" for number in range(len(masks))]
    for number, mask in enumerate(masks):
        back = found.get(f"I{number}")
        assert back.dtype == bool
        np.testing.assert_array_equal(back, mask)
    assert found.get("unknown") is None


def test_a_small_outline_takes_little_room_however_large_the_image(tmp_path):
    mask = np.zeros((2000, 2000), bool)
    mask[1000:1016, 500:540] = True
    packed_of([mask]).write(tmp_path)
    assert (tmp_path / BITS).stat().st_size == 16 * 40 / 8
    np.testing.assert_array_equal(Outlines(tmp_path).get("I0"), mask)


def test_the_digest_moves_with_a_pixel_and_with_the_image():
    one = np.eye(5, dtype=bool)
    other = one.copy()
    other[0, 1] = True
    assert packed_of([one]).digest == packed_of([one.copy()]).digest
    assert packed_of([one]).digest != packed_of([other]).digest
    moved = np.pad(one, ((0, 1), (0, 0)))  # the same bits in a larger image
    assert packed_of([one]).digest != packed_of([moved]).digest


def test_two_outlines_of_one_image_and_what_is_no_outline_are_refused(tmp_path):
    packed = packed_of([np.eye(3, dtype=bool)])
    packed.add("I0", np.eye(3, dtype=bool))
    with pytest.raises(ValueError, match="I0 found twice"):
        packed.write(tmp_path)
    with pytest.raises(MaskError, match=r"mask of I1: shape \(2, 2, 2\) found"):
        packed.add("I1", np.zeros((2, 2, 2)))
