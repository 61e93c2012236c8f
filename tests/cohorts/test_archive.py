"""The archive opens lazily, reads by row, and pickles as a path."""

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from osteon.cohorts.archive import Archive, shard_name


@pytest.fixture
def archive(tmp_path):
    grey = np.arange(12, dtype="<u2").reshape(3, 4)
    rgb = np.arange(24, dtype="u1").reshape(2, 4, 3)
    hounsfield = np.array([[-1000, 40]], "<i2")
    mask = np.ones((3, 4), "u1")
    parts, places = b"", []
    for array in (grey, rgb, hounsfield, mask):
        parts += bytes(-len(parts) % 64)
        places.append(len(parts))
        parts += array.tobytes()
    (tmp_path / shard_name(2)).write_bytes(parts)
    rows = {
        "shard": [2, 2, 2],
        "offset": places[:3],
        "rows": [3, 2, 1],
        "columns": [4, 4, 2],
        "channels": [1, 3, 1],
        "dtype": ["<u2", "|u1", "<i2"],
        "mask_shard": [2, -1, -1],
        "mask_offset": [places[3], -1, -1],
        "boxes": ["[]", '[[0, 0, 1, 1, "x"]]', "[]"],
    }
    pq.write_table(pa.table(rows), tmp_path / "index.parquet")
    return Archive(tmp_path), (grey, rgb, hounsfield), mask


def test_pixels_and_masks(archive):
    opened, arrays, mask = archive
    for row, expected in enumerate(arrays):
        found = opened.pixels(row)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
        with pytest.raises(ValueError, match="read-only"):
            found[...] = 0
    np.testing.assert_array_equal(opened.mask(0), mask)
    assert opened.mask(1) is None
    assert opened.boxes(1) == [[0, 0, 1, 1, "x"]]
    assert len(opened) == 3


def test_pickles_as_a_path(archive):
    opened, arrays, _ = archive
    opened.pixels(0)
    data = pickle.dumps(opened)
    assert len(data) < 400
    again = pickle.loads(data)  # noqa: S301 - our own object, in this process
    np.testing.assert_array_equal(again.pixels(1), arrays[1])


def test_no_archive(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"index\.parquet"):
        Archive(tmp_path)


def test_row_out_of_range(archive):
    with pytest.raises(IndexError):
        archive[0].pixels(3)
