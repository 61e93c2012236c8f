"""The search tries every weight, chooses by the rule, and says what peeking would have added."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from osteon.measures.fusion import grid, of_patients, votes
from osteon.measures.fusion_search import (
    PUBLISHED,
    WEIGHTS,
    aggregation,
    choose,
    logits_of,
    optimism,
    search,
    stacking,
)
from tests.measures.fusion_cohorts import random_terms

TERMS = random_terms(120, seed=1)
OTHER = random_terms(60, seed=2)


def of_class(terms, label):
    return of_patients(terms, terms.label == label)


def test_each_row_is_what_scikit_learn_makes_of_its_votes() -> None:
    found = search(TERMS, grid(0.1))
    made = votes(TERMS, grid(0.1))
    assert list(found.columns) == [*WEIGHTS, "accuracy", "auroc", "sensitivity", "specificity"]
    np.testing.assert_array_equal(found[WEIGHTS], grid(0.1))
    for k, row in enumerate(found.itertuples()):
        label, vote = TERMS.label, made.vote[k]
        assert row.accuracy == sk.accuracy_score(label, vote)
        assert row.auroc == pytest.approx(sk.roc_auc_score(label, made.score[k]), abs=1e-12)
        assert row.sensitivity == sk.recall_score(label, vote)
        assert row.specificity == sk.recall_score(label, vote, pos_label=0)


def test_what_needs_an_absent_class_is_nan() -> None:
    for label, name in ((0, "sensitivity"), (1, "specificity")):
        found = search(of_class(TERMS, label), grid(0.5))
        assert found[["auroc", name]].isna().all(axis=None)
        assert found["accuracy"].notna().all()
        assert len(choose(found)) == 3 if (found[WEIGHTS] > 0).all(axis=1).any() else True


def table(*rows):
    return pd.DataFrame(rows, columns=[*WEIGHTS, "accuracy", "auroc"])


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        # Accuracy first, whatever the AUROC.
        ([(0.4, 0.4, 0.2, 0.8, 0.9), (0.2, 0.4, 0.4, 0.9, 0.5)], (0.2, 0.4, 0.4)),
        # Then AUROC; one that is not defined is behind.
        ([(0.4, 0.4, 0.2, 0.9, 0.8), (0.2, 0.4, 0.4, 0.9, 0.81)], (0.2, 0.4, 0.4)),
        ([(0.4, 0.4, 0.2, 0.9, np.nan), (0.2, 0.4, 0.4, 0.9, 0.3)], (0.2, 0.4, 0.4)),
        # Then nearest to the published weights, on the simplex.
        ([(0.2, 0.4, 0.4, 0.9, 0.8), (4, 4, 2, 0.9, 0.8)], (4, 4, 2)),
        # Then the first: these two are equally far.
        ([(0.4, 0.5, 0.1, 0.9, 0.8), (0.5, 0.4, 0.1, 0.9, 0.8)], (0.4, 0.5, 0.1)),
        ([(0.5, 0.4, 0.1, 0.9, 0.8), (0.4, 0.5, 0.1, 0.9, 0.8)], (0.5, 0.4, 0.1)),
    ],
)
def test_the_rule_of_choice(rows, wanted) -> None:
    assert choose(table(*rows)) == wanted


def test_a_row_named_after_three_terms_uses_three() -> None:
    rows = table((1, 0, 0, 1.0, 1.0), (0.3, 0.3, 0.4, 0.5, 0.5))
    assert choose(rows) == (0.3, 0.3, 0.4)
    assert choose(rows, interior=False) == (1, 0, 0)
    with pytest.raises(ValueError, match="found: 1 rows of weights, none with all three above 0"):
        choose(rows.iloc[:1])
    with pytest.raises(ValueError, match=r"lambdas: \[0, 0, 0\] found"):
        choose(rows, near=(0, 0, 0))


def test_optimism_is_what_the_two_searches_say() -> None:
    told = optimism(TERMS, OTHER, grid())
    json.dumps(told, allow_nan=False)
    oof, test = search(TERMS, grid()), search(OTHER, grid())
    inside = (oof[WEIGHTS] > 0).all(axis=1)
    assert told["tried"] == inside.sum() == 171
    assert tuple(told["chosen"]["lambdas"]) == choose(oof)
    assert told["chosen"]["oof"]["accuracy"] == oof.loc[inside, "accuracy"].max()
    assert tuple(told["best_on_test"]["lambdas"]) == choose(test)
    assert told["best_on_test"]["test"]["accuracy"] == test.loc[inside, "accuracy"].max()
    honest = test[(test[WEIGHTS] == choose(oof)).all(axis=1)].iloc[0]
    assert told["chosen"]["test"] == {name: honest[name] for name in ("accuracy", "auroc")}
    assert told["gap"] == pytest.approx(test.loc[inside, "accuracy"].max() - honest["accuracy"])
    assert told["gap"] > 0
    tied = inside & (oof["accuracy"] == oof.loc[inside, "accuracy"].max())
    assert told["ties"] == tied.sum()
    among = test.loc[tied, "accuracy"]
    assert told["ties_test_accuracy"] == [among.min(), among.max()]
    printed = search(OTHER, np.array([PUBLISHED])).iloc[0]
    assert told["published"]["lambdas"] == list(PUBLISHED)
    assert told["published"]["test"]["accuracy"] == printed["accuracy"]
    assert told["patients"] == {"oof": 120, "test": 60}


def test_optimism_without_a_class_or_a_gap() -> None:
    told = optimism(TERMS, of_class(OTHER, 1), grid(0.2))
    json.dumps(told, allow_nan=False)
    assert told["chosen"]["test"]["auroc"] is None
    assert optimism(TERMS, TERMS, grid(0.2))["gap"] == 0


def test_stacking_predicts_the_test_part_by_the_logits_of_the_training_part() -> None:
    found = stacking(TERMS, OTHER)
    assert found.oof.shape == (120,) and found.test.shape == (60,)
    wanted = 1 / (1 + np.exp(-(logits_of(OTHER) @ np.array(found.weights) + found.intercept)))
    np.testing.assert_allclose(found.test, wanted)
    assert sk.roc_auc_score(TERMS.label, found.oof) > 0.6
    # The test part's labels and terms have no part in it.
    again = stacking(TERMS, of_class(OTHER, 1))
    assert again.weights == found.weights
    np.testing.assert_array_equal(again.test, found.test[OTHER.label == 1])
    with pytest.raises(ValueError, match=r"oof: labels \[1\] only found"):
        stacking(of_class(TERMS, 1), OTHER)


def test_logits_of_a_patient_weigh_sequences_alike_and_absence_not_at_all() -> None:
    logits = logits_of(TERMS)
    for p in range(len(TERMS.a)):
        series = np.flatnonzero(TERMS.patient == p)
        per_series = [TERMS.d[TERMS.sequence == s] for s in series]
        d = [one[~np.isnan(one)].mean() for one in per_series if not np.isnan(one).all()]
        m = TERMS.m[series][~np.isnan(TERMS.m[series])]
        means = [np.mean(d) if d else 0.5, m.mean() if len(m) else 0.5]
        means.append(0.5 if np.isnan(TERMS.a[p]) else TERMS.a[p])
        clipped = np.clip(means, 1e-6, 1 - 1e-6)
        np.testing.assert_allclose(logits[p], np.log(clipped / (1 - clipped)), atol=1e-9)


def test_votes_and_mean_probabilities_share_a_score_and_differ_in_calls() -> None:
    told = aggregation(TERMS, PUBLISHED)
    json.dumps(told, allow_nan=False)
    found = votes(TERMS, np.array([PUBLISHED]))
    by_mean = found.score[0] >= 0.5
    assert told["vote"]["accuracy"] == sk.accuracy_score(TERMS.label, found.vote[0])
    assert told["mean"]["accuracy"] == sk.accuracy_score(TERMS.label, by_mean)
    assert told["mean"]["sensitivity"] == sk.recall_score(TERMS.label, by_mean)
    assert told["auroc"] == pytest.approx(sk.roc_auc_score(TERMS.label, found.score[0]))
    assert told["otherwise"] == (found.vote[0] != by_mean).sum() > 0
    assert aggregation(of_class(TERMS, 1), PUBLISHED)["vote"]["specificity"] is None
