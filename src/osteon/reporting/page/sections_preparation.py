"""Section of the report: which slices, regions and colours the networks were given."""

from collections.abc import Mapping
from typing import Any

from osteon.cohorts.choosing import HUE_SAMPLE
from osteon.imaging.slices import NO_LESION
from osteon.reporting.page.blocks import Gallery, Section, Text, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_galleries import PREPARED, gallery
from osteon.reporting.page.tables import Cell, Table, count, flat, head, plain, whole

CHOICES = {
    "all": "every slice or image that was kept",
    "lesion": "slices that show the lesion, spread evenly over it",
    "largest_lesion": "of each series the slices that show most of the lesion",
    "even": "slices spread evenly over each series",
}
MODES = {
    "whole": "Each is shown whole.",
    "box_margin": "Each is cropped to a box and a margin: of the lesion where it is outlined, {}"
    "else whole; the table counts them.",
    "fixed": "Each is cropped to a square of fixed size around the centre of the lesion where it "
    "is outlined, {}else whole.",
}
THRESHOLDS = ("otsu", "li", "fixed")
SQUARES = {
    "stretch": "stretched to {size} × {size} px, whatever its sides",
    "letterbox": "laid on {size} × {size} px with its sides in proportion, the rest black",
}
IN_FIELD = "laid on {size} × {size} px by its millimetres"
SCALE = (
    "A pixel is {mm:.2f} mm in every image; what is larger than {field_mm:g} mm is cut about its "
    "middle, the rest is black."
)
BACKGROUNDS = {
    "share": "pixels below {share:g} % of its 99.5th percentile become black",
    "otsu": "pixels up to Otsu's threshold become black",
}
BY_THRESHOLD = "else of what the threshold finds, which need not be the lesion, "
COLOURS = {
    "grey": "They are grey.",
    "window_composite": "Three windows of the CT are their red, green and blue.",
    "adjacent": "Each slice stands with its two neighbours as red, green and blue.",
    "as_is": "They keep the colours of their files.",
}
TUBES = {
    "detected": "largest box that the detector found in the sequence",
    "other_series": "its place in another sequence of the patient, as none was found here",
    "whole": "whole picture, no detector",
    "labelled": "largest drawn box",
    "none": "no tube, as no box was found in the patient",
}
SOURCES = {
    "mask": "an expert's mask",
    "box": "an expert's box",
    "otsu": "Otsu's threshold",
    "li": "Li's threshold",
    "fixed": "a fixed square",
    "whole": "nothing: shown whole",
    "field": "the field: the middle of the image is shown",
}


def preparation(view: View) -> Section:
    """In words, as a table, and what it looks like."""
    found = view.preparation
    shown = [one for one in view.parts.galleries if one.get("name") == PREPARED]
    pictures: list[Gallery] = [gallery(one, 0) for one in shown if one.get("cases")]
    return section(
        "preparation",
        "What the networks were given",
        Text(sentences(found)) if found else None,
        Text(text) if (text := tubes(view.training)) else None,
        counts_table(found),
        *pictures,
    )


def sentences(found: Mapping[str, Any]) -> str:
    """Slices, region and colour."""
    slices, region = found.get("slices") or {}, found.get("region") or {}
    colour, given = found.get("colour") or {}, found.get("given") or {}
    said = []
    if slices:
        choice = CHOICES.get(str(slices.get("choice")), plain(slices.get("choice")))
        said.append(
            f"Of {count(slices.get('frames'))} slices or images in {count(slices.get('series'))} "
            f"series, {count(slices.get('chosen'))} were taken: {choice}."
        )
    found_by = any((region.get("sources") or {}).get(name) for name in THRESHOLDS)
    # In a field the middle of what is larger is shown, which `greys` says.
    if not (region.get("mode") == "whole" and given.get("field_mm")):
        said.append(MODES.get(str(region.get("mode")), "").format(BY_THRESHOLD if found_by else ""))
    said.append(COLOURS.get(str(colour.get("source")), ""))
    said.append(greys(given))
    share = colour.get("without_hue")
    if share is not None:
        first = min(HUE_SAMPLE, int(slices.get("chosen") or HUE_SAMPLE))
        said.append(
            f"{100 * float(share):.0f} % of the pixels of the first {first} images have no hue."
        )
    return " ".join(one for one in said if one)


def greys(given: Mapping[str, Any]) -> str:
    """What was done to the pixels of each, step by step, and which planes were kept."""
    if not given:
        return ""
    steps = []
    if given["intensity"] == "percentile":
        rule = BACKGROUNDS.get(str(given["background"]), "")
        steps.append(rule.format(share=100 * float(given["background_share"])))
        if given["smoothing"]:
            steps.append(f"a Gaussian of σ = {given['smoothing']:g} px of the original smooths it")
        low, high = given["percentiles"]
        steps.append(f"greys run from its percentile {low:g} (black) to {high:g} (white)")
    field = given.get("field_mm")
    laid = (IN_FIELD if field else SQUARES[str(given["resize"])]).format(**given)
    steps.append(f"it is {laid}")
    said = f"Of each, in this order: {'; '.join(one for one in steps if one)}."
    if len(steps) == 1:
        said = f"Each is {laid}."
    if field:
        said += f" {SCALE.format(mm=field / given['size'], **given)}"
    if given["masks"]:
        said += " Its label map goes along by nearest neighbour."
    if given["planes"]:
        kept = " and ".join(str(plane).lower() for plane in given["planes"])
        said += f" Only {kept} series are kept, and those whose plane is not known."
    return said


def tubes(training: Mapping[str, Any]) -> str:
    """What a detector and the sequence model behind it were given; empty without such models."""
    judged = next((one["tubes"] for one in training.values() if one.get("tubes")), None)
    if not judged:
        return ""
    drawn = any(one.get("boxes") == "labelled" for one in training.values())
    learnt = "the largest drawn box" if drawn else "the place named there"
    places = "; ".join(f"{TUBES.get(name, name)}: {count(n)}" for name, n in judged.items())
    return (
        "Whole slices are what the detector sees. The sequence model sees a tube: one place cut "
        f"out of all slices of a sequence, to learn from at {learnt}, to judge at the place that "
        f"follows. Tubes when judging, both parts: {places}. The age goes to the age table only; "
        "without an age its term drops out and the other weights count alone."
    )


def counts_table(found: Mapping[str, Any]) -> Table | None:
    """What decided on the region, what is noted, and what was left out."""
    region = found.get("region") or {}
    groups = (
        ("Region from", {name_of(key): n for key, n in (region.get("sources") or {}).items()}),
        ("Noted", {unit_of(note): n for note, n in (region.get("notes") or {}).items()}),
        ("Left out", found.get("left_out") or {}),
        ("Left out", {"patients without any image left": found.get("patients_left_out") or 0}),
    )
    rows: list[tuple[Cell, ...]] = [
        (head(title), Cell(plain(what)), whole(n))
        for title, counted in groups
        for what, n in counted.items()
        if n
    ]
    caption = "Region, notes and what was left out"
    if not rows or (len(rows) == 1 and region.get("mode") == "whole"):
        return None
    return Table(caption, ("", "What", "Count"), flat(rows), sortable=False)


def unit_of(note: Any) -> str:
    """A note, and that it counts series where it does; all others count images."""
    return f"{note} (series)" if str(note).startswith(NO_LESION) else str(note)


def name_of(source: Any) -> str:
    """Where a region comes from, in words."""
    return SOURCES.get(str(source), plain(source))
