"""Every resample's metrics are scikit-learn's on the rows written out."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from osteon.measures import discrimination
from osteon.measures.discrimination import confusion, from_confusion, ones, ranked


def written_out(label, score, unit, weights):
    rows = np.repeat(np.arange(len(unit)), weights[unit])
    return label[rows], score[rows]


def by_scikit_learn(label, score):
    called = (score >= 0.5).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "auroc": sk.roc_auc_score(label, score),
            "auprc": sk.average_precision_score(label, score),
            "accuracy": sk.accuracy_score(label, called),
            "balanced_accuracy": sk.balanced_accuracy_score(label, called),
            "sensitivity": sk.recall_score(label, called, zero_division=0),
            "specificity": sk.recall_score(label, called, pos_label=0, zero_division=0),
            "precision": sk.precision_score(label, called, zero_division=0),
            "f1": sk.f1_score(label, called, zero_division=0),
            "mcc": sk.matthews_corrcoef(label, called),
        }


@st.composite
def resampled(draw):
    patients = draw(st.integers(2, 12))
    images = draw(st.lists(st.integers(1, 4), min_size=patients, max_size=patients))
    unit = np.repeat(np.arange(patients), images)
    strata = np.array(draw(st.lists(st.integers(0, 1), min_size=patients, max_size=patients)))
    # Few distinct scores: ties within and across the classes everywhere.
    score = np.array(
        draw(
            st.lists(
                st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]), min_size=len(unit), max_size=len(unit)
            )
        )
    )
    rounds = draw(st.integers(1, 4))
    size = rounds * patients
    weights = np.array(draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)))
    return unit, strata[unit], score, weights.reshape(rounds, patients)


@settings(max_examples=150, deadline=None)
@given(resampled())
def test_each_round_equals_scikit_learn_on_the_rows_written_out(case):
    unit, label, score, weights = case
    ours = ranked(weights, label, score, unit)
    ours |= from_confusion(confusion(weights, label, score >= 0.5, unit))
    for r, drawn in enumerate(weights):
        y, s = written_out(label, score, unit, drawn)
        if len(np.unique(y)) < 2:
            assert np.isnan(ours["auroc"][r])
            assert np.isnan(ours["auprc"][r])
            assert np.isnan(ours["balanced_accuracy"][r])
            continue
        called = (s >= 0.5).mean()
        for name, value in by_scikit_learn(y, s).items():
            if (name in ("precision", "f1", "mcc") and called == 0) or (
                name == "mcc" and called == 1
            ):
                assert np.isnan(ours[name][r]), name
            else:
                assert ours[name][r] == pytest.approx(value, abs=1e-9), name


def test_chunks_do_not_change_the_numbers(monkeypatch):
    generator = np.random.default_rng(0)
    label, score = generator.integers(0, 2, 50), generator.random(50).round(1)
    weights, unit = generator.integers(0, 4, (37, 20)), np.arange(50) % 20
    label = (unit % 2 == 0).astype(int)
    whole = ranked(weights, label, score, unit)
    monkeypatch.setattr(discrimination, "CHUNK", 120)
    parts = ranked(weights, label, score, unit)
    for name in whole:
        np.testing.assert_allclose(whole[name], parts[name], rtol=1e-12)


def test_all_scores_equal_gives_one_half():
    label = np.array([0, 0, 1, 1, 1])
    found = ranked(ones(5), label, np.full(5, 0.3), np.arange(5))
    assert found["auroc"][0] == 0.5
    assert found["auprc"][0] == pytest.approx(0.6)


def test_predictive_values_follow_bayes():
    # Altman & Bland 1994: sensitivity 0.9, specificity 0.8, one patient in ten ill.
    counts = {"tp": 90, "fn": 10, "tn": 80, "fp": 20}
    found = from_confusion({k: np.array([float(v)]) for k, v in counts.items()}, [0.1, 0.5])
    assert found["ppv_at_0.1"][0] == pytest.approx(0.09 / (0.09 + 0.18))
    assert found["npv_at_0.1"][0] == pytest.approx(0.72 / (0.72 + 0.01))
    # At the prevalence of the sample PPV is the precision.
    assert found["ppv_at_0.5"][0] == pytest.approx(found["precision"][0])


def test_nobody_called_is_not_defined_and_not_zero():
    label = np.array([0, 1, 1])
    counts = confusion(ones(3), label, np.zeros(3, dtype=bool), np.arange(3))
    found = from_confusion(counts, [0.1])
    for name in ("precision", "f1", "mcc", "ppv_at_0.1"):
        assert np.isnan(found[name][0]), name
    assert found["npv_at_0.1"][0] == pytest.approx(0.9) and found["sensitivity"][0] == 0
    counts = confusion(ones(3), label, np.ones(3, dtype=bool), np.arange(3))
    assert np.isnan(from_confusion(counts, [0.1])["npv_at_0.1"][0])
    # Called, but wrongly: that is a precision of 0.
    counts = confusion(ones(3), label, np.array([True, False, False]), np.arange(3))
    found = from_confusion(counts)
    assert found["precision"][0] == found["f1"][0] == 0
