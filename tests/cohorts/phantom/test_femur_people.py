"""Class shares hold at every size; ages are the paper's, or the clinic's when asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.cohorts.phantom.femur import FemurPhantomConfig
from osteon.cohorts.phantom.femur_people import AGE_MAX, AGE_MIN, draw_age, label_of


def ages(config: FemurPhantomConfig, label: str, count: int = 4000) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.array([draw_age(rng, config, label) for _ in range(count)])


@given(st.integers(0, 1000), st.floats(0.05, 0.9), st.integers(1, 150))
@settings(max_examples=40, deadline=None)
def test_two_classes_keep_their_shares_in_every_stretch(
    seed: int, share: float, count: int
) -> None:
    config = FemurPhantomConfig(seed=seed, malignant_fraction=share)
    found = sum(label_of(config, index) == "malignant" for index in range(count))
    assert abs(found - share * count) <= 1


@given(st.integers(0, 1000), st.integers(1, 150))
@settings(max_examples=40, deadline=None)
def test_three_classes_keep_their_shares_in_every_stretch(seed: int, count: int) -> None:
    config = FemurPhantomConfig(seed=seed, classes=3)
    labels = [label_of(config, index) for index in range(count)]
    assert abs(labels.count("malignant") - config.malignant_fraction * count) <= 1
    assert abs(labels.count("intermediate") - config.intermediate_fraction * count) <= 2


def test_the_papers_cohort_has_the_papers_counts() -> None:
    labels = [label_of(FemurPhantomConfig(), index) for index in range(500)]
    assert abs(labels.count("malignant") - 165) <= 1


def test_ages_are_the_papers() -> None:
    found = ages(FemurPhantomConfig(), "benign")
    assert found.min() == AGE_MIN and found.max() <= AGE_MAX
    assert found.mean() == pytest.approx(63.2, abs=1.0) and found.std() == pytest.approx(6.8, abs=1)


def test_without_an_effect_the_label_has_no_say_in_the_age() -> None:
    for curve in ("paper", "clinic"):
        config = FemurPhantomConfig(ages=curve)
        np.testing.assert_array_equal(ages(config, "benign", 300), ages(config, "malignant", 300))


def test_with_an_effect_it_has() -> None:
    paper = FemurPhantomConfig(age_effect=1)
    assert ages(paper, "malignant").mean() > ages(paper, "benign").mean() + 2
    clinic = FemurPhantomConfig(ages="clinic", age_effect=1)
    assert np.median(ages(clinic, "benign")) < 25 < np.median(ages(clinic, "intermediate")) < 40
    old = (ages(clinic, "malignant") > 50).mean()
    assert old > 3 * (ages(clinic, "benign") > 50).mean()
