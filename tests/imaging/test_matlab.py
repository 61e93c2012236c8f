"""MATLAB files: numbers only, sizes before pixels."""

import struct
import zlib

import numpy as np
import pytest
from scipy.io import savemat

from osteon.imaging.decode import load_display, open_picture
from osteon.imaging.masks import open_mask
from osteon.imaging.matlab import load_truth, looks_like_matlab
from osteon.imaging.refusals import Refused

IMAGE = (np.arange(60).reshape(5, 4, 3) * 4).astype(np.uint8)
TRUTH = (np.arange(60).reshape(5, 4, 3) % 3).astype(np.uint8)


def mat(path, **variables):
    savemat(path, variables or {"I": IMAGE, "GT": TRUTH}, do_compression=True)
    return path


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float64])
def test_slices_are_the_third_axis_and_one_scale_holds_for_all(tmp_path, kind):
    picture = open_picture(mat(tmp_path / "x.mat", I=IMAGE.astype(kind), GT=TRUTH))
    header = picture.header
    assert (header.rows, header.columns, header.frames) == (5, 4, 3)
    assert (header.view, header.spacing, header.kind) == ("SAGITTAL", (1.0, 1.0), "matlab")
    for number, frame in enumerate(picture.frames()):
        expected = np.rint(IMAGE[:, :, number] * (65535 / 236))
        np.testing.assert_array_equal(frame.pixels, expected)
        assert (frame.number, frame.instance, frame.undefined) == (number, number + 1, 0)
        assert frame.pixels.dtype == np.uint16


def test_its_labels_are_its_mask(tmp_path):
    path = mat(tmp_path / "x.mat")
    picture = open_picture(path)
    of = open_mask(path, picture.header)
    for frame in picture.frames():
        np.testing.assert_array_equal(of(frame), TRUTH[:, :, frame.number])
    with pytest.raises(Refused, match=r"mask_unreadable: the mask: .* no variable GT"):
        open_mask(mat(tmp_path / "y.mat", I=IMAGE), picture.header)


def test_one_slice_and_pixels_that_are_no_number(tmp_path):
    flat = IMAGE[:, :, 0].astype(np.float64)
    flat[1, 1] = np.nan
    frames = list(open_picture(mat(tmp_path / "x.mat", I=flat)).frames())
    assert len(frames) == 1 and frames[0].undefined == 1
    assert frames[0].pixels[1, 1] == 0


def test_labels_of_another_depth_refuse_the_volume(tmp_path):
    path = mat(tmp_path / "x.mat", I=IMAGE, GT=np.dstack([TRUTH, TRUTH[:, :, :1]]))
    with pytest.raises(Refused, match="mask_shape_mismatch: its labels are 5 x 4 x 4, its image 5"):
        open_picture(path)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"J": IMAGE}, "no_pixels: the MATLAB file has no variable I"),
        ({"I": {"a": 1}}, "decode_failed: the variable I is no array of numbers"),
        ({"I": np.array([[1, "a"]], object)}, "no array of numbers"),
        ({"I": "text"}, "no array of numbers"),
        ({"I": np.zeros((2, 2, 2, 2), np.uint8)}, "has 4 axes"),
        ({"I": np.zeros((0, 3), np.uint8)}, "no_pixels"),
        ({"I": IMAGE * 1j}, "no array of real numbers"),
        ({"I": IMAGE, "GT": {"a": 1}}, "the variable GT is no array"),
    ],
)
def test_anything_but_numbers_is_refused(tmp_path, variables, says):
    path = mat(tmp_path / "x.mat", **variables)
    with pytest.raises(Refused, match=says):
        list(open_picture(path).frames())


def test_two_variables_of_one_name_are_refused(tmp_path):
    first, second = (
        mat(tmp_path / f"{n}.mat", I=value).read_bytes()
        for n, value in enumerate(({"a": 1}, IMAGE))
    )
    (tmp_path / "x.mat").write_bytes(first + second[128:])
    with pytest.raises(Refused, match="two variables of one name"):
        open_picture(tmp_path / "x.mat")


def test_the_size_is_checked_before_anything_is_inflated(tmp_path, monkeypatch):
    path = mat(tmp_path / "x.mat")
    monkeypatch.setattr("scipy.io.loadmat", lambda *_, **__: pytest.fail("inflated"))
    with pytest.raises(Refused, match="too_large"):
        open_picture(path, max_pixels=59)
    with pytest.raises(Refused, match="too_large"):
        load_truth(path, max_pixels=59)


@pytest.mark.parametrize("packed", [True, False])
def test_a_variable_that_holds_more_than_its_shape_says_is_not_loaded(
    tmp_path, monkeypatch, packed
):
    def element(kind, data):
        return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)

    shape = element(6, struct.pack("<II", 6, 0)) + element(5, struct.pack("<iii", 2, 2, 1))
    matrix = element(14, shape + element(1, b"I") + element(9, bytes(2**24 + 2**20)))
    if packed:
        small = zlib.compress(matrix, 9)
        matrix = struct.pack("<II", 15, len(small)) + small
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    (tmp_path / "x.mat").write_bytes(head + matrix)
    picture = open_picture(tmp_path / "x.mat", max_pixels=60)
    assert picture.header.rows == picture.header.columns == 2
    monkeypatch.setattr("scipy.io.loadmat", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(Refused, match="too_large: a variable holds more bytes"):
        list(picture.frames())


@pytest.mark.parametrize("keep", [130, 200, 0.5])
def test_a_damaged_file_is_refused(tmp_path, keep):
    path = mat(tmp_path / "x.mat")
    data = path.read_bytes()
    path.write_bytes(data[: keep if keep > 1 else int(keep * len(data))])
    with pytest.raises(Refused, match=r"decode_failed|no_pixels"):
        list(open_picture(path).frames())


def test_only_version_5_is_told_by_its_first_bytes(tmp_path):
    assert looks_like_matlab(mat(tmp_path / "x.mat").read_bytes()[:128])
    assert not looks_like_matlab(b"MATLAB 7.3 MAT-file".ljust(126) + b"IM")
    assert not looks_like_matlab(b"")


def test_a_real_volume_has_the_head_at_the_top(real_data):
    folder = real_data / "spine_mri_vertebral_bodies"
    path = folder / "VB3_01.mat"
    truth = load_truth(path)
    middle = truth.shape[0] // 2
    assert load_display(path, middle).shape == (224, 224)
    rows = [np.argwhere(truth == value)[:, 1].mean() for value in range(1, 6)]
    # one body under the other, and the column in the front half of the picture or near its middle
    assert np.ptp(rows) > 100
    columns = np.argwhere(truth > 0)[:, 2]
    assert 80 < columns.mean() < 150
    with pytest.raises(Refused, match="381 x 381 x 77, its image 381 x 381 x 76"):
        open_picture(folder / "VB2_02.mat")
