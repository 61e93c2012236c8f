"""Who the spine MR phantom's patients are: parts, classes, ages, and the three doctors' calls."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from osteon.cohorts.phantom.spine_mr import CLASSES, SpineMrPhantomConfig
from osteon.cohorts.phantom.spine_mr_people import (
    DOCTORS,
    draw_age,
    draw_subtype,
    part_and_label,
    reader_rows,
)

PAPER = SpineMrPhantomConfig(patients=585)


def test_parts_and_classes_are_the_papers() -> None:
    found = pd.DataFrame(
        [part_and_label(PAPER, index) for index in range(585)], columns=["part", "label"]
    )
    counts = found.value_counts()
    printed = {("train", "benign"): 180, ("train", "malignant"): 265}
    printed |= {("test", "benign"): 90, ("test", "malignant"): 50}
    for cell, number in printed.items():
        assert abs(counts[cell] - number) <= 2
    alike = PAPER.model_copy(update={"primary_test": False})
    labels = [part_and_label(alike, index) for index in range(585)]
    tested = [label == "malignant" for part, label in labels if part == "test"]
    assert np.mean(tested) == pytest.approx(315 / 585, abs=0.02)


def test_readers_are_as_good_as_the_paper_prints() -> None:
    rows = [
        row | {"label": label}
        for index in range(1500)
        for label in [CLASSES[index % 2]]
        for row in reader_rows(PAPER, index, str(index), label)
    ]
    table = pd.DataFrame(rows).astype({"seconds": float})
    table["right"] = table["call"] == table["label"]
    groups = table.groupby(["reader", "with_age", "label"])["right"].mean()
    times = table.groupby(["reader", "with_age"])["seconds"].mean()
    for doctor in DOCTORS:
        for word, (found, cleared, seconds) in (
            ("no", doctor.without_age),
            ("yes", doctor.with_age),
        ):
            # 4 standard errors of a share among 750
            assert groups[doctor.name, word, "malignant"] == pytest.approx(found / 50, abs=0.073)
            assert groups[doctor.name, word, "benign"] == pytest.approx(cleared / 90, abs=0.073)
            assert times[doctor.name, word] == pytest.approx(seconds, rel=0.1)


def test_age_rises_with_malignancy() -> None:
    config = SpineMrPhantomConfig()
    labels, ages, kinds = [], [], []
    for index in range(600):
        part, label = part_and_label(config, index)
        kinds.append(draw_subtype(config, index, part, label))
        ages.append(draw_age(config, index, kinds[-1]))
        labels.append(label == "malignant")
    malignant, age = np.array(labels), np.array(ages)
    assert age.min() >= 4 and age.max() <= 82 and 42 < age.mean() < 54
    assert 0.6 < roc_auc_score(malignant, age) < 0.8
    assert malignant[age < 30].mean() < 0.4 < malignant[age > 40].mean() < 0.75
    spread = np.array(kinds) == "metastasis"
    assert age[spread].mean() > age[malignant & ~spread].mean() + 3
    blind = config.model_copy(update={"age_effect": 0.0})
    any_age = [draw_age(blind, index, kind) for index, kind in enumerate(kinds)]
    assert 0.42 < roc_auc_score(malignant, any_age) < 0.58
