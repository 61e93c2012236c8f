r"""What the description of an MR series says, in the words that people type at a scanner.

The text may hold anything, a patient's name included: it is looked at here and never handed on.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST = 256
"""Characters that are looked at; LO and SH hold 64 at most (PS3.5 6.2)."""

# T1-T4, C2-T2, T12/L1: vertebrae, not weightings. "T1/T2" stays: that is two weightings.
LEVELS = re.compile(r"\b(?:[cls]\d{1,2}\s*[-/]\s*[tls]\d{1,2}|t\d{1,2}\s*(?:-\s*[tls]|/\s*[ls])\d)")
T2_STAR = re.compile(r"t2\s*\*")
WITH_CONTRAST = re.compile(r"(?:\+\s*c|\bc\s*\+)(?![a-z])")
WITHOUT_SIGN = re.compile(r"(?:^|[\s_])-\s*(?:c|gd|km)\b")
# Words that are typed with no blank before the weighting, as in fst2 and sagt1.
PREFIXES = ("fs", "gd", "ce", "sag", "cor", "tra", "ax", "pre", "post", "tse", "fse", "se", "stir")
BEFORE = "|".join(["(?<![a-z0-9])", *(rf"(?<=\b{word})" for word in PREFIXES)])
WEIGHTING = re.compile(rf"(?:{BEFORE})t([12])(?!\d)")
T1_WITH_CONTRAST = re.compile(r"\bt1c\b(?!\W?sp)")
NO_FAT_SATURATION = re.compile(r"\b(?:no|non|without|wo|w o)\s?(?:fs|f(?:at)?\s?sat\w*|supp?r?\w*)")
NO_CONTRAST = re.compile(
    r"\b(?:no|non|without|wo|w o|ohne|sans|pre)\s?(?:gd|gado?\w*|contrast\w*|con|km|ce|c)\b"
    r"|\b(?:pre|nativ|native|unenhanced)\b"
)
CONTRAST = re.compile(
    r"\b(?:gd|gado?\w*|contrast\w*|km|ce|enh|enhanced|dotarem|magnevist|postgd|postcontrast)\b"
    r"|\bpost\b(?! ?(?:op|surg|proc))"
)
FAT_SATURATION = re.compile(
    r"\b(?:fs|fsat|stir|tirm|spir|a?spair|chess|proset|water)\b"
    r"|\bf(?:at)? ?sat\w*|\bfat ?sup\w*|\bm?dixon\w*\b.*\bw\b"
)
SHORT_INVERSION = re.compile(r"\b(?:stir|tirm)\b")
FLUID_DARK = re.compile(r"\b(?:flair|dark fl\w*)\b")
PROTON_DENSITY = re.compile(r"\b(?:pd|pdw|proton|dp)\b")
OTHER = re.compile(
    r"\b(?:loc|localiz\w*|localis\w*|scout|survey|adc|dwi\w*|diff\w*|dti|trace|tracew|swi|perf\w*|dce"
    r"|mra|tof|ciss|fiesta|trufi|bssfp|medic|merge|t2 star|t1 rho|map|maps|mapping|myelo\w*|mip|sub"
    r"|subtract\w*|fat|opp|opposed|outphase|out phase|spectro\w*)\b|\bm?dixon\w*\b.*\b(?:f|op)\b"
)


class Said(NamedTuple):
    """What one text says.

    Attributes:
        weighting: T1, T2, PD, STIR, or "" (nothing, or several).
        fat_saturated: whether it names a technique that takes the fat's signal away.
        contrast: whether it says with (True) or without (False) contrast agent; None: neither.
        other: an image that is none of our sequences: a map, diffusion, a localizer, T2*.
    """

    weighting: str = ""
    fat_saturated: bool = False
    contrast: bool | None = None
    other: bool = False


def read_words(text: str) -> Said:
    """What a Series or Protocol Description says; any text is allowed."""
    words = _normal(text)
    without_fat_words = NO_FAT_SATURATION.sub(" ", words)
    saturated = FAT_SATURATION.search(without_fat_words) is not None
    # "fat" is left over where the image is the fat's own
    rest = FAT_SATURATION.sub(" ", without_fat_words)
    fluid_dark = FLUID_DARK.search(words) is not None
    weighting = _weighting(words)
    return Said(
        weighting=weighting,
        fat_saturated=saturated,
        contrast=_contrast(words),
        # a T1 FLAIR is a T1WI of the spine; a T2 FLAIR shows no fluid
        other=OTHER.search(rest) is not None or (fluid_dark and weighting != "T1"),
    )


def _normal(text: str) -> str:
    """Lower case, words parted by one blank, weightings as t1 and t2 on their own."""
    words = text[:LONGEST].casefold().replace("_", " ")
    words = LEVELS.sub(" ", words)
    words = T2_STAR.sub(" t2 star ", words)
    words = WITH_CONTRAST.sub(" gd ", words)
    words = WITHOUT_SIGN.sub(" nativ ", words)
    words = T1_WITH_CONTRAST.sub(" t1 gd ", words)
    words = WEIGHTING.sub(r" t\1 ", words)
    return " ".join(re.split(r"[^a-z0-9]+", words)).strip()


def _weighting(words: str) -> str:
    named = {kind.upper() for kind in re.findall(r"\b(t[12])\b", words)}
    if PROTON_DENSITY.search(words):
        named.add("PD")
    if SHORT_INVERSION.search(words) and named <= {"T2"}:
        return "STIR"
    return named.pop() if len(named) == 1 else ""


def _contrast(words: str) -> bool | None:
    rest, negations = NO_CONTRAST.subn(" ", words)
    if CONTRAST.search(rest):
        return None if negations else True
    return False if negations else None
