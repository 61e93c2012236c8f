"""What becomes an outline is given once for a row, within limits, and a typo stops the run."""

import pytest
from pydantic import ValidationError

from osteon.recipes.segmenting import PostprocessConfig


def test_the_defaults_are_the_sheet_s():
    found = PostprocessConfig()
    assert (found.threshold, found.least_px, found.fill_holes) == (0.5, 64, True)
    assert found.tolerance_mm == 2.0
    assert PostprocessConfig.model_validate(found.model_dump()) == found


@pytest.mark.parametrize(
    "given",
    [
        {"threshold": 0.0},
        {"threshold": 1.0},
        {"least_px": -1},
        {"tolerance_mm": -0.1},
        {"treshold": 0.5},
    ],
)
def test_what_is_out_of_range_or_unknown_is_named(given):
    with pytest.raises(ValidationError, match=next(iter(given))):
        PostprocessConfig.model_validate(given)
