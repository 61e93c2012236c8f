"""Grey keeps grey, weighs colours, and refuses what is no picture."""

import numpy as np
import pytest

from osteon.imaging.colour import to_grey


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_triples_keep_their_value(dtype) -> None:
    grey = np.arange(200, dtype=dtype).reshape(10, 20)
    found = to_grey(np.repeat(grey[..., None], 3, axis=2))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, grey)
    assert to_grey(grey) is grey


def test_colours_weigh_as_bt_601() -> None:
    pure = np.eye(3, dtype=np.uint8)[None] * 255
    assert to_grey(pure).tolist() == [[76, 150, 29]]


def test_four_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2, 4\)"):
        to_grey(np.zeros((2, 2, 4), np.uint8))
