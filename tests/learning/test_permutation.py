"""Choices between patients: images of a patient stay together, balance is kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.learning.permutation import hold_back_patients, permute_labels

cohorts = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 4)), min_size=4, max_size=30)


def spread(cohort: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    labels = np.concatenate([[label] * views for label, views in cohort])
    patients = np.concatenate([[f"P{n:03d}"] * views for n, (_, views) in enumerate(cohort)])
    return labels.astype(np.int64), patients


@given(cohorts, st.integers(0, 99), st.integers(1, 3))
def test_permuted_labels_keep_patients_together_and_folds_balanced(cohort, seed, folds) -> None:
    labels, patients = spread(cohort)
    number = np.unique(patients, return_inverse=True)[1]
    parts = [np.flatnonzero(number % folds == k) for k in range(folds)]
    found = permute_labels(labels, patients, seed, parts)
    assert all(len(set(found[patients == patient])) == 1 for patient in set(patients))
    first = np.unique(patients, return_index=True)[1]
    for part in parts:
        own = np.intersect1d(part, first)
        assert sorted(found[own]) == sorted(labels[own])
    assert found.tolist() == permute_labels(labels, patients, seed, parts).tolist()


def test_permuted_labels_say_nothing_about_the_true_ones() -> None:
    labels, patients = spread([(n % 2, 2) for n in range(40)])
    agreement = [np.mean(permute_labels(labels, patients, s) == labels) for s in range(400)]
    assert abs(np.mean(agreement) - 0.5) < 0.02
    assert np.std(agreement) > 0.03


def test_image_level_parts_do_not_bind_the_permutation() -> None:
    labels, patients = spread([(n % 2, 2) for n in range(10)])
    parts = [np.arange(0, 20, 2), np.arange(1, 20, 2)]  # every patient lies in both
    assert sorted(permute_labels(labels, patients, 0, parts)) == sorted(labels)


def test_a_patient_of_two_classes_cannot_be_permuted() -> None:
    with pytest.raises(ValueError, match="images of two classes"):
        permute_labels(np.array([0, 1]), np.array(["P", "P"]), 0)


@given(cohorts, st.floats(0.05, 0.5), st.integers(0, 9))
def test_held_back_patients_come_from_the_training_part_whole(cohort, fraction, seed) -> None:
    labels, patients = spread([*cohort, (0, 1), (0, 2), (1, 1), (1, 2)])
    names = np.unique(patients)
    train = np.flatnonzero(~np.isin(patients, names[:2]) | np.isin(patients, names[-4:]))
    fitted, held = hold_back_patients(patients, labels, train, fraction, (seed, 0))
    assert sorted([*fitted, *held]) == train.tolist()
    assert not set(patients[fitted]) & set(patients[held])
    assert set(labels[held]) == set(labels[fitted]) == {0, 1}


def test_a_class_with_one_patient_cannot_be_held_back() -> None:
    labels, patients = spread([(0, 1), (0, 1), (1, 3)])
    with pytest.raises(ValueError, match=r"class 1 has 1 training patient\(s\), needs 2"):
        hold_back_patients(patients, labels, np.arange(5), 0.5, (0,))


@given(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=5), min_size=4, max_size=20))
def test_patients_of_slices_with_and_without_a_lesion_are_held_back_whole(slices) -> None:
    slices = [*slices, [0, 1], [1, 0, 1]]  # two have one at least
    labels = np.concatenate(slices)
    patients = np.repeat(np.arange(len(slices)), [len(one) for one in slices])
    fitted, held = hold_back_patients(patients, labels, np.arange(len(labels)), 0.3, (0, 0))
    assert sorted([*fitted, *held]) == list(range(len(labels)))
    assert not set(patients[fitted]) & set(patients[held])
    assert labels[held].any() and labels[fitted].any()


def test_the_only_patient_without_a_lesion_is_fitted() -> None:
    patients, labels = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 0, 1, 1, 0])
    fitted, held = hold_back_patients(patients, labels, np.arange(6), 0.5, (0,))
    assert set(patients[fitted]) > {0} and len(set(patients[held])) == 1
    with pytest.raises(ValueError, match=r"class 1 has 1 training patient\(s\), needs 2"):
        hold_back_patients(patients, labels, np.arange(4), 0.5, (0,))
