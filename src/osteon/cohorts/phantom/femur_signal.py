"""What MR makes of tissue: relaxation times, protocols and scanners.

Signals follow the spin-echo equation, PD (1 - exp(-TR / T1)) exp(-TE / T2), with rounded
textbook times: fat bright on T1, fluid bright on T2, fat dark where it is saturated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

T2_OF_FAT = 115.0  # ms; longer than measured, because echo trains keep fat bright


@dataclass(frozen=True)
class Tissue:
    """Water of proton density `pd` with T1 and T2 in ms at 1.5 T, and a share of fat, 0..1."""

    pd: float
    t1: float
    t2: float
    fat: float = 0.0


# fmt: off
TISSUES = {
    "fat": Tissue(0.95, 900, 40, 0.96),
    "marrow": Tissue(0.92, 900, 50, 0.88),       # yellow
    "red_marrow": Tissue(0.85, 850, 55, 0.45),
    "muscle": Tissue(0.80, 1000, 38),
    "cortex": Tissue(0.06, 1000, 8),
    "tendon": Tissue(0.20, 700, 12),
    "fluid": Tissue(1.00, 2900, 600),
    "cartilage": Tissue(0.85, 1050, 52),
    "blood": Tissue(0.90, 1500, 180),            # slow flow in a vein; an artery is a void
    "oedema": Tissue(0.85, 1150, 95, 0.25),
    "tumour": Tissue(0.95, 1150, 105),
    "chondroid": Tissue(1.00, 1500, 230),
    "fibrous": Tissue(0.75, 950, 55),
    "giant_cell": Tissue(0.85, 1000, 66),
    "cyst": Tissue(1.00, 2600, 420),
    "necrosis": Tissue(0.98, 2100, 260),
    "osteoid": Tissue(0.30, 1000, 25),
    "lipoma": Tissue(0.95, 900, 40, 0.93),
}
# fmt: on


@dataclass(frozen=True)
class Protocol:
    """One sequence as a department runs it: TR and TE in ms, echo train, share of fat kept."""

    sequence: str
    tr: float
    te: float
    train: int
    kept_fat: float = 1.0

    @property
    def saturates_fat(self) -> bool:
        """Whether the sequence suppresses fat."""
        return self.kept_fat < 1


@dataclass(frozen=True)
class Scanner:
    """One magnet: field in tesla, noise (signal units), stored units a signal unit, blur in px."""

    manufacturer: str
    model: str
    station: str
    tesla: float
    noise: float
    gain: float
    blur: float
    shading: float
    extension: str
    protocols: tuple[Protocol, ...]
    weights: tuple[float, ...]


def t1(tr: float, te: float) -> Protocol:
    """A T1-weighted protocol."""
    return Protocol("T1WI", tr, te, 3)


def t2(tr: float, te: float) -> Protocol:
    """A T2-weighted protocol."""
    return Protocol("T2WI", tr, te, 15)


def fs(tr: float, te: float, kept: float) -> Protocol:
    """A fat-saturated T2-weighted protocol that leaves the share `kept` of the fat's signal."""
    return Protocol("FS-T2WI", tr, te, 11, kept)


# Fat-saturated T2 leads everywhere: it is what a reader looks for a lesion on.
# fmt: off
SCANNERS = (
    Scanner("Phantom A", "Avanto", "MR1", 1.5, 0.014, 2100, 0.55, 0.45, ".dcm",
            (t1(520, 11), t2(3800, 88), fs(4100, 66, 0.10)), (0.25, 0.15, 0.6)),
    Scanner("Phantom A", "Skyra", "MR2", 3.0, 0.008, 1500, 0.40, 0.60, ".dcm",
            (t1(680, 10), t2(4600, 92), fs(4800, 60, 0.06)), (0.25, 0.15, 0.6)),
    Scanner("Phantom B", "Signa", "MR3", 1.5, 0.016, 3600, 0.60, 0.35, "",
            (t1(480, 13), t2(3400, 84), fs(3600, 58, 0.12)), (0.3, 0.2, 0.5)),
    Scanner("Phantom C", "Ingenia", "MR4", 3.0, 0.010, 2700, 0.45, 0.50, "",
            (t1(620, 12), t2(4200, 80), fs(4400, 64, 0.08)), (0.25, 0.25, 0.5)),
    Scanner("Phantom D", "Brivo", "MR5", 1.5, 0.022, 1200, 0.75, 0.30, ".dcm",
            (t1(560, 14), t2(3200, 96), fs(3300, 70, 0.16)), (0.35, 0.15, 0.5)),
)
# fmt: on


def water_signal(tissue: Tissue, protocol: Protocol, tesla: float) -> float:
    """Signal of the tissue's water; T1 is longer and T2 shorter at a higher field."""
    stronger = (tesla / 1.5) ** 0.3
    recovered = 1 - math.exp(-protocol.tr / (tissue.t1 * stronger))
    return tissue.pd * recovered * math.exp(-protocol.te * stronger**0.4 / tissue.t2)


def fat_signal(tissue: Tissue, protocol: Protocol, tesla: float) -> float:
    """Signal of the tissue's fat before saturation; fat relaxes fast at every field."""
    recovered = 1 - math.exp(-protocol.tr / (290 * (tesla / 1.5) ** 0.25))
    return tissue.pd * recovered * math.exp(-protocol.te / T2_OF_FAT)


def signals(protocol: Protocol, tesla: float) -> dict[str, tuple[float, float]]:
    """(water, fat) signal of each tissue, both 0..1, fat before saturation."""
    return {
        name: (
            (1 - tissue.fat) * water_signal(tissue, protocol, tesla),
            tissue.fat * fat_signal(tissue, protocol, tesla),
        )
        for name, tissue in TISSUES.items()
    }
