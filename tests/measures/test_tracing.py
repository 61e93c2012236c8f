"""What a statistic was fitted on is found by trying, whatever its code intends."""

import numpy as np
import pandas as pd
import pytest

from osteon.measures import temperature, thresholds
from osteon.measures.tracing import dependencies, evaluated, pulled, pushed, traced


@pytest.fixture
def rows():
    generator = np.random.default_rng(4)
    label = np.arange(90) % 2
    return label, np.round(generator.random(90) * 0.7 + 0.3 * label, 2), np.arange(90) // 2 % 3


@pytest.mark.parametrize("fit", [thresholds.by_fold, temperature.by_fold])
def test_cross_fitted_statistics_depend_on_all_other_folds_and_no_own(rows, fit):
    assert dependencies(fit, *rows) == {0: [1, 2], 1: [0, 2], 2: [0, 1]}


def test_a_statistic_that_reads_its_own_fold_is_found_out(rows):
    def slip(label, score, fold):
        found = thresholds.by_fold(label, score, fold)
        return found | {1: thresholds.youden(label, score)}

    assert dependencies(slip, *rows) == {0: [1, 2], 1: [0, 1, 2], 2: [0, 1]}


def test_a_statistic_that_reads_only_labels_or_only_scores_is_found_out(rows):
    for read in (lambda label, score: label, lambda label, score: score):

        def fit(label, score, fold, read=read):
            values = read(label, score)
            return {int(k): float(values[fold == k].mean()) for k in np.unique(fold)}

        assert dependencies(fit, *rows) == {0: [0], 1: [1], 2: [2]}


@pytest.mark.parametrize("seed", range(12))
def test_no_leaky_threshold_or_temperature_goes_unseen(seed):
    generator = np.random.default_rng(seed)
    size, folds, noise = generator.choice([40, 200]), generator.choice([3, 5]), generator.random()
    label, fold = np.arange(size) % 2, np.arange(size) // 2 % folds
    score = (1 - noise) * (0.1 + 0.8 * label) + noise * generator.random(size)
    for value, changes in (
        (thresholds.youden, pulled),
        (temperature.fit, pulled),
        (temperature.fit, pushed),
    ):

        def fit(label, score, fold, value=value):
            return dict.fromkeys(np.unique(fold).tolist(), value(label, score))

        found = dependencies(fit, label, score, fold, changes)
        assert all(judged in read for judged, read in found.items())


def test_a_constant_and_an_absent_value_depend_on_nothing(rows):
    def fit(label, score, fold):
        return {0: 0.5, 1: float("nan"), 2: 0.5}

    assert dependencies(fit, *rows) == {0: [], 1: [], 2: []}


def test_the_table_names_samples_by_learner(predictions):
    table = traced("youden_threshold", thresholds.by_fold, predictions)
    assert list(table.columns) == ["statistic", "learner", "fold", "sample_id"]
    assert set(table["learner"]) == set(predictions["learner"])
    for (learner, fold), part in table.groupby(["learner", "fold"]):
        own = predictions[predictions["learner"] == learner]
        assert set(part["sample_id"]) == set(own.loc[own["fold"] != fold, "sample_id"])
    assert traced("x", lambda *_: {}, predictions).empty
    alone = predictions[predictions["fold"] == 0]
    assert isinstance(traced("x", thresholds.by_fold, alone), pd.DataFrame)
    assert traced("x", thresholds.by_fold, alone).empty


def test_what_the_evaluator_uses_is_traced_at_each_level(predictions):
    rows = predictions.assign(sequence_id=predictions["patient_id"] + "-1")
    table = evaluated(rows)
    assert set(zip(table["statistic"], table["level"], strict=True)) == {
        (statistic, level)
        for statistic in ("youden_threshold", "temperature")
        for level in ("patient", "sequence", "image")
    }
    for (_, _, learner, fold), part in table.groupby(["statistic", "level", "learner", "fold"]):
        own = rows[rows["learner"] == learner]
        assert set(part["sample_id"]) == set(own.loc[own["fold"] != fold, "sample_id"])


def test_learners_that_judge_other_labels_are_traced_together(predictions):
    shuffled = predictions.assign(learner="permuted", label=1 - predictions["label"])
    shuffled = shuffled.drop_duplicates("sample_id")
    table = evaluated(pd.concat([predictions, shuffled]))
    assert set(table["learner"]) == {*predictions["learner"], "permuted"}


def test_two_folds_give_no_false_alarm(make_predictions):
    table = evaluated(make_predictions(folds=2))
    own = make_predictions(folds=2).drop_duplicates("sample_id").set_index("sample_id")["fold"]
    assert len(table) and (own.loc[table["sample_id"]].to_numpy() != table["fold"]).all()


def test_the_work_grows_with_folds_and_changes_only(make_predictions):
    seen = []

    def fit(label, score, fold):
        seen.append(1)
        return thresholds.by_fold(label, score, fold)

    rows = make_predictions({"a": 1.0})
    traced("t", fit, rows)
    assert len(seen) == 1 + 5 * 8
