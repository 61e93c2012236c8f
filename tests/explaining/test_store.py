from pathlib import Path

import numpy as np
import pytest

from osteon.explaining.store import Maps, write_maps


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
