from pathlib import Path

import numpy as np
import pytest

from osteon.explaining.store import Maps, write_maps, write_parts


def test_a_map_comes_back_under_its_sample(tmp_path: Path) -> None:
    maps = np.arange(12, dtype=np.float16).reshape(3, 2, 2)
    write_maps(tmp_path, ["a", "b", "c"], {"grad_cam": maps, "other": -maps})
    read = Maps(tmp_path)
    assert read.methods == ("grad_cam", "other")
    np.testing.assert_array_equal(read.get("grad_cam", "b"), maps[1])
    np.testing.assert_array_equal(read.get("other", "c"), -maps[2])
    assert read.get("grad_cam", "d") is None


def test_a_learner_without_maps_has_none(tmp_path: Path) -> None:
    write_maps(tmp_path, [], {})
    assert Maps(tmp_path).methods == ()
    assert Maps(tmp_path).get("grad_cam", "a") is None


def test_a_missing_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="grad_cam: 2 maps found, 3 samples"):
        write_maps(tmp_path, ["a", "b", "c"], {"grad_cam": np.zeros((2, 1, 1), np.float16)})


def test_parts_are_written_behind_each_other(tmp_path: Path) -> None:
    maps, more = np.arange(20, dtype=np.uint8).reshape(5, 2, 2), np.arange(5, dtype=np.uint8)
    parts = ({"map": maps[own], "patches": more[own, None]} for own in (slice(0, 2), slice(2, 5)))
    write_parts(tmp_path, list("abcde"), parts)
    read = Maps(tmp_path)
    for at, sample in enumerate("abcde"):
        np.testing.assert_array_equal(read.get("map", sample), maps[at])
        np.testing.assert_array_equal(read.get("patches", sample), [at])
    assert np.load(tmp_path / "map.npy").dtype == np.uint8


@pytest.mark.parametrize(
    ("lengths", "message"),
    [([{"map": 2}, {"map": 2}], "4 maps found|more maps"), ([{"map": 2}], "2 maps found, 3"),
     ([{"map": 2}, {"other": 1}], "one length"), ([{"map": 2, "other": 1}], "one length")],
)  # fmt: skip
def test_parts_that_do_not_fit_are_refused(tmp_path: Path, lengths: list, message: str) -> None:
    parts = [{name: np.zeros((n, 2, 2), np.uint8) for name, n in one.items()} for one in lengths]
    with pytest.raises(ValueError, match=message):
        write_parts(tmp_path, ["a", "b", "c"], parts)
    assert not (tmp_path / "samples.parquet").exists()
