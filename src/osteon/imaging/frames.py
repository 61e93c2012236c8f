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
from osteon.imaging.terms import LATERALITIES


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


def frame_facts(dataset: Dataset, number: int) -> FrameFacts:
    """Facts of frame `number` (from 0); whatever is missing or damaged is None or ""."""
    groups = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
    if not any(keyword in dataset for keyword in groups):
        return _facts(dataset, dataset, dataset, dataset, dataset, dataset, number)
    own = tags.items(dataset, "PerFrameFunctionalGroupsSequence")[number : number + 1]
    own += tags.items(dataset, "SharedFunctionalGroupsSequence")[:1]

    def macro(keyword: str) -> Dataset:
        for group in own:
            if found := tags.items(group, keyword):
                return found[0]
        return dataset

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


def grey_chain(dataset: Dataset, facts: FrameFacts) -> GreyChain:
    """The chain that the header asks for, see `greyscale`."""
    photometric = tags.text(dataset, "PhotometricInterpretation")
    shape = tags.code(dataset, "PresentationLUTShape")
    return GreyChain(
        modality=_modality(facts.transformation),
        voi=_voi(facts.voi),
        # Both say the same of one image; turning it twice would undo it.
        invert=photometric == "MONOCHROME1" or shape == "INVERSE",
        padding=_padding(dataset),
        hounsfield=tags.code(dataset, "Modality") == "CT",
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
