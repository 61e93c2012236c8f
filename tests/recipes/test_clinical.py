"""Clinical normalisation against the paper's formulas, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.cohorts import columns
from osteon.recipes import clinical
from osteon.recipes.clinical import (
    ClinicalConfig,
    ClinicalError,
    feature_columns,
    normalise,
)

ROW = {
    "sex": "F", "age": 15.0, "alp": 310.0, "alp_low": 45.0, "alp_high": 125.0,
    "ldh": 100.0, "ldh_low": 120.0, "ldh_high": 250.0,
}  # fmt: skip


def one(config: ClinicalConfig | None = None, **changes: object) -> pd.Series:
    return normalise(pd.DataFrame([ROW | changes]), config).iloc[0]


def test_values_by_hand() -> None:
    row = one()
    assert (row.gender, row.age_norm) == (0.5, 0.15)
    assert row.alp_norm == pytest.approx((310 - 45) / (125 - 45))
    assert row.ldh_norm == pytest.approx((100 - 120) / (250 - 120))
    assert one(sex="M").gender == -0.5
    assert one(sex=None).gender == 0.0
    assert bool(one(sex=None).gender_missing) is True


@settings(max_examples=40)
@given(
    low=st.floats(0, 500),
    span=st.floats(1, 500),
    share=st.floats(-0.5, 5),
    factor=st.floats(0.1, 9),
)
def test_units_do_not_matter(low: float, span: float, share: float, factor: float) -> None:
    value = low + share * span
    if value < 0:
        return
    lab = {"alp": value, "alp_low": low, "alp_high": low + span}
    scaled = {name: number * factor for name, number in lab.items()}
    assert one(**lab).alp_norm == pytest.approx(share, abs=1e-6)
    assert one(**scaled).alp_norm == pytest.approx(one(**lab).alp_norm, abs=1e-6)


@settings(max_examples=40)
@given(st.lists(st.floats(0, 5000), min_size=2, max_size=8), st.booleans(), st.booleans())
def test_order_of_values_is_kept(values: list[float], log: bool, clip: bool) -> None:
    config = ClinicalConfig(log1p=log, clip=(-2, 20) if clip else None)
    table = pd.DataFrame([ROW | {"ldh": value} for value in sorted(values)])
    assert (np.diff(normalise(table, config).ldh_norm) >= 0).all()


def test_a_row_is_normalised_alone() -> None:
    table = pd.DataFrame([ROW, ROW | {"age": 70.0, "alp": 90.0, "sex": "M"}])
    whole = normalise(table)
    for number in range(2):
        alone = normalise(table.iloc[[number]])
        pd.testing.assert_frame_equal(whole.iloc[[number]], alone)


def test_missing_values_are_mid_normal_and_flagged() -> None:
    row = one(age=None, alp=None, alp_low=None, alp_high=None)
    assert (row.age_norm, row.alp_norm) == (0.5, 0.5)
    assert bool(row.age_missing) and bool(row.alp_missing) and not bool(row.ldh_missing)
    assert not bool(row.alp_fallback_range)
    bare = normalise(pd.DataFrame({"sex": ["F", "M"]}))
    assert bare[["age_missing", "alp_missing", "ldh_missing"]].all(axis=None)
    assert bare[["gender", "age_norm", "alp_norm", "ldh_norm"]].notna().all(axis=None)


def test_a_missing_lab_follows_a_mid_normal_one_through_the_logarithm() -> None:
    config = ClinicalConfig(log1p=True)
    measured = one(config, ldh=185.0)
    assert one(config, ldh=None).ldh_norm == pytest.approx(measured.ldh_norm)
    assert measured.ldh_norm == pytest.approx(np.log(1.5))


def test_a_lab_without_range_gets_the_adult_one_flagged() -> None:
    row = one(alp=85.0, alp_low=None, alp_high=None)
    assert row.alp_norm == pytest.approx((85 - 45) / 80)
    assert bool(row.alp_fallback_range) and not bool(row.ldh_fallback_range)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"alp_low": 125.0, "alp_high": 45.0}, "row 2, alp_high: found 45.0; wanted a bound above"),
        ({"alp_high": 45.0}, "row 2, alp_high"),
        ({"alp_low": None}, "row 2, alp_low"),
        ({"ldh_high": None}, "row 2, ldh_high"),
        ({"age": -1.0}, "row 2, age: found -1.0; wanted 0 to 120 years"),
        ({"age": 121.0}, "row 2, age: found 121.0; wanted 0 to 120 years"),
        ({"ldh": -5.0}, "row 2, ldh"),
        ({"alp": "high"}, "row 2, alp: found high; wanted a number"),
    ],
)
def test_impossible_values_name_row_and_column(changes: dict, named: str) -> None:
    with pytest.raises(ClinicalError, match=named):
        normalise(pd.DataFrame([ROW, ROW | changes]))


def test_clip_and_indicator() -> None:
    assert one(ClinicalConfig(clip=(-2, 3))).alp_norm == 3
    indicator = ClinicalConfig(missing="indicator")
    inputs = ("gender", "age", "ldh")
    assert feature_columns(inputs, indicator) == ("gender", "age_norm", "ldh_norm", "ldh_missing")
    assert feature_columns(inputs, ClinicalConfig()) == ("gender", "age_norm", "ldh_norm")


def test_the_oldest_age_is_that_of_the_tables() -> None:
    assert clinical.MAX_AGE == columns.MAX_AGE
    assert one(age=120.0).age_norm == 1.2
