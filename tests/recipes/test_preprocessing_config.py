"""Which intensities and planes preprocessing takes, and what it refuses."""

import pytest
from pydantic import ValidationError

from osteon.imaging.intensity import PLAIN, Stretch
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


PENN = {
    "intensity": "percentile", "percentiles": [0, 99.5], "background": "share", "smoothing": 2,
    "masks": True,
}  # fmt: skip


def test_greys_of_mr_may_lose_background_and_noise() -> None:
    config = PreprocessingConfig(**PENN)
    assert config.stretch == Stretch((0, 99.5), "share", 0.05, 2)
    assert config.masks and not PreprocessingConfig().masks
    assert PreprocessingConfig.model_validate(config.model_dump(mode="json")) == config
    assert PreprocessingConfig().stretch == PLAIN


@pytest.mark.parametrize("name", ["percentiles", "background", "smoothing", "background_share"])
def test_what_a_display_would_ignore_is_refused(name) -> None:
    value = (PENN | {"background_share": 0.1})[name]
    with pytest.raises(ValidationError, match=f"{name} is given with intensity display"):
        PreprocessingConfig(**{name: value})
    assert PreprocessingConfig(intensity="percentile", **{name: value})


@pytest.mark.parametrize(
    ("options", "named"),
    [({"percentiles": [99, 1]}, "the first must be the lower"),
     ({"percentiles": [5, 5]}, "the first must be the lower"), ({"percentiles": [1, 101]}, "100"),
     ({"background": "li"}, "background"), ({"background_share": 2}, "background_share"),
     ({"smoothing": -1}, "smoothing"), ({"masks": "some"}, "masks")],
)  # fmt: skip
def test_greys_out_of_range_are_refused(options, named) -> None:
    with pytest.raises(ValidationError, match=named):
        PreprocessingConfig(**{"intensity": "percentile"} | options)


def test_a_field_in_millimetres_needs_a_letterbox() -> None:
    assert PreprocessingConfig().field_mm is None
    config = PreprocessingConfig(resize="letterbox", field_mm=360)
    assert PreprocessingConfig.model_validate(config.model_dump(mode="json")) == config
    with pytest.raises(ValidationError, match="field_mm is 360 with resize stretch; it needs lett"):
        PreprocessingConfig(field_mm=360)


@pytest.mark.parametrize("value", [0, -1, 2000.1, float("nan"), float("inf"), "wide"])
def test_a_field_out_of_range_is_refused(value) -> None:
    with pytest.raises(ValidationError, match="field_mm"):
        PreprocessingConfig(resize="letterbox", field_mm=value)
    assert PreprocessingConfig(resize="letterbox", field_mm=2000)
