"""The number that tuning maximises, its interval, the gap and the spread."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from osteon.measures.tuning import gap, judged, optimism, score, spread

BINARY = ("auroc", "f1", "accuracy", "balanced_accuracy")


def _patients(label, value) -> pd.DataFrame:
    names = [f"P{k}" for k in range(len(label))]
    return pd.DataFrame({"patient_id": names, "label": label, "score": value, "fold": 0})


@given(
    label=st.lists(st.integers(0, 1), min_size=4, max_size=30),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_two_classes_are_scored_as_scikit_learn_scores_them(label, seed) -> None:
    label = [0, 1, *label]
    value = np.random.default_rng(seed).integers(0, 11, len(label)) / 10
    called, table = value >= 0.5, _patients(label, value)
    theirs = {
        "auroc": metrics.roc_auc_score(label, value),
        "f1": metrics.f1_score(label, called, zero_division=0),
        "accuracy": metrics.accuracy_score(label, called),
        "balanced_accuracy": metrics.balanced_accuracy_score(label, called),
    }
    assert {name: score(table, name) for name in BINARY} == pytest.approx(theirs)


def test_three_classes_are_scored_one_against_the_rest() -> None:
    rng = np.random.default_rng(3)
    label, chance = rng.integers(0, 3, 60), rng.dirichlet([1, 1, 1], 60)
    table = _patients(label, chance[:, 2]).assign(**{f"prob_{k}": chance[:, k] for k in range(3)})
    called = chance.argmax(1)
    area = np.mean([metrics.roc_auc_score(label == k, chance[:, k]) for k in range(3)])
    assert score(table, "auroc") == pytest.approx(area)
    assert score(table, "accuracy") == pytest.approx(metrics.accuracy_score(label, called))
    assert score(table, "f1") == pytest.approx(metrics.f1_score(label, called, average="macro"))
    wanted = metrics.balanced_accuracy_score(label, called)
    assert score(table, "balanced_accuracy") == pytest.approx(wanted)


def test_a_setting_that_calls_nobody_positive_is_bad_and_not_unknown() -> None:
    table = _patients([0, 1, 1], [0.1, 0.2, 0.3])
    assert score(table, "f1") == 0
    assert np.isnan(score(_patients([0, 0], [0.1, 0.2]), "auroc"))


def test_dice_is_the_mean_of_the_patients_that_have_one() -> None:
    table = pd.DataFrame({"patient_id": list("abc"), "dice": [0.5, np.nan, 1.0]})
    assert score(table, "dice") == 0.75
    found = judged(table.dropna(), "dice", rounds=200)
    assert found["lo"] <= 0.75 <= found["hi"] and found["patients"] == 2


@pytest.mark.parametrize("objective", BINARY)
def test_the_interval_holds_the_value_and_follows_the_seed(objective) -> None:
    rng = np.random.default_rng(1)
    label = np.arange(80) % 2
    table = _patients(label, np.clip(0.3 * label + rng.uniform(0, 0.7, 80), 0, 1))
    found = judged(table, objective, rounds=300, seed=4)
    assert found["value"] == score(table, objective) and found["patients"] == 80
    assert 0 <= found["lo"] < found["value"] < found["hi"] <= 1
    assert found == judged(table, objective, rounds=300, seed=4)
    # No name and no key of pseudonyms decides what is drawn.
    renamed = table.assign(patient_id=[f"zz{k}" for k in reversed(range(80))])
    assert judged(renamed, objective, rounds=300, seed=4) == found


def test_what_has_no_spread_has_no_interval_but_an_accuracy_has_wilsons() -> None:
    table = _patients([0, 1] * 10, [0.0, 1.0] * 10)
    assert judged(table, "auroc", rounds=50)["lo"] is None
    found = judged(table, "accuracy", rounds=50)
    assert found["method"] == "wilson" and found["lo"] < found["hi"] == 1
    absent = judged(_patients([1, 1], [0.2, 0.9]), "auroc", rounds=50)
    assert (absent["value"], absent["lo"], absent["hi"]) == (None, None, None)


@pytest.mark.parametrize(
    "table, objective, words",
    [
        (pd.DataFrame({"patient_id": []}), "auroc", "no row found"),
        (pd.DataFrame({"patient_id": ["a"], "score": [0.1]}), "f1", "label absent"),
        (pd.DataFrame({"patient_id": ["a"], "label": [0], "score": [0.1]}), "dice", "dice absent"),
        (_patients([0, 1], [0.1, 0.2]).assign(patient_id="a"), "auroc", "twice"),
    ],
)
def test_a_table_that_cannot_be_scored_is_refused(table, objective, words) -> None:
    with pytest.raises(ValueError, match=words):
        score(table, objective)


def test_gap_is_optimism_with_the_width_of_both() -> None:
    inner, outer = {"value": 0.9, "lo": 0.86, "hi": 0.93}, {"value": 0.8, "lo": 0.7, "hi": 0.83}
    found = gap(inner, outer)
    assert optimism(0.9, 0.8) == pytest.approx(0.1) == found["value"]
    assert found["lo"] == pytest.approx(0.1 - 0.05) and found["hi"] == pytest.approx(
        0.1 + np.hypot(0.03, 0.1)
    )
    without = gap(inner, {"value": 0.8, "lo": None, "hi": None})
    assert without["value"] == pytest.approx(0.1) and without["lo"] is None
    assert gap(inner, dict.fromkeys(("value", "lo", "hi")))["value"] is None


def test_spread_tells_all_values_and_of_one_no_deviation() -> None:
    found = spread([0.8, 0.9, 0.7])
    assert found["values"] == [0.8, 0.9, 0.7] and found["mean"] == pytest.approx(0.8)
    assert (found["lowest"], found["highest"]) == (0.7, 0.9)
    assert found["sd"] == pytest.approx(0.1)
    assert spread([0.5])["sd"] is None
    with pytest.raises(ValueError, match="none found"):
        spread([])
