"""Bayes' rule both ways, and the printed figures of the PENN paper as the sheet works them out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.measures.discrimination import from_confusion
from osteon.measures.prevalence import at_prevalence, behind, stated

COUNT = st.integers(0, 400)


def counts_of(*numbers):
    return {
        name: np.array([float(number)])
        for name, number in zip(("tp", "fp", "fn", "tn"), numbers, strict=True)
    }


@given(COUNT, COUNT, COUNT, COUNT)
def test_at_its_own_share_everything_is_as_it_was(tp, fp, fn, tn):
    positives, negatives = tp + fn, fp + tn
    if not positives or not negatives:
        return
    counts = counts_of(tp, fp, fn, tn)
    own = from_confusion(counts)
    share = positives / (positives + negatives)
    found = at_prevalence(own["sensitivity"], own["specificity"], share)
    for name in ("accuracy", "precision", "f1"):
        np.testing.assert_allclose(found[name], own[name], atol=1e-12)


@given(st.floats(0.01, 1), st.floats(0.01, 0.99), st.floats(0.02, 0.98))
def test_the_share_behind_three_figures_is_found_again(sensitivity, specificity, share):
    found = at_prevalence(np.array(sensitivity), np.array(specificity), share)
    back = behind(float(found["precision"]), sensitivity, float(found["accuracy"]))
    assert back["prevalence"] == pytest.approx(share)
    assert back["specificity"] == pytest.approx(specificity)


def test_the_paper_s_figures_look_balanced():
    # Sheet 6.6: 37.1 % for PENN and 35.9 % for MultiResUNet, near 40 % and far from 6 %.
    penn, other = behind(0.906, 0.911, 0.932), behind(0.868, 0.857, 0.902)
    assert penn["prevalence"] == pytest.approx(0.371, abs=5e-4)
    assert other["prevalence"] == pytest.approx(0.359, abs=5e-4)
    natural = at_prevalence(np.array(0.911), np.array(penn["specificity"]), 0.06)
    assert float(natural["precision"]) == pytest.approx(0.511, abs=1e-3)
    assert float(natural["f1"]) == pytest.approx(0.655, abs=1e-3)


def test_precision_rises_with_the_share_and_recall_is_not_asked():
    shares = np.linspace(0.05, 0.95, 10)
    found = [float(at_prevalence(np.array(0.8), np.array(0.9), one)["precision"]) for one in shares]
    assert np.all(np.diff(found) > 0)


def test_nobody_called_positive_has_no_precision_and_no_f1():
    found = at_prevalence(np.array([0.0]), np.array([1.0]), 0.4)
    assert np.isnan(found["precision"]).all() and np.isnan(found["f1"]).all()
    assert found["accuracy"] == pytest.approx(0.6)


def test_stated_shares_are_named_as_the_predictive_values_are():
    counts = counts_of(40, 10, 5, 200)
    found = stated(counts, (0.06, 0.5))
    assert set(found) == {"accuracy_at_0.06", "f1_at_0.06", "accuracy_at_0.5", "f1_at_0.5"}
    every = from_confusion(counts, (0.5,))
    f1 = 2 * every["ppv_at_0.5"] * every["sensitivity"]
    np.testing.assert_allclose(
        found["f1_at_0.5"], f1 / (every["ppv_at_0.5"] + every["sensitivity"])
    )


def test_bad_shares_and_figures_are_refused():
    for share in (0.0, 1.0, 1.5):
        with pytest.raises(ValueError, match="share"):
            at_prevalence(np.array(0.5), np.array(0.5), share)
    with pytest.raises(ValueError, match=r"recall: 91\.1 found"):
        behind(0.9, 91.1, 0.9)
    assert np.isnan(behind(1.0, 1.0, 1.0)["prevalence"])
