"""Age-matched pairs: as many and as near as can be, whatever the names."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.measures.age_matched import match
from osteon.measures.evaluator import evaluate
from osteon.recipes.evaluation import EvaluationConfig

BASE, ALL = "resnet18_baseline", "resnet18_all"
CONFIG = EvaluationConfig(rounds=300)


def best_by_trying_all(age, label, caliper):
    """(number of pairs, sum of differences) of the best of all ways to pair."""
    positive, negative = age[label == 1], age[label == 0]
    best = (0, 0.0)
    for size in range(1, min(len(positive), len(negative)) + 1):
        for some in combinations(range(len(positive)), size):
            for others in permutations(range(len(negative)), size):
                apart = np.abs(positive[list(some)] - negative[list(others)])
                if (apart <= caliper).all():
                    best = max(best, (size, -float(apart.sum())))
    return best


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1)), min_size=2, max_size=8),
    st.sampled_from([0.0, 1.0, 3.0]),
)
def test_as_many_pairs_as_possible_and_of_those_the_nearest(patients, caliper):
    age = np.array([float(years) for years, _ in patients])
    label = np.array([one for _, one in patients])
    positive, negative = match(age, label, caliper)
    apart = np.abs(age[positive] - age[negative])
    assert (label[positive] == 1).all() and (label[negative] == 0).all()
    assert len(set(positive)) == len(set(negative)) == len(positive)
    number, total = best_by_trying_all(age, label, caliper)
    assert (apart <= caliper).all() and len(positive) == number
    assert apart.sum() == pytest.approx(-total)


def test_unknown_ages_are_not_matched():
    positive, negative = match(np.array([5.0, np.nan, 5, np.nan]), np.array([1, 1, 0, 0]), 2.0)
    assert (positive.tolist(), negative.tolist()) == ([0], [2])


@pytest.fixture
def aged(make_predictions):
    """Young positives and old negatives that overlap; one learner reads the age only."""
    table = make_predictions({BASE: 1.5, ALL: 3.0}, patients=120)
    generator = np.random.default_rng(2)
    label = np.arange(120) % 2 == 0
    age = np.round(np.where(label, 18, 30) + 9 * generator.normal(size=120)).clip(2, 95)
    number = table["patient_id"].str[1:].astype(int)
    table["age"] = age[number]
    by_age = table[table["learner"] == BASE].assign(learner="by_age")
    positive = 1 - by_age["age"] / 100
    by_age = by_age.assign(prob_osteosarcoma=positive, prob_non_tumour=1 - positive)
    import pandas as pd

    return pd.concat([table, by_age], ignore_index=True)


def test_age_says_nothing_among_matched_patients_but_a_good_learner_does(aged):
    metrics = evaluate(aged, CONFIG, BASE).metrics
    found = metrics["age_matched"]
    assert found["age_auroc_unmatched"] > 0.75 and abs(found["age_auroc"]["value"] - 0.5) < 0.06
    assert found["n_patients"] == 2 * found["pairs"] and found["caliper_years"] == 2
    before = metrics["learners"]["by_age"]["patient"]["scores"]["auroc"]["value"]
    by_age = found["learners"]["by_age"]
    assert before > 0.75 and abs(by_age["auroc"]["value"] - 0.5) < 0.06
    assert by_age["difference"]["hi"] < 0 and by_age["difference"]["p"] < 0.05
    assert found["learners"][ALL]["auroc"]["lo"] > 0.5
    assert found["learners"][BASE]["difference"] is None
    for one in found["learners"].values():
        assert one["auroc"]["lo"] <= one["auroc"]["value"] <= one["auroc"]["hi"]


def test_only_patients_whom_all_judged_are_matched_and_it_is_said(aged):
    gone = (aged["learner"] == ALL) & (aged["fold"] == 0)
    whole, part = (evaluate(t, CONFIG, BASE).metrics["age_matched"] for t in (aged, aged[~gone]))
    assert part["pairs"] < whole["pairs"]
    assert "out of 48 positive and 48 negative patients whom all learners judged" in part["note"]


def test_without_ages_or_pairs_it_is_said_why(aged):
    note = evaluate(aged.drop(columns="age"), CONFIG, BASE).metrics["age_matched"]
    assert note == {"note": "not made: no age is known"}
    apart = aged.assign(age=aged["label"] * 40.0 + 10)
    note = evaluate(apart, CONFIG, BASE).metrics["age_matched"]
    assert note == {
        "note": "not made: 0 pairs of patients within 2 years of age, at least 5 needed"
    }
    assert evaluate(aged.assign(age=None), CONFIG, BASE).metrics["age_matched"]["note"]


def test_one_class_has_no_pairs(aged):
    note = evaluate(aged[aged["label"] == 0], CONFIG, BASE).metrics["age_matched"]["note"]
    assert "0 pairs" in note
