"""Which intensities and planes preprocessing takes, and what it refuses."""

import pytest
from pydantic import ValidationError

from osteon.recipes.preprocessing import PreprocessingConfig


def test_without_a_word_greys_are_as_shown_and_every_plane_stays() -> None:
    config = PreprocessingConfig()
    assert (config.intensity, config.planes) == ("display", None)


def test_what_is_asked_for_comes_back_from_json() -> None:
    config = PreprocessingConfig(intensity="percentile", planes=["SAGITTAL", "AXIAL"])
    assert config.planes == ("SAGITTAL", "AXIAL")
    assert PreprocessingConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("colour", ["window_composite", "adjacent", "as_is"])
def test_percentiles_are_for_grey(colour) -> None:
    with pytest.raises(ValidationError, match=f"percentile with colour {colour}; it needs grey"):
        PreprocessingConfig(intensity="percentile", colour=colour)


@pytest.mark.parametrize(
    ("options", "named"),
    [({"intensity": "zscore"}, "intensity"), ({"planes": ["sagittal"]}, "planes"),
     ({"plane": ["AXIAL"]}, "plane")],
)  # fmt: skip
def test_other_words_are_refused(options, named) -> None:
    with pytest.raises(ValidationError, match=named):
        PreprocessingConfig(**options)
