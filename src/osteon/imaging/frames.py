"""What a DICOM header says of one frame: geometry, and how its stored values become grey.

A single-frame object says it at the top level; an enhanced one in the shared and per-frame
functional groups (PS3.3 C.7.6.16.1.1: a per-frame item wins over a shared one).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi

from osteon.imaging import tags
from osteon.imaging.greyscale import GreyChain, Values, apply_window
from osteon.imaging.refusals import Refused
from osteon.imaging.terms import LATERALITIES

# PS3.3 C.11.1.1.2: what rescaled values of a CT may be instead of HU (spectral CT writes such maps)
NO_HU = frozenset({"OD", "MGML", "Z_EFF", "ED", "EDW", "PCT"})


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """Where a frame lies, and the data sets that hold its value transformation and its VOI."""

    instance: int | None
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    laterality: str
    transformation: Dataset
    voi: Dataset


GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


def functional_groups(dataset: Dataset, number: int) -> Callable[[str], Dataset]:
    """A look-up of frame `number`'s functional group macros by the keyword of their sequence.

    What no group holds is looked for in the data set itself, and so is everything in a
    single-frame object.
    """
    own = tags.items(dataset, "PerFrameFunctionalGroupsSequence")[number : number + 1]
    own += tags.items(dataset, "SharedFunctionalGroupsSequence")[:1]

    def macro(keyword: str) -> Dataset:
        for group in own:
            if found := tags.items(group, keyword):
                return found[0]
        return dataset

    return macro


def frame_facts(dataset: Dataset, number: int) -> FrameFacts:
    """Facts of frame `number` (from 0); whatever is missing or damaged is None or ""."""
    if not any(keyword in dataset for keyword in GROUPS):
        return _facts(dataset, dataset, dataset, dataset, dataset, dataset, number)
    macro = functional_groups(dataset, number)
    return _facts(
        macro("PlanePositionSequence"),
        macro("PlaneOrientationSequence"),
        macro("PixelMeasuresSequence"),
        macro("FrameAnatomySequence"),
        macro("PixelValueTransformationSequence"),
        macro("FrameVOILUTSequence"),
        number,
        macro("FrameContentSequence"),
    )


def _facts(
    position: Dataset,
    orientation: Dataset,
    measures: Dataset,
    anatomy: Dataset,
    transformation: Dataset,
    voi: Dataset,
    number: int,
    content: Dataset | None = None,
) -> FrameFacts:
    spacing = tags.numbers(measures, "PixelSpacing", 2) or tags.numbers(
        # Projection radiographs: at the detector, uncorrected for magnification (PS3.3 C.8.11.4)
        measures,
        "ImagerPixelSpacing",
        2,
    )
    if content is None:
        instance = tags.integer(position, "InstanceNumber")
    else:
        place = tags.integer(content, "InStackPositionNumber")
        instance = number + 1 if place is None else place
    return FrameFacts(
        instance,
        tags.numbers(position, "ImagePositionPatient", 3),
        tags.numbers(orientation, "ImageOrientationPatient", 6),
        (spacing[0], spacing[1]) if spacing and min(spacing) > 0 else None,
        tags.listed(anatomy, "FrameLaterality", LATERALITIES),
        transformation,
        voi,
    )


def check_hounsfield(dataset: Dataset, facts: FrameFacts) -> None:
    """Refuse a frame of a CT object whose pixels cannot be turned into HU.

    RescaleSlope and RescaleIntercept are mandatory (type 1) in a CT image (PS3.3 C.8.2.1) and in an
    enhanced one (C.8.15.3.10): without them stored values may be HU, HU + 1024 or greys of a
    screen, and nobody can tell. A CT image is one grey channel of 12 to 16 bits (C.8.2.1.1); colour
    and 8 bits are screenshots, renderings and dose reports that go by the scanner's modality.

    Raises:
        Refused: no_rescale, screenshot. Never for another modality than CT.
    """
    if tags.code(dataset, "Modality") != "CT":
        return
    palette = tags.text(dataset, "PhotometricInterpretation") == "PALETTE COLOR"
    if palette or (tags.integer(dataset, "SamplesPerPixel") or 1) > 1:
        raise Refused("screenshot", "a CT object in colour, which holds no HU")
    if (tags.integer(dataset, "BitsStored") or 16) <= 8:
        raise Refused("screenshot", "a CT object of 8 bits, which holds no HU")
    transformation = facts.transformation
    if tags.code(transformation, "RescaleType") in NO_HU:
        raise Refused("no_rescale", "its rescaled values are stated to be no HU")
    if tags.items(transformation, "ModalityLUTSequence"):
        return
    slope = tags.number(transformation, "RescaleSlope")
    if not slope or tags.number(transformation, "RescaleIntercept") is None:
        raise Refused("no_rescale", "a CT without a usable rescale slope and intercept has no HU")


def grey_chain(dataset: Dataset, facts: FrameFacts) -> GreyChain:
    """The chain that the header asks for, see `greyscale`."""
    photometric = tags.text(dataset, "PhotometricInterpretation")
    shape = tags.code(dataset, "PresentationLUTShape")
    hounsfield = tags.code(dataset, "Modality") == "CT"
    return GreyChain(
        modality=_modality(facts.transformation),
        voi=None if hounsfield else _voi(facts.voi),
        # Both say the same of one image; turning it twice would undo it.
        invert=photometric == "MONOCHROME1" or shape == "INVERSE",
        padding=_padding(dataset),
        hounsfield=hounsfield,
    )


def _padding(dataset: Dataset) -> tuple[float, float] | None:
    """PixelPaddingValue to PixelPaddingRangeLimit, in either order (PS3.3 C.7.5.1.1.2)."""
    if "PixelPaddingValue" not in dataset:
        return None
    first = tags.number(dataset, "PixelPaddingValue")
    if first is None:
        return None
    last = tags.number(dataset, "PixelPaddingRangeLimit")
    last = first if last is None else last
    return min(first, last), max(first, last)


def _modality(dataset: Dataset) -> Callable[[Values], Values] | None:
    """Modality LUT or rescale (PS3.3 C.11.1)."""
    if tags.items(dataset, "ModalityLUTSequence"):

        def look_up(stored: Values) -> Values:
            whole = np.rint(stored).astype(np.int64)
            return np.asarray(apply_modality_lut(whole, dataset), np.float64)

        return look_up
    slope = tags.number(dataset, "RescaleSlope")
    intercept = tags.number(dataset, "RescaleIntercept")
    slope = 1.0 if slope is None or slope == 0.0 else slope
    intercept = intercept or 0.0
    if slope == 1.0 and intercept == 0.0:
        return None
    return lambda stored: stored * slope + intercept


def _voi(dataset: Dataset) -> Callable[[Values], Values] | None:
    """The first VOI LUT, else the first window (PS3.3 C.11.2); None shows the full range."""
    tables = tags.items(dataset, "VOILUTSequence")
    if tables and (descriptor := tags.numbers(tables[0], "LUTDescriptor", 3)):
        top = float((1 << int(descriptor[2])) - 1)

        def look_up(values: Values) -> Values:
            whole = np.rint(values).astype(np.int64)
            return np.asarray(apply_voi(whole, dataset), np.float64) / top

        return look_up
    if "WindowCenter" not in dataset:
        return None
    centre, width = tags.number(dataset, "WindowCenter"), tags.number(dataset, "WindowWidth")
    function = tags.code(dataset, "VOILUTFunction") or "LINEAR"
    if centre is None or width is None or function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        return None
    if width <= 0 or (function == "LINEAR" and width < 1):
        return None
    return lambda values: apply_window(values, centre, width, function)
