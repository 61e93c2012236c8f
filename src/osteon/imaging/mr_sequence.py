"""Which of four MR sequences a header describes: T1WI, T2WI, FS-T2WI, Gd-T1WI, or none of them.

Rules, in this order (elements of PS3.3 C.8.3.1, the MR Image module; of an enhanced object those of
C.8.13.4 and C.8.13.5, shared or of the frame):

1. Maps, diffusion, localizers, T2*, fat and opposed-phase images are none of the four.
2. An unambiguous word of Series Description, else of Protocol Description, else Acquisition
   Contrast names the weighting. TR and TE decide where no word does, and where they flatly
   contradict the word.
3. TR and TE count by the usual bounds of spin echo: T1 for TR <= 1000 and TE <= 30, T2 for
   TR >= 1500 and TE >= 60, proton density for TR >= 1500 and TE <= 30 (ms). What lies between is
   not decided. They say nothing of gradient echoes, whose contrast the flip angle makes.
4. An inversion with a TI near the null of fat (60 to 300 ms; T1 of fat x ln 2 over the usual field
   strengths) is a STIR: fat-suppressed and fluid-bright, so FS-T2WI. A TI of 400 to 1300 ms with a
   short TE is a T1 FLAIR; a longer one darkens fluid and is none of the four.
5. Fat is suppressed where words, Scan Options FS or SFS, the spectrally selected suppression, or
   a water image say so. With T2 this is FS-T2WI; a fat-suppressed T1 without contrast agent is none
   of the four.
6. T1 after a contrast agent is Gd-T1WI: a word decides, else the Contrast/Bolus elements (C.7.6.4).
   Proton density is none of the four.

The bounds are ours, inside the ranges of Westbrook and Talbot, MRI in Practice, 5th ed., ch. 2, and
Bushberg et al., The Essential Physics of Medical Imaging, 3rd ed., ch. 12. The free text stays
here: only the word leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from osteon.imaging import tags
from osteon.imaging.frames import functional_groups
from osteon.imaging.mr_words import Said, read_words

T1WI, T2WI, FS_T2WI, GD_T1WI = MR_SEQUENCES = ("T1WI", "T2WI", "FS-T2WI", "Gd-T1WI")

SHORT_TR, LONG_TR = 1000.0, 1500.0
SHORT_TE, LONG_TE = 30.0, 60.0
FAT_NULL = (60.0, 300.0)
T1_FLAIR = (400.0, 1300.0)

FAT_OPTIONS = frozenset({"FS", "SFS"})
NO_AGENT = frozenset(
    {"", "NO", "NONE", "N", "0", "WITHOUT", "NATIVE", "NATIV", "OHNE", "NO CONTRAST"}
)
# Image Type of the four images of a Dixon acquisition, as scanners write it.
WATER, NOT_WATER = (
    frozenset({"W", "WATER"}),
    frozenset({"F", "FAT", "OP", "OPP_PHASE", "OUT_PHASE"}),
)
# Acquisition Contrast (0008,9209) of an enhanced object, PS3.3 C.8.13.3
CONTRASTS = {"T1": "T1", "T2": "T2", "PROTON_DENSITY": "PD", "STIR": "STIR"}
OTHER_CONTRASTS = frozenset({"DIFFUSION", "FLOW_ENCODED", "PERFUSION", "T2_STAR", "TAGGING", "TOF"})


@dataclass(frozen=True, slots=True)
class SequenceFacts:
    """What a header says of one frame's sequence.

    Attributes:
        repetition_time, echo_time, inversion_time: ms; None where unknown.
        scanning: Scanning Sequence: SE, IR, GR, EP, RM.
        options: Scan Options.
        name: Sequence Name, or Pulse Sequence Name.
        image_type: Image Type.
        fat_suppressed: the enhanced object's spectrally selected suppression names fat.
        agent: whether a contrast agent is stated; None: the header does not say.
        acquisition_contrast: Acquisition Contrast.
        texts: Series Description, then Protocol Name. They may name a person.
    """

    repetition_time: float | None = None
    echo_time: float | None = None
    inversion_time: float | None = None
    scanning: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    name: str = ""
    image_type: tuple[str, ...] = ()
    fat_suppressed: bool = False
    agent: bool | None = None
    acquisition_contrast: str = ""
    texts: tuple[str, ...] = field(default=(), repr=False)


def descriptions(dataset: Dataset) -> tuple[str, ...]:
    """Series Description and Protocol Name where they are given. They may name a person."""
    found = (tags.text(dataset, keyword) for keyword in ("SeriesDescription", "ProtocolName"))
    return tuple(text for text in found if text)


def sequence_facts(dataset: Dataset, number: int = 0) -> SequenceFacts:
    """Facts of frame `number` (from 0) of an MR object, single-frame or enhanced."""
    macro = functional_groups(dataset, number)
    timing = macro("MRTimingAndRelatedParametersSequence")
    echo, modifier = macro("MREchoSequence"), macro("MRModifierSequence")
    kind = macro("MRImageFrameTypeSequence")
    effective = tags.number(echo, "EffectiveEchoTime")
    inversion = tags.number(modifier, "InversionTimes") or tags.number(dataset, "InversionTime")
    return SequenceFacts(
        repetition_time=tags.number(timing, "RepetitionTime"),
        echo_time=tags.number(dataset, "EchoTime") if effective is None else effective,
        # scanners write 0 where there is no inversion
        inversion_time=inversion or None,
        scanning=_scanning(dataset),
        options=tags.codes(dataset, "ScanOptions"),
        name=tags.text(dataset, "SequenceName") or tags.text(dataset, "PulseSequenceName"),
        image_type=(*tags.codes(dataset, "ImageType"), *tags.codes(kind, "FrameType")),
        fat_suppressed=tags.code(modifier, "SpectrallySelectedSuppression")
        in ("FAT", "FAT_AND_WATER"),
        agent=_agent(dataset, macro("ContrastBolusUsageSequence")),
        acquisition_contrast=tags.code(kind, "AcquisitionContrast"),
        texts=descriptions(dataset),
    )


def _scanning(dataset: Dataset) -> tuple[str, ...]:
    """Scanning Sequence; of an enhanced object the same in its own words (C.8.13.4)."""
    found = tags.codes(dataset, "ScanningSequence")
    if found:
        return found
    echo = tags.code(dataset, "EchoPulseSequence")
    names = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}.get(echo, ())
    planar = tags.code(dataset, "EchoPlanarPulseSequence") == "YES"
    return (*names, "EP") if planar else names


def _agent(dataset: Dataset, usage: Dataset) -> bool | None:
    administered = tags.code(usage, "ContrastBolusAgentAdministered")
    if administered in ("YES", "NO"):
        return administered == "YES"
    if tags.items(dataset, "ContrastBolusAgentSequence"):
        return True
    if "ContrastBolusAgent" not in dataset:
        return None
    return tags.text(dataset, "ContrastBolusAgent").upper() not in NO_AGENT


def recognise(facts: SequenceFacts) -> str:
    """The sequence of a frame.

    Args:
        facts: of an MR object's header.

    Returns:
        T1WI, T2WI, FS-T2WI, Gd-T1WI; "" for any other sequence and where the facts do not decide.
    """
    said = _said(facts)
    if said.other or "EP" in facts.scanning or NOT_WATER & set(facts.image_type):
        return ""
    weighting = _settled(said.weighting, _physics(facts))
    saturated = (
        said.fat_saturated
        or facts.fat_suppressed
        or bool(FAT_OPTIONS & set(facts.options))
        or bool(WATER & set(facts.image_type))
    )
    if weighting == "STIR":
        return FS_T2WI
    if weighting == "T2":
        return FS_T2WI if saturated else T2WI
    if weighting == "T1":
        contrast = bool(facts.agent) if said.contrast is None else said.contrast
        return GD_T1WI if contrast else "" if saturated else T1WI
    return ""


def _said(facts: SequenceFacts) -> Said:
    """What the words say together: the first text that speaks of a thing wins."""
    said = [read_words(text) for text in facts.texts]
    speaking = [one for one in said if one.weighting or one.other]
    contrasts = [one.contrast for one in said if one.contrast is not None]
    weighting = next((one.weighting for one in speaking if one.weighting), "")
    return Said(
        weighting=weighting or CONTRASTS.get(facts.acquisition_contrast, ""),
        fat_saturated=any(one.fat_saturated for one in said),
        contrast=contrasts[0] if contrasts else None,
        other=(bool(speaking) and speaking[0].other)
        or facts.acquisition_contrast in OTHER_CONTRASTS,
    )


def _physics(facts: SequenceFacts) -> str:
    """The weighting by times alone: T1, T2, PD, STIR; DARK (fluid); GR; "" where undecided."""
    inversion, te, tr = facts.inversion_time, facts.echo_time, facts.repetition_time
    if _gradient(facts):
        return "GR"
    if inversion is not None:
        if FAT_NULL[0] <= inversion <= FAT_NULL[1]:
            return "STIR"
        if inversion > T1_FLAIR[1]:
            return "DARK"
        return "T1" if inversion >= T1_FLAIR[0] and te is not None and te <= SHORT_TE else ""
    if tr is None or te is None or te <= 0 or "IR" in facts.scanning:
        return ""
    if tr >= LONG_TR:
        return "T2" if te >= LONG_TE else "PD" if te <= SHORT_TE else ""
    return "T1" if 0 < tr <= SHORT_TR and te <= SHORT_TE else ""


def _gradient(facts: SequenceFacts) -> bool:
    """Whether the frame comes from a gradient echo without any spin echo."""
    if not set(facts.scanning) & {"SE", "GR", "IR"}:
        # the scanner's own name: fl2d, fl3d, tfl, fi2d are gradient echoes
        return facts.name.lower().lstrip("*").startswith(("fl", "tfl", "fi", "tfi", "me2d"))
    return "GR" in facts.scanning and "SE" not in facts.scanning


def _settled(said: str, physics: str) -> str:
    """The weighting that words and times give together; "" where they leave it open."""
    if said == "PD" or physics == "DARK":
        return ""
    if physics == "GR":
        # a T2 word of a gradient echo means T2*
        return "T1" if said == "T1" else ""
    if not physics:
        return said
    if said == "STIR":
        # with a TI the header does not give, a STIR of short TE looks like proton density
        return "" if physics == "T1" else "STIR"
    if physics == "STIR":
        return "STIR" if said in ("", "T2") else ""
    return "" if physics == "PD" else physics
