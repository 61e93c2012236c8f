"""What people type at a scanner, and what it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.imaging.mr_words import Said, read_words


@pytest.mark.parametrize(
    ("text", "weighting"),
    [
        ("t2_tse_sag", "T2"),
        ("SAG T1 FSE", "T1"),
        ("T1W_TSE", "T1"),
        ("FS-T2WI", "T2"),
        ("fst2 sag", "T2"),
        ("sagT1", "T1"),
        ("STIR", "STIR"),
        ("T2 TIRM sag", "STIR"),
        ("T1 STIR", "T1"),
        ("PD FS sag", "PD"),
        ("PD/T2", ""),
        ("T1 and T2", ""),
        ("Sag T1-T12", ""),
        ("T1-T4 sag T2", "T2"),
        ("C2-T2 sag T1", "T1"),
        ("L1/T12 T1", "T1"),
        ("T12 sag", ""),
        ("start1 rest2", ""),
        ("", ""),
    ],
)
def test_the_weighting(text, weighting):
    assert read_words(text).weighting == weighting


@pytest.mark.parametrize(
    ("text", "saturated"),
    [
        ("T2 FS", True),
        ("T2 fat sat", True),
        ("T2 FatSat", True),
        ("t2_fsat", True),
        ("T2 fat-suppressed", True),
        ("T2 SPAIR", True),
        ("T2 SPIR", True),
        ("STIR", True),
        ("t2_tse_dixon_sag_W", True),
        ("T2 mDIXON water", True),
        ("WATER: Sag T2 FLEX", True),
        ("T2 FSE", False),
        ("t2_tse_dixon_in", False),
        ("T2 no FS", False),
        ("T2 non-fat-sat", False),
        ("T2 w/o fat sat", False),
        ("T2 sat band", False),
    ],
)
def test_the_fat(text, saturated):
    assert read_words(text).fat_saturated is saturated


@pytest.mark.parametrize(
    ("text", "contrast"),
    [
        ("T1 +C", True),
        ("T1C+", True),
        ("T1c", True),
        ("t1_tse_sag_KM", True),
        ("T1 Gd", True),
        ("T1 gadovist fs", True),
        ("T1 CE", True),
        ("T1 post", True),
        ("T1 with contrast", True),
        ("T1 post op", None),
        ("T1 C-SPINE", None),
        ("T1C SPINE", None),
        ("T1 sag", None),
        ("T1 pre", False),
        ("T1 -C", False),
        ("T1 nativ", False),
        ("T1 w/o contrast", False),
        ("T1 non-contrast", False),
        ("T1 pre and post gd", None),
    ],
)
def test_the_contrast_agent(text, contrast):
    assert read_words(text).contrast is contrast


@pytest.mark.parametrize(
    "text",
    [
        *("DWI b800", "ADC", "T2 map", "t1rho", "T2* GRE", "t2star", "T2 FLAIR", "dark fluid"),
        *("localizer", "SCOUT", "FAT: Sag T2", "t2_dixon_F", "t2 dixon opp", "MR MYELO", "T1 sub"),
    ],
)
def test_what_is_none_of_the_four(text):
    assert read_words(text).other


@pytest.mark.parametrize("text", ["T1 FLAIR", "T2 tse", "T2 fat sat", "StarVIBE T1"])
def test_what_may_be_one_of_the_four(text):
    assert not read_words(text).other


@given(st.text(max_size=400))
def test_any_text_gives_words_of_ours_only(text):
    said = read_words(text)
    assert isinstance(said, Said) and said.weighting in ("", "T1", "T2", "PD", "STIR")
    assert all(value is None or isinstance(value, bool) for value in said[1:])
