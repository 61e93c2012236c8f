"""Which sequence a header describes: words, times, and what contradicts what."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from osteon.cohorts.config import MR_SEQUENCES as TERMS
from osteon.imaging.dicom import open_dicom
from osteon.imaging.mr_sequence import MR_SEQUENCES, SequenceFacts, recognise, sequence_facts
from tests.dicom_makers import dataset, knee, write

SE, IR, GR = ("SE",), ("SE", "IR"), ("GR",)
CANARY = "Kanarienvogel"


def facts(
    tr: float | None = None,
    te: float | None = None,
    *texts: str,
    ti: float | None = None,
    scanning: tuple[str, ...] = SE,
    **more: object,
) -> SequenceFacts:
    return SequenceFacts(tr, te, ti, scanning=scanning, texts=texts, **more)


def test_the_words_are_those_of_the_images_table():
    assert MR_SEQUENCES == TERMS


@pytest.mark.parametrize(
    ("given", "word"),
    [
        # bounds of spin echo, and what lies between
        (facts(500, 12), "T1WI"),
        (facts(1000, 30), "T1WI"),
        (facts(1001, 30), ""),
        (facts(1000, 31), ""),
        (facts(1500, 60), "T2WI"),
        (facts(1499, 60), ""),
        (facts(1500, 59), ""),
        (facts(4000, 240), "T2WI"),
        (facts(3000, 20), ""),  # proton density
        (facts(None, 90), ""),
        (facts(3000, None), ""),
        (facts(), ""),
        (facts(3000, 0), ""),
        # fat
        (facts(4000, 90, options=("PFP", "FS")), "FS-T2WI"),
        (facts(4000, 90, options=("SFS",)), "FS-T2WI"),
        (facts(4000, 90, options=("PFP", "SAT1")), "T2WI"),
        (facts(4000, 90, fat_suppressed=True), "FS-T2WI"),
        (facts(4000, 90, image_type=("DERIVED", "PRIMARY", "DIXON", "WATER")), "FS-T2WI"),
        (facts(4000, 90, image_type=("DERIVED", "PRIMARY", "DIXON", "FAT")), ""),
        (facts(500, 12, options=("FS",)), ""),  # fat-suppressed T1 without contrast agent
        # contrast agent
        (facts(500, 12, agent=True), "Gd-T1WI"),
        (facts(500, 12, agent=True, options=("FS",)), "Gd-T1WI"),
        (facts(500, 12, agent=False), "T1WI"),
        (facts(4000, 90, agent=True), "T2WI"),
        # inversion recovery
        (facts(4000, 60, ti=150, scanning=IR), "FS-T2WI"),
        (facts(4000, 30, ti=220, scanning=IR), "FS-T2WI"),
        (facts(2200, 12, ti=860, scanning=IR), "T1WI"),
        (facts(2200, 90, ti=860, scanning=IR), ""),
        (facts(8000, 110, ti=2200, scanning=IR), ""),
        (facts(4000, 60, scanning=IR), ""),  # an inversion of unknown TI
        # gradient echo and echo planar
        (facts(20, 5, scanning=GR), ""),
        (facts(600, 14, scanning=GR), ""),
        (facts(20, 5, scanning=(), name="*fl3d1"), ""),
        (facts(4000, 90, scanning=("EP", "SE")), ""),
        (facts(500, 12, scanning=()), "T1WI"),
    ],
)
def test_times_decide_where_no_word_does(given, word):
    assert recognise(given) == word


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (facts(None, None, "t1_tse_sag"), "T1WI"),
        (facts(None, None, "t2_tse_sag"), "T2WI"),
        (facts(None, None, "T2 SPAIR sag"), "FS-T2WI"),
        (facts(None, None, "STIR sag"), "FS-T2WI"),
        (facts(None, None, "T1 FS +C"), "Gd-T1WI"),
        (facts(None, None, "T1 FS"), ""),
        (facts(3000, 50, "t2 sag"), "T2WI"),  # the times leave it open
        (facts(1200, 10, "t1 sag"), "T1WI"),
        (facts(5, 2, "t1_vibe", scanning=GR), "T1WI"),
        (facts(600, 14, "t2 gre", scanning=GR), ""),  # T2*
        (facts(4000, 40, "STIR", scanning=IR), "FS-T2WI"),
        (facts(4000, 30, "STIR"), "FS-T2WI"),
        (facts(4000, 60, "T2 sag", ti=150, scanning=IR), "FS-T2WI"),
        (facts(2200, 12, "T1 FLAIR", ti=860, scanning=IR), "T1WI"),
        (facts(8000, 110, "T2 FLAIR", ti=2200, scanning=IR), ""),
        (facts(4000, 90, "PD T2 dual"), "T2WI"),  # two weightings: the times decide
        (facts(2500, 20, "PD FS"), ""),
        (facts(4000, 90, "DWI b50"), ""),
        # words against times: the times, or nothing where they are none of the four
        (facts(4000, 90, "T1 sag"), "T2WI"),
        (facts(500, 12, "T2 sag"), "T1WI"),
        (facts(3000, 20, "T2 sag"), ""),
        (facts(500, 12, "STIR sag"), ""),
        (facts(4000, 60, "T1 sag", ti=150, scanning=IR), ""),
        # a scanner's own record of its options beats a word
        (facts(4000, 90, "T2 no fs", options=("FS",)), "FS-T2WI"),
        # an agent that a header carries through the whole visit
        (facts(500, 12, "T1 pre", agent=True), "T1WI"),
        (facts(500, 12, "T1 gd", agent=False), "Gd-T1WI"),
        # Series Description before Protocol Name, which fills the gaps
        (facts(None, None, "t2_sag", "t1_sag"), "T2WI"),
        (facts(None, None, "sagittal", "t2_tse_fs"), "FS-T2WI"),
        (facts(None, None, "t1_tse", "t1_tse +KM"), "Gd-T1WI"),
        (facts(None, None, "t2_sag", "ADC protocol"), "T2WI"),
        # Acquisition Contrast of an enhanced object
        (facts(None, None, acquisition_contrast="T2"), "T2WI"),
        (facts(None, None, acquisition_contrast="STIR"), "FS-T2WI"),
        (facts(4000, 90, acquisition_contrast="DIFFUSION"), ""),
        (facts(4000, 90, acquisition_contrast="UNKNOWN"), "T2WI"),
    ],
)
def test_words_win_unless_the_times_contradict_them(given, word):
    assert recognise(given) == word


def header(**tags: object) -> Dataset:
    return dataset(knee(1), Modality="MR", **tags)


def test_facts_of_a_single_frame_object():
    found = sequence_facts(
        header(
            RepetitionTime="4000",
            EchoTime="90",
            InversionTime="0",
            ScanningSequence=["SE"],
            ScanOptions=["PFP", "FS"],
            SequenceName="*tse2d1_18",
            ContrastBolusAgent="none",
            SeriesDescription="t2",
            ProtocolName="spine",
        )
    )
    assert found == SequenceFacts(
        4000.0,
        90.0,
        None,
        ("SE",),
        ("PFP", "FS"),
        "*tse2d1_18",
        agent=False,
        texts=("t2", "spine"),
    )
    assert recognise(sequence_facts(header())) == ""
    assert sequence_facts(header(ContrastBolusAgent="Gadovist")).agent is True


@pytest.mark.parametrize(
    "tags",
    [
        {"RepetitionTime": None, "EchoTime": None, "ScanOptions": None, "ScanningSequence": None},
        {"SeriesDescription": "", "ProtocolName": None, "ContrastBolusAgent": None},
        {"ImageType": None, "SequenceName": None, "InversionTime": None},
    ],
)
def test_empty_elements_say_nothing(tags):
    assert recognise(sequence_facts(header(**tags))) == ""


def item(**elements: object) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def timing(tr: float) -> dict[str, object]:
    return {"MRTimingAndRelatedParametersSequence": [item(RepetitionTime=tr)]}


def enhanced(path, shared: Dataset, frames: list[Dataset], **tags: object):
    return write(
        path,
        np.stack([knee(seed) for seed in range(len(frames))]),
        SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1",
        Modality="MR",
        EchoPulseSequence="SPIN",
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=frames,
        **tags,
    )


def sequences(path) -> list[str]:
    return [frame.sequence for frame in open_dicom(path).frames()]


def test_enhanced_object_with_shared_times_and_an_echo_of_each_frame(tmp_path):
    frames = [item(MREchoSequence=[item(EffectiveEchoTime=te)]) for te in (15.0, 90.0, 120.0)]
    path = enhanced(tmp_path / "a.dcm", item(**timing(3500.0)), frames)
    assert sequences(path) == ["", "T2WI", "T2WI"]


def test_enhanced_object_with_its_modifiers(tmp_path):
    echo = {"MREchoSequence": [item(EffectiveEchoTime=80.0)]}
    fat = [item(SpectrallySelectedSuppression="FAT")]
    short = [item(InversionRecovery="YES", InversionTimes=[160.0])]
    frames = [item(MRModifierSequence=fat), item(MRModifierSequence=short), item()]
    path = enhanced(tmp_path / "a.dcm", item(**timing(4000.0), **echo), frames)
    assert sequences(path) == ["FS-T2WI", "FS-T2WI", "T2WI"]


def test_enhanced_object_before_and_after_the_contrast_agent(tmp_path):
    echo = {"MREchoSequence": [item(EffectiveEchoTime=10.0)]}
    frames = [
        item(ContrastBolusUsageSequence=[item(ContrastBolusAgentAdministered=given)])
        for given in ("NO", "YES")
    ]
    shared = item(**timing(550.0), **echo)
    path = enhanced(tmp_path / "a.dcm", shared, frames, ContrastBolusAgentSequence=[item()])
    assert sequences(path) == ["T1WI", "Gd-T1WI"]


def test_enhanced_echo_planar_and_named_contrast(tmp_path):
    kind = item(MRImageFrameTypeSequence=[item(AcquisitionContrast="T1")])
    assert sequences(enhanced(tmp_path / "a.dcm", kind, [item()])) == ["T1WI"]
    made = enhanced(tmp_path / "b.dcm", kind, [item()], EchoPlanarPulseSequence="YES")
    assert sequences(made) == [""]


def test_other_modalities_have_no_sequence_and_no_description(tmp_path):
    path = write(tmp_path / "x.dcm", knee(1), SeriesDescription="t2 sag", EchoTime="90")
    assert sequences(path) == [""] and open_dicom(path).header.descriptions == ()


def test_descriptions_are_not_printed():
    given = facts(None, None, f"t2 {CANARY}")
    assert CANARY not in repr(given)


TIME = st.none() | st.floats(allow_nan=False, allow_infinity=False)
WORD = st.sampled_from(
    ["t1", "t2", "fs", "stir", "gd", "pre", "dixon w", "flair", CANARY, "-", "*"]
)


@given(TIME, TIME, TIME, st.lists(WORD, max_size=5), st.booleans(), st.sampled_from([SE, IR, GR]))
def test_only_a_word_of_ours_leaves(tr, te, ti, words, agent, scanning):
    found = recognise(facts(tr, te, " ".join(words), ti=ti, scanning=scanning, agent=agent))
    assert found in ("", *MR_SEQUENCES)
