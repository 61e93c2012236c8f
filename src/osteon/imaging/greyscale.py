"""The grey pixel chain of DICOM, in the standard's order, as one table from stored value to output.

PS3.3 C.11.1 (modality LUT or rescale), then C.11.2 (VOI LUT or window), then presentation
(C.7.6.3.1.2 and C.11.6: MONOCHROME1 or the shape INVERSE turns the scale round, once). Every step
is a function of the stored value alone, so it is computed once for each value that occurs and
looked up for the pixels: exact, and far cheaper than floating point on whole images.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DISPLAY_MAX = 65535
BAND = 2**15
"""Pixels that are looked up at once."""
PADDED_HU = -1024
"""What padding becomes in CT: air, so that a window shows it black."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GreyChain:
    """What a header says on how one frame's stored values become output.

    Attributes:
        modality: maps stored values to modality values (HU in CT); None is identity.
        voi: maps modality values to 0..1; None shows the full range of the frame.
        invert: MONOCHROME1, or the presentation LUT shape INVERSE.
        padding: inclusive range of stored values that are padding (C.7.5.1.1.2), or None.
        hounsfield: CT: stop after the modality step.
    """

    modality: Callable[[Values], Values] | None = None
    voi: Callable[[Values], Values] | None = None
    invert: bool = False
    padding: tuple[float, float] | None = None
    hounsfield: bool = False


def apply_window(values: Values, centre: float, width: float, function: str = "LINEAR") -> Values:
    """A VOI window on modality values, as 0..1 (PS3.3 C.11.2.1.2 and C.11.2.1.3).

    Args:
        values: modality values, any shape.
        centre: window centre, in the unit of `values`.
        width: window width; at least 1 for LINEAR, above 0 for the others.
        function: LINEAR, LINEAR_EXACT or SIGMOID.

    Raises:
        ValueError: an unknown function or a width below its minimum.
    """
    values = np.asarray(values, np.float64)
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise ValueError(f"function: {function!r} is not LINEAR, LINEAR_EXACT or SIGMOID")
    if width <= 0 or (function == "LINEAR" and width < 1):
        raise ValueError(f"width: {width} is too small for {function}")
    if function == "SIGMOID":
        steepness = np.clip(-4.0 * (values - centre) / width, -700.0, 700.0)
        return 1.0 / (1.0 + np.exp(steepness))
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0.0, 1.0)
    if width == 1:  # the ramp of LINEAR has no length: a step
        return (values > centre - 0.5).astype(np.float64)
    return np.clip((values - (centre - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)


def render_grey(stored: NDArray[Any], chain: GreyChain) -> NDArray[Any]:
    """One frame through the chain.

    Args:
        stored: (rows, columns) stored values, integer or float.
        chain: what the header says.

    Returns:
        (rows, columns): uint16 display values 0..65535, padding 0; or int16 HU, padding -1024.
    """
    if stored.size == 0:
        raise ValueError("stored: the frame has no pixels")
    integral = np.issubdtype(stored.dtype, np.integer)
    low, high = stored.min(), stored.max()
    if not integral or int(high) - int(low) > max(stored.size, 4096):
        values = stored.astype(np.float64)
        return _output(values, chain, _present(values, chain.padding))
    ramp = np.arange(int(low), int(high) + 1, dtype=np.float64)
    table = _output(ramp, chain, _present_range(stored, chain.padding, int(low), int(high)))
    return _look_up(table, stored, int(low))


def _look_up(table: NDArray[Any], stored: NDArray[Any], low: int) -> NDArray[Any]:
    """table[stored - low], some rows at a time.

    NumPy widens indices to 8 bytes first; in bands they stay in the processor's cache, and a large
    radiograph needs no temporary of four times its size. CT with a slope of 1, which is most CT, is
    an addition, and that is ten times as fast.
    """
    first = int(table[0])
    if (
        table.dtype == np.int16
        and stored.dtype in (np.int16, np.uint16)
        and np.array_equal(table, np.arange(first, first + len(table)))
    ):
        # modulo 2^16, in which both types agree; every sum is in the table, so it fits int16
        sums: NDArray[Any] = stored.view(np.uint16) + np.uint16((first - low) % 65536)
        return sums.view(np.int16)
    found = np.empty(stored.shape, table.dtype)
    band = max(1, BAND // stored.shape[1])
    for start in range(0, stored.shape[0], band):
        at: NDArray[Any] = stored[start : start + band]
        if low:
            at = np.subtract(at, low, dtype=np.int64)
        np.take(table, at, out=found[start : start + band], mode="clip")  # all are in range
    return found


def _present(values: Values, padding: tuple[float, float] | None) -> tuple[float, float] | None:
    """The range of the finite values that are not padding; None if there are none."""
    kept = values[np.isfinite(values)]
    if padding is not None:
        kept = kept[(kept < padding[0]) | (kept > padding[1])]
    return (float(kept.min()), float(kept.max())) if kept.size else None


def _present_range(
    stored: NDArray[Any], padding: tuple[float, float] | None, low: int, high: int
) -> tuple[float, float] | None:
    if padding is None or padding[0] > high or padding[1] < low:
        return float(low), float(high)
    kept = stored[(stored < padding[0]) | (stored > padding[1])]
    return (float(kept.min()), float(kept.max())) if kept.size else None


def _output(values: Values, chain: GreyChain, present: tuple[float, float] | None) -> NDArray[Any]:
    """Stored values to output values; `present` is the range of stored values that are shown."""
    padded = ~np.isfinite(values)
    if chain.padding is not None:
        padded |= (values >= chain.padding[0]) & (values <= chain.padding[1])
    stored = np.where(padded, 0.0 if present is None else present[0], values)
    modality = chain.modality or (lambda stored: stored)
    if chain.hounsfield:
        hounsfield = np.clip(np.rint(modality(stored)), -32768, 32767)
        return np.where(padded, PADDED_HU, hounsfield).astype(np.int16)
    ends = modality(np.array(present if present is not None else (0.0, 0.0)))
    shown = chain.voi(modality(stored)) if chain.voi is not None else None
    if shown is None or (present is not None and _is_flat(chain, ends)):
        shown = _full_range(modality(stored), float(ends.min()), float(ends.max()))
    if chain.invert:
        shown = 1.0 - shown
    display = np.rint(np.clip(shown, 0.0, 1.0) * DISPLAY_MAX)
    return np.where(padded, 0.0, display).astype(np.uint16)


def _is_flat(chain: GreyChain, ends: Values) -> bool:
    """A window beside the values that occur shows one grey only: it is then not the user's wish."""
    if chain.voi is None or ends[0] == ends[1]:
        return False
    shown = chain.voi(np.linspace(ends.min(), ends.max(), 33))
    return bool(np.ptp(shown) == 0.0)


def _full_range(values: Values, low: float, high: float) -> Values:
    return (values - low) / (high - low) if high > low else np.zeros_like(values)
