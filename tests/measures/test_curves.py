"""Curves against scikit-learn, on the observed rows and on resamples written out."""

import json

import numpy as np
import pytest
from scipy.stats import norm
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from osteon.measures import curves
from osteon.measures.discrimination import ones
from osteon.measures.intervals import Draws, draw, draws, wilson
from osteon.measures.judging import with_calls
from osteon.measures.levels import Judged, at_level, checked
from osteon.recipes.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(rounds=200)


def case(seed=0, patients=40, decimals=1):
    generator = np.random.default_rng(seed)
    unit = np.repeat(np.arange(patients), generator.integers(1, 4, patients))
    label = unit % 2
    score = np.clip(0.3 * label + 0.7 * generator.random(len(unit)), 0, 1).round(decimals)
    return label, score, unit


def by_scikit_learn(label, score):
    false, true, _ = sk.roc_curve(label, score, drop_intermediate=False)
    roc = np.interp(curves.GRID, false, true)
    precision, recall, _ = sk.precision_recall_curve(label, score)
    precision, recall = precision[:-1][::-1], recall[:-1][::-1]
    place = [np.flatnonzero(recall >= r - 1e-12)[0] for r in curves.GRID]
    return roc, precision[place]


@pytest.mark.parametrize("decimals", [1, 6])
def test_each_round_equals_scikit_learn_on_the_rows_written_out(decimals):
    label, score, unit = case(decimals=decimals)
    weights = draw(np.arange(40) % 2, 25, 0)
    roc = curves.roc_on_grid(weights, label, score, unit)
    recall = curves.recall_on_grid(weights, label, score, unit)
    for r, drawn in enumerate(weights):
        rows = np.repeat(np.arange(len(unit)), drawn[unit])
        theirs = by_scikit_learn(label[rows], score[rows])
        np.testing.assert_allclose(roc[r], theirs[0], atol=1e-9)
        np.testing.assert_allclose(recall[r], theirs[1], atol=1e-9)


def judged(level="image", seed=0, patients=40):
    label, score, unit = case(seed, patients, 3)
    strata = np.arange(patients) % 2
    names = tuple(f"P{k}" for k in range(patients))
    fold = unit % 5
    return Judged(level, names, strata, unit, label, score, fold, np.bincount(unit), {})


def test_bands_hold_the_curves():
    one = judged()
    for made, key in zip(
        curves.ranking(one, draws(one.strata, 500, 0)),
        ("true_positive_rate", "precision"),
        strict=True,
    ):
        lo, value, hi = (np.array(made[name]) for name in ("lo", key, "hi"))
        inside = (lo <= value + 1e-9) & (value <= hi + 1e-9)
        assert inside.mean() > 0.95 and (lo < hi).mean() > 0.5


def test_roc_band_covers_the_true_curve():
    """Binormal scores: the band at a false positive rate of 0.2 covers Phi(d + z(0.2))."""
    generator, label, hits = np.random.default_rng(3), np.arange(120) % 2, 0
    truth = norm.cdf(1.5 + norm.ppf(0.2))
    for seed in range(200):
        score = generator.normal(size=120) + 1.5 * label
        roc = curves.roc_on_grid(draw(label, 200, seed), label, score, np.arange(120))
        lo, hi = np.quantile(roc[:, 20], [0.025, 0.975])
        hits += lo <= truth <= hi
    assert 0.92 <= hits / 200 <= 0.98


def test_area_under_the_grid_is_about_the_auroc():
    one = judged(patients=200)
    roc, recall = curves.ranking(one, Draws.same(ones(200)))
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(sk.roc_auc_score(one.label, one.score), abs=0.01)
    assert np.mean(recall["precision"][1:]) == pytest.approx(
        sk.average_precision_score(one.label, one.score), abs=0.01
    )
    assert recall["prevalence"] == pytest.approx(one.label.mean())


def test_reliability_is_scikit_learns_with_wilson_bands_for_patients():
    label, score, _ = case(2, 60, 5)
    unit = np.arange(len(label))
    one = Judged("patient", tuple(map(str, unit)), label, unit, label, score, unit, unit, {})
    table = curves.reliability(one, ones(len(label)))
    observed, mean = calibration_curve(label, score, n_bins=10)
    full = [row for row in table if row["n"]]
    assert [row["observed"] for row in full] == pytest.approx(list(observed))
    assert [row["mean_probability"] for row in full] == pytest.approx(list(mean))
    assert sum(row["n"] for row in table) == len(label) and len(table) == 10
    ends = wilson(full[3]["observed"] * full[3]["n"], full[3]["n"])
    assert (full[3]["lo"], full[3]["hi"]) == pytest.approx((ends.lo, ends.hi))


def test_reliability_of_images_counts_patients_and_empty_bins_say_nothing():
    """Ten copies of each image leave the band as wide as it was."""
    label, score = np.arange(40) % 2, np.where(np.arange(40) < 20, 0.35, 0.75)
    names, weights = tuple(map(str, range(40))), draw(np.arange(40) % 2, 1000, 0)
    ten = np.repeat(np.arange(40), 10)
    tables = []
    for unit in (np.arange(40), ten):
        fold = np.zeros(len(unit), dtype=int)
        one = Judged("image", names, label, unit, label[unit], score[unit], fold, unit, {})
        tables.append(curves.reliability(one, weights))
    for first, copied in zip(*tables, strict=True):
        assert (first["lo"], first["hi"]) == (copied["lo"], copied["hi"])
        assert copied["n"] == 10 * first["n"]
    assert tables[0][3]["lo"] < 0.5 < tables[0][3]["hi"] and tables[0][0]["observed"] is None


def test_all_curves_are_lists_and_confusion_counts_rows(predictions):
    frame = checked(predictions)
    one, _ = with_calls(at_level(frame[frame["learner"] == "resnet18_all"], "image"))
    made = curves.curves(one, None, draws(one.strata, 100, 0), CONFIG)
    json.dumps(made, allow_nan=False)
    expected = sk.confusion_matrix(one.label, one.called["at_0.5"])
    counts = made["confusion"]["at_0.5"]
    assert [counts[k] for k in ("true_negative", "false_positive")] == expected[0].tolist()
    assert [counts[k] for k in ("false_negative", "true_positive")] == expected[1].tolist()
    assert set(made["confusion"]) == {"at_0.5", "at_youden"}
    assert made["reliability_after_temperature"] is None


def test_one_class_has_no_roc_and_ties_everywhere_have_one():
    label, _, unit = case()
    names, fold = tuple(map(str, range(40))), unit % 5
    for only in (np.zeros_like(label), label):
        strata = only[np.unique(unit, return_index=True)[1]]
        flat = np.full(len(unit), 0.3)
        one = Judged("image", names, strata, unit, only, flat, fold, np.bincount(unit), {})
        roc, recall = curves.ranking(one, draws(strata, 50, 0))
        if not only.any():
            assert roc is None and recall is None
        else:
            np.testing.assert_allclose(roc["true_positive_rate"], curves.GRID, atol=1e-12)
            assert set(recall["precision"]) == {label.mean()}
