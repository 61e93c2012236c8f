"""Strata: plain means of the patients in them, intervals where there are enough, nobody lost."""

import json

import numpy as np
import pandas as pd
import pytest

from osteon.measures.segmentation import SegmentationError, overlap
from osteon.measures.segmentation_strata import LEAST, SMALL, by_stratum
from osteon.recipes.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(rounds=100, seed=2)
PATIENTS = 20


def table():
    chance = np.random.default_rng(0)
    lesion = chance.integers(50, 300, PATIENTS)
    tp = (lesion * chance.uniform(0.4, 1, PATIENTS)).astype(int)
    fp = chance.integers(1, 60, PATIENTS)
    frame = pd.DataFrame({"tp": tp, "fp": fp, "fn": lesion - tp, "tn": 5000})
    frame = frame.assign(
        **overlap(tp, fp, lesion - tp),
        patient_id=[f"P{k:02d}" for k in range(PATIENTS)],
        fold=0,
        images=3,
        nsd=chance.random(PATIENTS),
        hd95_mm=chance.uniform(0, 20, PATIENTS),
    )
    return pd.concat([frame.assign(learner=name) for name in ("penn", "unet")], ignore_index=True)


def groups(few=3):
    names = ["small"] * few + ["large"] * (PATIENTS - few)
    return pd.DataFrame({"patient_id": [f"P{k:02d}" for k in range(PATIENTS)], "stratum": names})


def test_means_are_those_of_the_patients_in_the_stratum():
    own = table()
    found = by_stratum(own, groups(8), ("small", "large", "none"), CONFIG)
    assert [(one["learner"], one["stratum"]) for one in found] == [
        ("penn", "small"), ("penn", "large"), ("unet", "small"), ("unet", "large"),
    ]  # fmt: skip
    for one in found:
        part = own[own["learner"] == one["learner"]]
        part = part.iloc[:8] if one["stratum"] == "small" else part.iloc[8:]
        assert one["n_patients"] == len(part) and one["n_images"] == 3 * len(part)
        for name in ("dice", "iou", "recall", "precision", "nsd", "hd95_mm"):
            entry = one[name]
            assert entry["value"] == pytest.approx(part[name].mean())
            assert entry["lo"] < entry["value"] < entry["hi"]
            assert entry["n_patients"] == len(part)
    json.dumps(found, allow_nan=False)


def test_where_a_metric_is_of_fewer_than_five_patients_there_is_no_interval():
    for few in (1, LEAST - 1, LEAST):
        own = table()
        own.loc[own["patient_id"] > f"P{few - 1:02d}", "nsd"] = np.nan
        nsd = by_stratum(own, groups(8), ("small", "large"), CONFIG)[0]["nsd"]
        assert nsd["value"] is not None and nsd["n_patients"] == few
        assert (nsd["lo"] is None) == (few < LEAST)
        assert ("fewer than 5" in nsd["method"]) == (few < LEAST)


def sized(**sizes):
    """Groups of so many patients, in this order."""
    names = [name for name, count in sizes.items() for _ in range(count)]
    patients = [f"P{k:02d}" for k in range(PATIENTS)]
    return pd.DataFrame({"patient_id": patients, "stratum": names})


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ({"a": 10, "b": 10}, {"a": ["a"], "b": ["b"]}),
        ({"a": 3, "b": 14, "c": 3}, {"b": ["b"], SMALL: ["a", "c"]}),
        # One patient beside larger groups could be had by subtraction, or stand alone.
        ({"a": 12, "b": 1, "c": 7}, {"a": ["a"], SMALL: ["b", "c"]}),
        ({"a": 19, "b": 1}, {}),
        ({name: 4 for name in "abcde"}, {}),
    ],
)
def test_no_figure_is_of_fewer_than_five_patients(sizes, shown):
    found = by_stratum(table(), sized(**sizes), tuple("abcde"), CONFIG)
    own = [one for one in found if one["learner"] == "penn"]
    assert {one["stratum"]: one["joined"] for one in own} == shown
    for one in own:
        assert one["n_patients"] == sum(sizes[name] for name in one["joined"]) >= LEAST
    values = table().query("learner == 'penn'")["dice"].to_numpy()
    if SMALL in shown:
        parts = sized(**sizes)["stratum"].isin(shown[SMALL]).to_numpy()
        assert own[-1]["dice"]["value"] == pytest.approx(values[parts].mean())


def test_a_patient_of_two_strata_counts_in_both():
    both = pd.concat([groups(10), groups(10).assign(stratum="all")])
    found = by_stratum(table(), both, ("small", "large", "all"), CONFIG)
    assert [one["n_patients"] for one in found[:3]] == [10, 10, 20]


def test_nobody_is_lost_and_no_stratum_is_unknown_or_doubled():
    with pytest.raises(SegmentationError, match=r"20 patient\(s\) of none|1 patient"):
        by_stratum(table(), groups().iloc[1:], ("small", "large"), CONFIG)
    with pytest.raises(SegmentationError, match=r"stratum: \['large'\] found"):
        by_stratum(table(), groups(), ("small",), CONFIG)
    with pytest.raises(SegmentationError, match="every stratum once"):
        by_stratum(table(), groups(), ("small", "large", "small"), CONFIG)
