"""Levels as people type them, each patient once at every level that is named."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.measures.spine_levels import (
    HARD_ORDER,
    LEVEL_ORDER,
    SPINE,
    hard_groups,
    level_groups,
    levels_in,
)


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("L3", ["L3"]),
        ("T2+T3", ["T2", "T3"]),
        ("th12, l1", ["T12", "L1"]),
        ("L3-L5", ["L3", "L4", "L5"]),
        ("l3-5", ["L3", "L4", "L5"]),
        ("T2-C6", ["C6", "C7", "T1", "T2"]),
        ("L5/S1", ["L5", "S1"]),
        ("T1, T10", ["T1", "T10"]),
        ("T13", []),
        ("L6 or C0", []),
        ("lumbar", []),
        ("", []),
        (None, []),
    ],
)
def test_levels_as_typed(text, levels):
    assert list(levels_in(text)) == levels


@given(st.sets(st.sampled_from(SPINE), min_size=1), st.randoms())
def test_any_order_of_levels_reads_the_same(levels, chance):
    typed = list(levels)
    chance.shuffle(typed)
    assert levels_in("+".join(typed)) == tuple(one for one in SPINE if one in levels)


def people(*locations):
    return pd.DataFrame(
        {"patient_id": [f"P{k}" for k in range(len(locations))], "location": locations}
    )


def test_strata_of_levels_and_of_the_paper_s_hard_ones():
    table = people("T2+L5", "L3", "lumbar", None, "elsewhere", "C7-T1")
    levels = level_groups(table).groupby("patient_id")["stratum"].agg(list).tolist()
    assert levels == [["T2", "L5"], ["L3"], ["lumbar"], ["not recorded"], ["all others"],
                      ["C7", "T1"]]  # fmt: skip
    hard = hard_groups(table).groupby("patient_id")["stratum"].agg(list).tolist()
    assert hard == [["T1 to T3", "L5"], ["other levels"], *[["not recorded"]] * 3, ["T1 to T3"]]
    assert set(level_groups(table)["stratum"]) <= set(LEVEL_ORDER)
    assert set(hard_groups(table)["stratum"]) <= set(HARD_ORDER)
    assert len(set(LEVEL_ORDER)) == len(LEVEL_ORDER) and len(set(HARD_ORDER)) == len(HARD_ORDER)


def test_a_patient_of_many_slices_counts_once_and_no_column_is_not_recorded():
    twice = pd.concat([people("L5"), people("L5")])
    assert len(level_groups(twice)) == 1
    assert level_groups(twice[["patient_id"]])["stratum"].tolist() == ["not recorded"]
