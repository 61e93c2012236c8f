"""Net benefit against an independent implementation, and what a decision curve must obey."""

import numpy as np
import pytest

from osteon.measures import decision
from osteon.measures.discrimination import ones
from osteon.measures.intervals import draw
from osteon.measures.levels import Judged

FIRST = [0.02, 0.05, 0.08, 0.12, 0.15, 0.2, 0.22, 0.31, 0.35, 0.4]
SCORE = np.array([*FIRST, 0.44, 0.52, 0.58, 0.61, 0.7, 0.76, 0.83, 0.88, 0.93, 0.97])
LABEL = np.array([0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1])
# The package dcurves 1.1.7 (the reference implementation by Vickers' group) on these 20 rows.
DCURVES = {
    0.05: (0.476316, 0.473684),
    0.10: (0.461111, 0.444444),
    0.25: (0.316667, 0.333333),
    0.50: (0.250000, 0.0),
    0.55: (0.177778, -0.111111),
    0.75: (0.050000, -1.0),
}


def judged(label=LABEL, score=SCORE, unit=None):
    unit = np.arange(len(label)) if unit is None else unit
    strata = np.array([label[unit == place][0] for place in range(unit.max() + 1)])
    patients = tuple(f"P{k}" for k in range(len(strata)))
    fold = np.zeros(len(label), dtype=np.int64)
    return Judged("image", patients, strata, unit, label, score, fold, np.bincount(unit), {})


def test_net_benefit_equals_the_package_dcurves():
    made = decision.curve(judged(), ones(20), 0.01, 0.99)
    for threshold, (model, treat_all) in DCURVES.items():
        place = made["threshold"].index(threshold)
        assert made["net_benefit"][place] == pytest.approx(model, abs=1e-6)
        assert made["treat_all"][place] == pytest.approx(treat_all, abs=1e-6)
    assert made["treat_none"] == 0


def test_each_round_equals_the_formula_on_the_rows_written_out():
    generator = np.random.default_rng(0)
    unit = np.repeat(np.arange(12), generator.integers(1, 4, 12))
    label, score = (unit % 2 == 0).astype(int), generator.random(len(unit)).round(1)
    weights, at = draw(np.arange(12) % 2, 20, 0), decision.thresholds(0.1, 0.9)
    found = decision.net_benefit(weights, label, score, unit, at)
    for r, drawn in enumerate(weights):
        rows = np.repeat(np.arange(len(unit)), drawn[unit])
        for k, t in enumerate(at):
            called = score[rows] >= t
            true, false = (called & (label[rows] == 1)).mean(), (called & (label[rows] == 0)).mean()
            assert found[r, k] == pytest.approx(true - false * t / (1 - t), abs=1e-12)


def test_band_holds_the_curve_and_range_is_kept():
    generator = np.random.default_rng(1)
    label = np.arange(80) % 2
    score = np.clip(0.3 * label + 0.7 * generator.random(80), 0, 1)
    made = decision.curve(judged(label, score), draw(label, 500, 0), 0.05, 0.4)
    assert made["threshold"][0] == 0.05 and made["threshold"][-1] == 0.4
    assert len(made["threshold"]) == len(made["net_benefit"]) == len(made["lo"]) == 36
    lo, mid, hi = (np.array(made[key]) for key in ("lo", "net_benefit", "hi"))
    assert (lo <= mid + 1e-12).all() and (mid <= hi + 1e-12).all() and (lo < hi).any()


def test_everyone_called_is_treat_all_and_no_one_is_nothing():
    sure = decision.curve(judged(score=np.ones(20)), ones(20), 0.01, 0.99)
    assert sure["net_benefit"] == pytest.approx(sure["treat_all"])
    never = decision.curve(judged(score=np.zeros(20)), ones(20), 0.01, 0.99)
    assert never["net_benefit"] == [0] * 99
