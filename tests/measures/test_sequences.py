"""From images to sequences to patients: means and votes, with the rule for ties."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.measures.evaluator import evaluate
from osteon.measures.levels import PredictionsError
from osteon.measures.sequences import majority, to_patients, to_sequences
from osteon.recipes.evaluation import EvaluationConfig
from osteon.schemas import predictions as schema

SHARES = st.integers(0, 10).map(lambda tenth: tenth / 10)
laws = settings(max_examples=40, deadline=None)


def images(sequences, learner="wff", label=1):
    """Patient → sequence → probabilities of the positive class."""
    rows = [
        (f"{patient}{sequence}{k}", patient, sequence, score)
        for patient, parts in sequences.items()
        for sequence, scores in parts.items()
        for k, score in enumerate(scores)
    ]
    table = pd.DataFrame(rows, columns=["sample_id", "patient_id", "sequence_id", "prob_malignant"])
    return table.assign(
        paper="wff",
        learner=learner,
        fold=0,
        split="cv",
        label=label,
        prob_benign=1 - table["prob_malignant"],
    )[
        [
            *table.columns[:3],
            "paper",
            "learner",
            "fold",
            "split",
            "label",
            "prob_benign",
            "prob_malignant",
        ]
    ]


def votes(table):
    return dict(zip(table["sample_id"], table["vote"], strict=True))


def test_a_worked_example():
    found = to_sequences(images({"P1": {"T1": [0.9, 0.4, 0.4], "T2": [0.6, 0.7]}}))
    assert votes(found) == {"P1/T1": False, "P1/T2": True}
    np.testing.assert_allclose(found["prob_malignant"], [1.7 / 3, 0.65])
    np.testing.assert_allclose(found["vote_fraction"], [1 / 3, 1])
    assert found["members"].tolist() == [3, 2]
    patient = to_patients(found).iloc[0]
    # One vote each: the mean of the sequences, (1.7 / 3 + 0.65) / 2 = 0.61, decides.
    assert patient["vote"] and patient["vote_fraction"] == 0.5 and patient["members"] == 2
    assert patient["prob_malignant"] == pytest.approx((1.7 / 3 + 0.65) / 2)


def test_a_long_sequence_weighs_no_more_than_a_short_one():
    found = to_patients(to_sequences(images({"P1": {"a": [0.2] * 30, "b": [0.9], "c": [0.9]}})))
    assert found["vote"].tolist() == [True]
    assert found["prob_malignant"].iloc[0] == pytest.approx(2.0 / 3)


def test_ties_go_by_the_mean_and_then_to_the_positive_class():
    found = to_sequences(
        images({"P1": {"low": [0.6, 0.1], "high": [0.9, 0.4], "even": [0.7, 0.3], "half": [0.5]}})
    )
    assert votes(found) == {"P1/low": False, "P1/high": True, "P1/even": True, "P1/half": True}
    assert set(found.loc[:2, "vote_fraction"]) == {0.5}


@laws
@given(st.lists(st.tuples(st.integers(0, 3), SHARES), min_size=1, max_size=30))
def test_the_vote_is_what_counting_gives(members):
    names = sorted({group for group, _ in members})
    group = np.array([names.index(one) for one, _ in members])
    score = np.array([value for _, value in members])
    called = score >= 0.5
    vote, fraction = majority(called, score, group)
    for k in range(len(names)):
        own = group == k
        positive, negative = called[own].sum(), (~called[own]).sum()
        tenths = sum(round(10 * value) for value in score[own])
        tie = tenths >= 5 * own.sum()
        assert vote[k] == (tie if positive == negative else positive > negative)
        assert fraction[k] == positive / own.sum()


@laws
@given(st.lists(SHARES, min_size=1, max_size=9), st.randoms())
def test_the_order_of_images_does_not_matter(scores, random):
    mixed = list(scores)
    random.shuffle(mixed)
    here, there = (to_sequences(images({"P1": {"a": one}})) for one in (scores, mixed))
    assert here["vote"].tolist() == there["vote"].tolist()
    np.testing.assert_allclose(here["prob_malignant"], there["prob_malignant"])


def test_the_evaluator_judges_sequences_and_patients_as_it_judges_images():
    generator = np.random.default_rng(0)
    parts = [
        images(
            {f"P{p:02d}": {f"{p}-{s}": generator.random(3) / 2 + p % 2 / 2 for s in ("T1", "T2")}},
            label=p % 2,
        ).assign(fold=p // 2 % 2)
        for p in range(20)
    ]
    predictions = pd.concat(parts)
    for table, rows in (
        (to_sequences(predictions), 40),
        (to_patients(to_sequences(predictions)), None),
    ):
        schema.schema.validate(table, lazy=True)
        found = evaluate(table, EvaluationConfig(rounds=50), "wff").metrics["learners"]["wff"]
        assert found["patient"]["n_images"] == rows and found["patient"]["n_patients"] == 20
        assert ("image" in found) == (rows is not None), "a row a patient is no image"
        assert found["patient"]["scores"]["auroc"]["value"] == 1.0


def test_learners_are_kept_apart():
    both = pd.concat([images({"P1": {"a": [0.9]}}), images({"P1": {"a": [0.1]}}, "other")])
    assert to_sequences(both)["vote"].tolist() == [True, False]
    assert to_patients(to_sequences(both))["learner"].tolist() == ["wff", "other"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="sequence_id"), r"no columns \['sequence_id'\]"),
        (lambda t: t.drop(columns="prob_benign"), "1 prob_<class> columns found"),
        (lambda t: t.assign(prob_malignant=np.nan), "4 of 4 rows found with no"),
        (lambda t: t.assign(prob_malignant=1.5), "or a probability outside 0 to 1"),
        (lambda t: t.assign(sequence_id=None), "4 of 4 rows"),
        (lambda t: t.iloc[:0], "0 of 0 rows"),
        (lambda t: t.assign(label=[0, 1, 0, 0]), "wff/P1/a has more than one label"),
        (lambda t: t.assign(fold=[0, 0, 0, 1]), "wff/P1/b has more than one fold"),
    ],
)
def test_a_table_that_cannot_be_grouped_is_refused(change, said):
    table = images({"P1": {"a": [0.9, 0.4], "b": [0.6, 0.7]}})
    with pytest.raises(PredictionsError, match=said):
        to_sequences(change(table))


def test_patients_need_votes_and_one_label():
    sequences = to_sequences(images({"P1": {"a": [0.9], "b": [0.1]}}))
    with pytest.raises(PredictionsError, match=r"no columns \['vote'\]"):
        to_patients(sequences.drop(columns="vote"))
    with pytest.raises(PredictionsError, match="wff/P1 has more than one label"):
        to_patients(sequences.assign(label=[0, 1]))


def test_votes_that_cannot_be_counted_are_refused():
    called, score, group = np.array([True, False]), np.array([0.9, 0.1]), np.array([0, 0])
    with pytest.raises(ValueError, match="lengths 2, 1, 2 found"):
        majority(called, score[:1], group)
    with pytest.raises(ValueError, match="score: values outside 0 to 1"):
        majority(called, np.array([0.9, np.nan]), group)
    with pytest.raises(ValueError, match="group: 0 has no member"):
        majority(called, score, np.array([1, 1]))
