"""Which plane of a file of labels belongs to a slice: by object, by place, or none."""

from dataclasses import replace

import numpy as np
import pytest

from osteon.imaging.dicom_seg import read_seg
from osteon.imaging.picture import Header
from osteon.imaging.refusals import Refused
from tests.imaging.mask_makers import header, seg, slice_at

LIMIT = 2**20
SHAPE = (6, 4)


def frames(count):
    """Frame k shows its segment on its k-th pixel alone."""
    made = np.zeros((count, *SHAPE), np.uint8)
    made.reshape(count, -1)[np.arange(count), np.arange(count)] = 1
    return made


def stack(tmp_path, count=4, uids=None, **more):
    """Segment 1 on slices 3 mm apart along +x."""
    places = [(3.0 * k, 10.0, 20.0) for k in range(count)]
    path = seg(tmp_path / "s.dcm", frames(count), places, [1] * count, uids, **more)
    return read_seg(path, LIMIT)


def pixel(labels):
    assert np.count_nonzero(labels) == 1
    return int(np.flatnonzero(labels)[0])


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
def test_by_place_whatever_the_order(tmp_path, order):
    labels = stack(tmp_path)
    for number in order:
        for away in (0.0, 0.09):
            found = labels.of(header(*SHAPE), slice_at((3.0 * number, 10.0 + away, 20.0)))
            assert pixel(found) == number


def test_the_object_wins_over_the_place(tmp_path):
    uids = ["1.13", "1.12", "1.11", "1.10"]
    labels = stack(tmp_path, uids=uids)
    assert pixel(labels.of(header(*SHAPE, "1.11"), slice_at((6.0, 10, 20)))) == 2
    assert pixel(labels.of(header(*SHAPE, "1.11"), slice_at(None))) == 2
    with pytest.raises(Refused, match=r"mask_geometry_mismatch: .* refers to this image, but"):
        labels.of(header(*SHAPE, "1.11"), slice_at((0.0, 10, 20)))


@pytest.mark.parametrize(
    ("position", "more", "uid"),
    [
        ((4.5, 10, 20), {}, ""),  # between two slices
        ((3.0, 11, 20), {}, ""),  # another field of view
        ((3.0, 10, 20), {"orientation": (0.0, 1.0, 0.0, 0.0, 0.0, 1.0)}, ""),
        (None, {}, ""),
        (None, {}, "2.7"),
    ],
)
def test_a_slice_that_is_not_there_is_refused(tmp_path, position, more, uid):
    with pytest.raises(Refused, match="mask_geometry_mismatch: no slice of the mask"):
        stack(tmp_path).of(header(*SHAPE, uid), slice_at(position, **more))


def test_places_of_another_frame_of_reference_say_nothing(tmp_path):
    with pytest.raises(Refused, match="mask_geometry_mismatch"):
        stack(tmp_path).of(header(*SHAPE, frame_of_reference="9.9"), slice_at((3.0, 10, 20)))
    stack(tmp_path).of(header(*SHAPE, frame_of_reference=""), slice_at((3.0, 10, 20)))


def test_a_covered_slice_without_a_frame_is_empty_and_not_missing(tmp_path):
    labels = stack(tmp_path, 2, ["2.1", "2.3"], referenced=["2.1", "2.2", "2.3"])
    assert not labels.of(header(*SHAPE, "2.2"), slice_at(None)).any()
    # not named, but one step beyond the drawn slices of the same stack
    beyond = stack(tmp_path, 3)
    assert not beyond.of(header(*SHAPE, "2.9"), slice_at((9.0, 10, 20))).any()
    # the stated spacing says that a slice lies between two that were drawn
    sparse = stack(tmp_path, 2, step=1.5)
    assert not sparse.of(header(*SHAPE, "2.9"), slice_at((1.5, 10, 20))).any()
    with pytest.raises(Refused, match="mask_geometry_mismatch"):
        sparse.of(header(*SHAPE, "2.9"), slice_at((1.0, 10, 20)))
    # without a common frame of reference the stack may be another one
    with pytest.raises(Refused, match="mask_geometry_mismatch"):
        beyond.of(header(*SHAPE, "2.9", frame_of_reference=""), slice_at((9.0, 10, 20)))


def test_labels_resampled_onto_other_slices_are_refused(tmp_path):
    labels = stack(tmp_path, 4, referenced=["2.1", "2.2"], step=3.0)
    with pytest.raises(Refused, match="mask_geometry_mismatch"):
        labels.of(header(*SHAPE, "2.1"), slice_at((4.0, 10, 20)))


def test_frames_of_an_enhanced_object(tmp_path):
    labels = stack(tmp_path)
    of_three = header(*SHAPE, "2.5", frames=3)
    assert pixel(labels.of(of_three, slice_at((6.0, 10, 20), 0))) == 2
    assert pixel(labels.of(of_three, slice_at((0.0, 10, 20), 2))) == 0


def test_one_plane_without_a_place_fits_one_image(tmp_path):
    path = seg(tmp_path / "s.dcm", frames(1), [None], [4])
    alone = read_seg(path, LIMIT)
    assert alone.of(Header("picture", *SHAPE), slice_at(None)).max() == 4
    assert alone.of(header(*SHAPE, "2.6"), slice_at((0, 0, 0))).max() == 4
    with pytest.raises(Refused, match="mask_geometry_mismatch"):
        alone.of(replace(header(*SHAPE, "2.6"), frames=2), slice_at((0, 0, 0)))
    named = read_seg(seg(path, frames(1), [None], [4], ["2.6"]), LIMIT)
    assert named.of(header(*SHAPE, "2.6"), slice_at((0, 0, 0))).max() == 4
    with pytest.raises(Refused, match="mask_geometry_mismatch"):
        named.of(header(*SHAPE, "2.8"), slice_at((0, 0, 0)))


def test_size(tmp_path):
    with pytest.raises(Refused, match=r"mask_shape_mismatch: .* 6 x 4, the image 4 x 6"):
        stack(tmp_path).of(header(4, 6), slice_at((0.0, 10, 20)))
