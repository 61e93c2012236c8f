"""Eq. 1 and its votes against loops, by hand, and by their laws."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.measures.fusion import explain, grid, votes
from osteon.measures.sequences import majority, to_patients, to_sequences
from tests.fusion_reference import of_patient, patients_of
from tests.measures.fusion_cohorts import LAMBDAS, NONE, ROWS, cohort, random_terms, tables_of

NO_BOX = ("skip", "uniform")
laws = settings(max_examples=25, deadline=None)
TENTH = st.integers(0, 10).map(lambda tenth: tenth / 10)
MAYBE = st.one_of(st.just(np.nan), TENTH)
WEIGHT = st.tuples(*[st.integers(0, 20)] * 3).filter(any)
# Patients as (A, [(M, [D, ...]), ...]).
PATIENT = st.tuples(
    MAYBE,
    st.lists(st.tuples(MAYBE, st.lists(MAYBE, min_size=1, max_size=5)), min_size=1, max_size=4),
)


def one(patient, lambdas, no_box="skip"):
    """Vote and score of one patient by one row of weights."""
    found = votes(cohort([patient]), np.array([lambdas], dtype=np.float64), no_box)
    return bool(found.vote[0, 0]), float(found.score[0, 0])


@pytest.mark.parametrize("no_box", NO_BOX)
def test_ten_thousand_patients_as_the_loops_have_them(no_box) -> None:
    terms = random_terms(10_000, seed=3)
    found, nested = votes(terms, LAMBDAS, no_box), patients_of(terms)
    for k, row in enumerate(LAMBDAS.tolist()):
        wanted = [of_patient(row, patient, no_box) for patient in nested]
        assert found.vote[k].tolist() == [vote for vote, _ in wanted], row
        np.testing.assert_allclose(found.score[k], [score for _, score in wanted], 0, 1e-12)


def test_nothing_hangs_on_rounding() -> None:
    terms = random_terms(600, seed=4)

    def exact(value):
        return None if value is None else Fraction(round(10 * value), 10)

    nested = [
        (exact(a), [(exact(m), [exact(d) for d in ds]) for m, ds in own])
        for a, own in patients_of(terms)
    ]
    found = votes(terms, LAMBDAS)
    for k, row in enumerate(LAMBDAS.tolist()):
        weights = [Fraction(round(100 * weight), 100) for weight in row]
        wanted = [of_patient(weights, patient) for patient in nested]
        assert found.vote[k].tolist() == [vote for vote, _ in wanted], row
        scores = np.array([float(score) for _, score in wanted])
        np.testing.assert_array_equal(found.score[k] >= 0.5, scores >= 0.5)


def test_ties_and_missing_terms_abound_in_those_patients() -> None:
    terms = random_terms(10_000, seed=3)
    how = explain(terms, ROWS["det_seq_age"])
    assert set(how.sequences["decided_by"]) == {
        "majority",
        "mean of a tie",
        "sequence model and age: no box",
        "abstains",
    }
    assert set(how.patients["decided_by"]) == {
        "majority",
        "mean of a tie",
        "age alone: no box",
        "undecided: called malignant",
    }
    for table in (how.sequences, how.patients):
        assert table["decided_by"].value_counts().min() >= 20


@pytest.mark.parametrize(
    ("patient", "lambdas", "vote", "score"),
    [
        # Eq. 1: (0.45 x 0.8 + 0.45 x 0.4 + 0.1 x 0.2) / 1.
        ((0.2, [(0.4, [0.8])]), ROWS["det_seq_age"], True, 0.56),
        # A missing term drops out: (0.45 x 0.8 + 0.1 x 0.2) / 0.55, (0.45 x 0.8 + 0.45 x 0.4) / .9.
        ((0.2, [(NONE, [0.8])]), ROWS["det_seq_age"], True, 0.38 / 0.55),
        ((NONE, [(0.4, [0.8])]), ROWS["det_seq_age"], True, 0.6),
        # Two of three images are benign, the mean is malignant: the majority decides.
        ((NONE, [(NONE, [0.9, 0.4, 0.4])]), ROWS["det"], False, 1.7 / 3),
        # A tie goes by the mean, and at 0.5 to malignant.
        ((NONE, [(NONE, [0.9, 0.4])]), ROWS["det"], True, 0.65),
        ((NONE, [(NONE, [0.6, 0.1])]), ROWS["det"], False, 0.35),
        ((NONE, [(NONE, [0.7, 0.3])]), ROWS["det"], True, 0.5),
        # So for sequences: means 0.9 and 0.2; a long sequence weighs no more than a short one.
        ((NONE, [(NONE, [0.9]), (NONE, [0.2] * 9)]), ROWS["det"], True, 0.55),
        ((NONE, [(NONE, [0.6]), (NONE, [0.2] * 9)]), ROWS["det"], False, 0.4),
        # An image without a box has no vote beside one that has a box.
        ((NONE, [(0.3, [0.9, NONE, NONE])]), ROWS["det_seq"], True, 0.6),
        # A sequence without a box is called by M and A: (0.45 x 0.2 + 0.1 x 0.9) / 0.55.
        ((0.9, [(0.2, [NONE, NONE])]), ROWS["det_seq_age"], False, 0.18 / 0.55),
        # Without M, or without a weight of it, it abstains: the other one alone decides.
        ((0.1, [(NONE, [NONE]), (0.9, [0.9])]), ROWS["det_seq_age"], True, 0.82),
        ((0.1, [(0.1, [NONE]), (0.1, [0.9])]), ROWS["det_age"], True, 0.415 / 0.55),
        # If all abstain: age, or nothing at all, which is called malignant.
        ((0.3, [(NONE, [NONE])]), ROWS["det_seq_age"], False, 0.3),
        ((0.3, [(0.1, [NONE])]), ROWS["det"], True, 0.5),
        ((NONE, [(0.1, [NONE])]), ROWS["det_age"], True, 0.5),
        ((0.3, [(NONE, [0.1])]), ROWS["seq_age"], False, 0.3),
        # Without the detector boxes do not matter; age alone is the vote of every sequence.
        ((NONE, [(0.7, [NONE, 0.1])]), ROWS["seq"], True, 0.7),
        ((0.5, [(0.1, [0.1])]), ROWS["age"], True, 0.5),
        ((NONE, [(0.1, [0.1])]), ROWS["age"], True, 0.5),
    ],
)
def test_by_hand(patient, lambdas, vote, score) -> None:
    assert one(patient, lambdas) == (vote, pytest.approx(score, abs=1e-12))


def test_without_a_box_d_may_stand_for_no_evidence() -> None:
    assert one((NONE, [(NONE, [0.9, NONE, NONE])]), ROWS["det"], "uniform")[1] == pytest.approx(
        1.9 / 3
    )
    assert one((0.2, [(NONE, [NONE])]), ROWS["det_age"], "uniform") == (
        False,
        pytest.approx((0.45 * 0.5 + 0.1 * 0.2) / 0.55),
    )


@laws
@given(st.lists(PATIENT, min_size=1, max_size=6), WEIGHT, st.floats(1e-3, 1e3))
def test_scaling_all_weights_changes_nothing(patients, weights, factor) -> None:
    terms, row = cohort(patients), np.array([weights], dtype=np.float64)
    here, there = votes(terms, row), votes(terms, factor * row)
    np.testing.assert_array_equal(here.vote, there.vote)
    np.testing.assert_allclose(here.score, there.score, 0, 2e-12)


@laws
@given(st.lists(PATIENT, min_size=1, max_size=6), st.randoms(), st.sampled_from(NO_BOX))
def test_the_order_of_patients_sequences_and_images_changes_nothing(patients, random, no_box):
    order = random.sample(range(len(patients)), len(patients))
    mixed = []
    for k in order:
        a, own = patients[k]
        own = [(m, random.sample(d, len(d))) for m, d in own]
        mixed.append((a, random.sample(own, len(own))))
    here, there = (votes(cohort(one), LAMBDAS, no_box) for one in (patients, mixed))
    np.testing.assert_array_equal(here.vote[:, order], there.vote)
    np.testing.assert_allclose(here.score[:, order], there.score, 0, 2e-12)


@laws
@given(TENTH, st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=1), WEIGHT)
def test_terms_that_agree_give_what_they_agree_on(p, sizes, weights) -> None:
    terms = cohort([(p, [(p, [p] * size) for size in own]) for own in sizes])
    found = votes(terms, np.array([weights], dtype=np.float64))
    np.testing.assert_allclose(found.score, p, 0, 1e-12)
    assert (found.vote == (p >= 0.5)).all()


def counted(called, score, place):
    """Place → vote and mean score of its members with a score, by `majority`."""
    there = ~np.isnan(score)
    if not there.any():
        return {}
    places, group = np.unique(place[there], return_inverse=True)
    vote, _ = majority(called[there], score[there], group)
    mean = np.bincount(group, score[there]) / np.bincount(group)
    return dict(zip(places.tolist(), zip(vote.tolist(), mean.tolist(), strict=True), strict=True))


@laws
@given(st.lists(PATIENT, min_size=1, max_size=8), st.floats(0.01, 9))
def test_a_row_of_one_term_is_that_term_s_vote(patients, weight) -> None:
    terms = cohort(patients)
    found = votes(terms, weight * np.eye(3))
    by_d = counted(terms.d >= 0.5, terms.d, terms.sequence)
    sequences = np.arange(len(terms.m))
    d_vote = np.array([by_d.get(s, (False, NONE))[0] for s in sequences])
    d_score = np.array([by_d.get(s, (False, NONE))[1] for s in sequences])
    wanted = [
        counted(d_vote, d_score, terms.patient),
        counted(terms.m >= 0.5, terms.m, terms.patient),
        counted(terms.a >= 0.5, terms.a, np.arange(len(terms.a))),
    ]
    for k, own in enumerate(wanted):
        for p in range(len(terms.a)):
            vote, score = own.get(p, (True, 0.5))
            assert found.vote[k, p] == vote
            assert found.score[k, p] == pytest.approx(score, abs=1e-12)


def test_the_detector_alone_votes_as_the_tables_of_sequences_do() -> None:
    terms = random_terms(300, seed=6)
    terms = replace(terms, d=np.where(np.isnan(terms.d), 0.4, terms.d))
    images, _, patients = tables_of(terms)
    rows = images.merge(patients, on="patient_id").assign(
        learner="det", paper="wff", fold=0, split="test", prob_benign=1 - images["d"]
    )
    rows = rows.assign(prob_malignant=rows["d"])
    wanted = to_patients(to_sequences(rows))
    found = votes(terms, np.array([ROWS["det"]]))
    assert found.vote[0].tolist() == wanted["vote"].tolist()
    np.testing.assert_allclose(found.score[0], wanted["prob_malignant"], 0, 1e-12)


def test_the_grid_is_exact_and_on_the_simplex() -> None:
    rows = grid()
    assert rows.shape == (231, 3) and len(np.unique(rows, axis=0)) == 231
    np.testing.assert_array_equal(rows, np.round(rows * 20) / 20)
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    for wanted in ((0.45, 0.45, 0.1), (1, 0, 0), (0, 0, 1), (0.05, 0.9, 0.05)):
        assert (rows == wanted).all(axis=1).sum() == 1
    assert grid(0.5).tolist() == [
        [0, 0, 1],
        [0, 0.5, 0.5],
        [0, 1, 0],
        [0.5, 0, 0.5],
        [0.5, 0.5, 0],
        [1, 0, 0],
    ]
    for step in (0.3, 0, -0.5, 2):
        with pytest.raises(ValueError, match=r"step: .* a positive value that divides 1"):
            grid(step)


@pytest.mark.parametrize(
    ("lambdas", "said"),
    [
        ([[0.5, -0.1, 0.6]], r"lambdas: \[0.5, -0.1, 0.6\] found, finite values of 0 or more"),
        ([[0.5, np.nan, 0.6]], "lambdas: .*nan.* found, finite"),
        ([[1, 0, 0], [0, 0, 0]], r"lambdas: \[0, 0, 0\] found, at least one"),
        ([0.5, 0.5, 0], r"lambdas: shape \(3,\) found, \(L, 3\)"),
        ([[0.5, 0.5]], r"lambdas: shape \(1, 2\) found"),
        (np.empty((0, 3)), r"lambdas: shape \(0, 3\) found"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(lambdas, said) -> None:
    with pytest.raises(ValueError, match=said):
        votes(random_terms(3), np.array(lambdas))


def test_other_arguments_are_refused_by_name() -> None:
    terms = random_terms(3)
    with pytest.raises(ValueError, match="no_box: 'half' found, skip or uniform allowed"):
        votes(terms, LAMBDAS, "half")
    with pytest.raises(ValueError, match=r"lambdas: shape \(8, 3\) found, \(3,\) needed"):
        explain(terms, LAMBDAS)
