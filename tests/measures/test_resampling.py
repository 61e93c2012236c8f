"""Bootstrap of any metric: the same interval as the classification evaluator's parts give."""

import numpy as np
import pandas as pd
import pytest

from osteon.measures.intervals import bca, draw, leave_one_out
from osteon.measures.resampling import Measured, differences, entries, places, warnings
from osteon.recipes.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(rounds=300, seed=2)


def measured(values, lesions=None):
    values = np.asarray(values, dtype=float)
    names = tuple(f"P{k}" for k in range(len(values)))
    strata = np.ones(len(values), dtype=np.int64) if lesions is None else np.asarray(lesions)

    def mean(weights):
        total = weights.astype(float)
        return {("pixel", "dice"): total @ values / total.sum(axis=1)}

    return Measured(names, strata, mean)


@pytest.fixture
def values():
    return np.random.default_rng(0).beta(5, 2, 50)


def test_intervals_are_those_of_the_parts(values):
    entry = entries(measured(values), CONFIG)["pixel"]["dice"]
    strata = np.ones(50, dtype=np.int64)
    rounds = draw(strata, 300, 2) @ values / 50
    left_out = leave_one_out(50) @ values / 49
    expected = bca(values.mean(), rounds, left_out, strata)
    assert (entry["lo"], entry["hi"]) == pytest.approx((expected.lo, expected.hi))
    assert entry["method"] == "bootstrap BCa" and entry["value"] == pytest.approx(values.mean())
    plain = CONFIG.model_copy(update={"interval": "percentile"})
    entry = entries(measured(values), plain)["pixel"]["dice"]
    np.testing.assert_allclose(
        [entry["lo"], entry["hi"]], np.quantile(rounds, [0.025, 0.975]), rtol=1e-12
    )


def test_95_percent_intervals_cover_a_mean():
    generator = np.random.default_rng(1)
    config = EvaluationConfig(rounds=300)
    covered = 0
    for _ in range(300):
        entry = entries(measured(generator.beta(5, 2, 60)), config)["pixel"]["dice"]
        covered += entry["lo"] <= 5 / 7 <= entry["hi"]
    assert 0.91 <= covered / 300 <= 0.98


def test_no_spread_and_no_value_have_no_interval(values):
    flat = entries(measured(np.full(9, 0.5)), CONFIG)["pixel"]["dice"]
    assert np.isnan(flat["lo"]) and "same value" in flat["method"]
    absent = entries(measured(np.full(9, np.nan)), CONFIG)["pixel"]["dice"]
    assert np.isnan(absent["hi"]) and "not defined" in absent["method"]


def test_pairs_share_draws_and_need_the_same_patients(values):
    test = differences(measured(values + 0.01), measured(values), CONFIG)[0]
    assert test["value"] == pytest.approx(0.01) and test["p"] == pytest.approx(2 / 301)
    assert np.isnan(test["lo"]) and test["method"].startswith("none: all resamples")
    with pytest.raises(ValueError, match="50 and 49 patients found"):
        differences(measured(values), measured(values[1:]), CONFIG)


def test_each_stratum_keeps_its_number(values):
    lesions = (np.arange(50) < 10).astype(np.int64)
    entry = entries(measured(lesions.astype(float), lesions), CONFIG)["pixel"]["dice"]
    assert entry["value"] == 0.2 and "same value" in entry["method"]
    said = warnings(measured(values, lesions), CONFIG)
    assert "10 patients with a lesion" in said[0] and "trial run: 300" in said[1]


def test_places_go_by_appearance_not_by_name():
    assert places(pd.Series(["P9", "P1", "P9", "P5"])) == {"P9": 0, "P1": 1, "P5": 2}
