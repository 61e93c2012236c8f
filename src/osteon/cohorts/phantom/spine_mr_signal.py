"""What MR makes of the spine's tissues: relaxation, protocols of several makers, and scanners.

Signals follow the spin-echo equation, PD (1 - exp(-TR/T1)) exp(-TE/T2), or the inversion recovery
one for STIR, with rounded textbook times at 1.5 T: fat bright on T1, fluid bright on T2, fat dark
where it is suppressed. Makers describe their series in their own words, some in none at all, so
that the sequence must be told from TR, TE, TI and fat suppression as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from osteon.cohorts.phantom.spine_anatomy import Field

FAT_T1, FAT_T2 = 290.0, 115.0  # ms; T2 longer than measured, because echo trains keep fat bright


class Tissue(NamedTuple):
    """Proton density 0..1, T1 and T2 of its water in ms at 1.5 T, and share of fat 0..1."""

    pd: float
    t1: float
    t2: float
    fat: float = 0.0


# fmt: off
TISSUES = {
    "air": Tissue(0.0, 1000, 30),
    "fat": Tissue(0.95, 900, 40, 0.95),
    "skin": Tissue(0.45, 700, 28),
    "muscle": Tissue(0.80, 1000, 38),
    "cortex": Tissue(0.06, 1000, 10),
    "ligament": Tissue(0.16, 800, 14),
    "nucleus": Tissue(0.97, 1200, 105),
    "annulus": Tissue(0.55, 1000, 32),
    "csf": Tissue(1.00, 2600, 1100),
    "cord": Tissue(0.86, 880, 82),
    "brain": Tissue(0.88, 950, 88),
    "root": Tissue(0.80, 1000, 66),
    "flow": Tissue(0.07, 1200, 60),     # a flow void
    "organ": Tissue(0.82, 950, 58),
    "fluid": Tissue(1.00, 2400, 500),
    "oedema": Tissue(0.90, 1250, 105, 0.12),
}
# fmt: on


@dataclass(frozen=True)
class Protocol:
    """One sagittal sequence as a department runs it; TR, TE and TI in ms, `ti` 0 without inversion.

    `words` is its SeriesDescription, `{plane}` standing for the maker's word of the plane.
    """

    sequence: str
    words: str
    tr: float
    te: float
    train: int
    kept_fat: float = 1.0
    ti: float = 0.0
    tags: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Scanner:
    """One magnet: tesla, noise and units of the signal, blur in mm, and what its files look like.

    Args:
        manufacturer: as in the header.
        model: as in the header.
        station: as in the header.
        tesla: field.
        noise: standard deviation, signal units.
        gain: stored units a signal unit.
        blur: standard deviation of the point spread in the plane, mm.
        coil: how steeply the surface coil's signal falls away from the back, 0..1.
        band: the saturation band in front of the spine, 0 none to 1 black.
        planes: words for sagittal, coronal and axial.
        descending: InstanceNumber counts from left to right.
        scout: sends the localizer along.
        extension: of its files.
        protocols: what it runs; at least one of each sequence.
    """

    manufacturer: str
    model: str
    station: str
    tesla: float
    noise: float
    gain: float
    blur: float
    coil: float
    band: float
    planes: tuple[str, str, str]
    descending: bool
    scout: bool
    extension: str
    protocols: tuple[Protocol, ...] = field(repr=False)


TSE = (("ScanningSequence", "SE"), ("SequenceVariant", "SK"))
FATSAT = (*TSE, ("ScanOptions", "FS"))
STIR = (("ScanningSequence", ["SE", "IR"]), ("SequenceVariant", "SK"))


def _named(tags: tuple[tuple[str, Any], ...], name: str) -> tuple[tuple[str, Any], ...]:
    return (*tags, ("SequenceName", name))


# fmt: off
SCANNERS = (
    Scanner("Phantom A", "Avanto", "MR1", 1.5, 0.012, 1500, 0.75, 0.75, 0.6, ("sag", "cor", "tra"),
        False, True, ".IMA", (
        Protocol("T1WI", "t1_tse_{plane}", 560, 11, 3, tags=_named(TSE, "*tse2d1_3")),
        Protocol("T2WI", "t2_tse_{plane}", 3500, 102, 17, tags=_named(TSE, "*tse2d1_17")),
        Protocol("FS-T2WI", "t2_tse_fs_{plane}", 3900, 84, 15, 0.08,
                 tags=_named(FATSAT, "*tse2d1_15")),
        Protocol("FS-T2WI", "t2_tirm_{plane}", 4200, 58, 14, 0.04, 160,
                 _named((*STIR, ("ScanOptions", "IR")), "*tir2d1_14")))),
    Scanner("Phantom A", "Verio", "MR2", 3.0, 0.008, 900, 0.6, 0.85, 0.75, ("sag", "cor", "tra"),
        False, False, ".dcm", (
        Protocol("T1WI", "t1_tse_{plane}_320", 700, 9.8, 3, tags=_named(TSE, "*tse2d1_3")),
        Protocol("T2WI", "t2_tse_{plane}_384", 3800, 94, 19, tags=_named(TSE, "*tseR2d1_19")),
        Protocol("FS-T2WI", "t2_tse_dixon_{plane}_W", 4000, 86, 17, 0.05,
                 tags=_named((*TSE, ("ScanOptions", ["DIXON", "WATER"])), "*tse2d1_17")),
        Protocol("FS-T2WI", "t2_stir_{plane}", 4400, 52, 15, 0.04, 220,
                 _named((*STIR, ("ScanOptions", ["IR", "FS"])), "*tir2d1_15")))),
    Scanner("Phantom B", "Signa", "MR3", 1.5, 0.014, 3000, 0.8, 0.6, 0.4, ("SAG", "COR", "AX"),
        True, True, "", (
        Protocol("T1WI", "{plane} T1", 480, 13, 3, tags=TSE),
        Protocol("T2WI", "{plane} FSE T2", 3100, 108, 21, tags=TSE),
        Protocol("FS-T2WI", "{plane} FSE T2 FS", 3300, 88, 19, 0.12,
                 tags=(*TSE, ("ScanOptions", ["FAST_GEMS", "NPW", "FS"]))),
        Protocol("FS-T2WI", "T2 STIR {plane}", 3700, 46, 12, 0.06, 150,
                 (("ScanningSequence", "IR"), ("SequenceVariant", "SK"))))),
    Scanner("Phantom C", "Ingenia", "MR4", 3.0, 0.009, 1900, 0.65, 0.7, 0.5, ("Sag", "Cor", "Ax"),
        True, False, "", (
        Protocol("T1WI", "T1W_TSE {plane}", 610, 8, 4, tags=TSE),
        Protocol("T2WI", "T2W_TSE {plane}", 3300, 100, 23, tags=TSE),
        Protocol("FS-T2WI", "T2W_SPAIR {plane}", 3500, 80, 20, 0.07,
                 tags=(*TSE, ("ScanOptions", "FS"))),
        Protocol("FS-T2WI", "STIR_TSE {plane}", 3900, 62, 16, 0.04, 200, STIR))),
    # Its technicians describe the plane only; what was run must be told from the times.
    Scanner("Phantom D", "Vantage", "MR5", 1.5, 0.017, 700, 0.95, 0.5, 0.3, ("SG", "CO", "AX"),
        False, True, ".dcm", (
        Protocol("T1WI", "Spine {plane} 1", 520, 14, 4,
                 tags=(("ScanningSequence", "TSE"), ("SequenceVariant", "NONE"))),
        Protocol("T2WI", "Spine {plane} 2", 2900, 112, 16,
                 tags=(("ScanningSequence", "TSE"), ("SequenceVariant", "SK"))),
        Protocol("FS-T2WI", "Spine {plane} 3", 3100, 90, 16, 0.14, tags=FATSAT))),
)
# fmt: on


class Maps(NamedTuple):
    """What a voxel is made of, whatever the sequence: stacked (4, slices, rows, columns) float32.

    Channels: proton density 0..1, 1/T1 and 1/T2 of water (per second), share of fat 0..1.
    """

    values: Field


def channels(tissue: Tissue) -> Field:
    """A tissue as the four channels of `Maps`."""
    return np.array([tissue.pd, 1e3 / tissue.t1, 1e3 / tissue.t2, tissue.fat], dtype=np.float32)


def signal(maps: Maps, protocol: Protocol, tesla: float) -> Field:
    """Signal of every voxel, 0..1, before coil, blur and noise; T1 is longer at a higher field."""
    pd, r1, r2, fat = maps.values
    stronger = np.float32((tesla / 1.5) ** 0.3)
    tr, te, ti = (np.float32(ms / 1e3) for ms in (protocol.tr, protocol.te, protocol.ti))
    grown = 1 - np.exp(-tr / stronger * r1)
    if ti:
        grown = np.abs(grown - 2 * np.exp(-ti / stronger * r1) * (1 - np.exp(-tr / stronger * r1)))
    water = pd * (1 - fat) * grown * np.exp(-te * r2)
    recovered = 1 - np.exp(-protocol.tr / (FAT_T1 * (tesla / 1.5) ** 0.25))
    bright = np.float32(protocol.kept_fat * recovered * np.exp(-protocol.te / FAT_T2))
    return np.asarray(water + pd * fat * bright, dtype=np.float32)
