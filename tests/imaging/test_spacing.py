"""Spacing as the archive writes it, and what cannot be laid on a field in millimetres."""

import pytest

from osteon.imaging.spacing import field_of, refuse_spacing, spacing_of


def test_spacing_as_the_archive_writes_it() -> None:
    assert spacing_of("[0.7, 0.5]") == (0.7, 0.5)
    assert spacing_of("") is None and spacing_of(None) is None
    for text in ("[0.7]", "0.7", "[0, 1]", "x", "[1, NaN]"):
        with pytest.raises(ValueError, match="pixel_spacing_mm"):
            spacing_of(text)


def test_a_field_has_as_many_pixels_as_go_into_it() -> None:
    assert field_of((0.5, 2.0), 100) == (200, 50)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1.0, 0.5]", None),
        ("[1.0, 100.0]", None),  # a pixel that fills the field still fits
        ("", "its pixel spacing is not known"),
        (None, "its pixel spacing is not known"),
        ("[0, 1]", "its pixel spacing is no pair of positive numbers"),
        ("[1, -1]", "its pixel spacing is no pair of positive numbers"),
        ("[NaN, 1]", "its pixel spacing is no pair of positive numbers"),
        ("1.0", "its pixel spacing is no pair of positive numbers"),
        ("[1.0, 101.0]", "one of its pixels is larger than the field"),
        ("[0.001, 1.0]", "all of it is smaller than a prepared pixel"),
    ],
)
def test_an_image_without_a_scale_is_refused(text: str | None, said: str | None) -> None:
    assert refuse_spacing(text, (40, 40), 100.0, 50) == said
