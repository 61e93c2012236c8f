"""Temperature: the maximum likelihood one, and never from what it is applied to."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from osteon.measures import temperature
from osteon.measures.levels import at_level, checked

ALL = "resnet18_all"


def drawn(n=4000, stretch=2.0, seed=0):
    generator = np.random.default_rng(seed)
    true = generator.normal(size=n)
    return (generator.random(n) < expit(true)).astype(int), expit(stretch * true)


def test_is_the_inverse_slope_of_a_regression_without_intercept():
    label, probability = drawn(400)
    fit = sm.Logit(label, logit(probability)).fit(disp=0)
    assert temperature.fit(label, probability) == pytest.approx(1 / fit.params[0], rel=1e-4)


def test_finds_the_stretch_of_overconfident_probabilities():
    assert temperature.fit(*drawn(40_000)) == pytest.approx(2, rel=0.05)


def test_separated_classes_end_at_the_range_and_one_class_is_refused():
    label = np.array([0, 0, 1, 1])
    separated = temperature.fit(label, np.array([0.2, 0.3, 0.7, 0.8]))
    assert separated == pytest.approx(temperature.LEAST, rel=0.01)
    with pytest.raises(ValueError, match="needs both 0 and 1"):
        temperature.fit(np.ones(3, dtype=int), np.array([0.2, 0.3, 0.7]))


def rows(predictions, level="image"):
    frame = checked(predictions)
    return at_level(frame[frame["learner"] == ALL], level)


def test_a_fold_has_no_part_in_its_own_temperature(predictions):
    before = temperature.applied(rows(predictions)).by_fold
    inside = predictions["fold"] == 1
    positive = predictions["prob_osteosarcoma"].mask(inside, 0.5)
    after = temperature.applied(
        rows(predictions.assign(prob_osteosarcoma=positive, prob_non_tumour=1 - positive))
    ).by_fold
    assert after[1] == before[1]
    assert all(after[fold] != before[fold] for fold in (0, 2, 3, 4))


@pytest.mark.parametrize("level", ["image", "patient"])
def test_a_row_is_tempered_by_the_temperature_of_its_fold(predictions, level):
    judged = rows(predictions, level)
    cooled = temperature.applied(judged)
    own = np.array([cooled.by_fold[fold] for fold in judged.fold])
    kept = np.clip(judged.score, 1e-6, 1 - 1e-6)
    np.testing.assert_allclose(cooled.judged.score, expit(logit(kept) / own))
    assert "cross-fitted, not nested" in cooled.note


def test_without_another_fold_or_with_divided_patients_there_is_none_and_why(predictions):
    alone = temperature.applied(rows(predictions.assign(fold=0)))
    assert alone.judged is None and alone.by_fold == {} and "no other fold" in alone.note
    predictions["fold"] = np.arange(len(predictions)) % 5
    divided = temperature.applied(rows(predictions, "patient"))
    assert divided.judged is None and "divided" in divided.note
