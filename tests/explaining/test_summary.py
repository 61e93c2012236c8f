"""The verdict on maps is a rule: empty maps are not rewarded, nor maps that point as by chance."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from osteon.explaining.summary import COARSE, ENOUGH, FOLLOWS, summarise, verdict

SIZE = {"n": 50, "patients": 50}
NONE = {"value": None, "lo": None, "hi": None, "n": 0, "patients": 0}
ABOVE = {"value": 0.3, "lo": 0.1, "hi": 0.5} | SIZE
HOLDS_ZERO = {"value": 0.1, "lo": -0.1, "hi": 0.3} | SIZE


def judged(correlation: float | None = 0.1, n: int = 50, gain: Any = None, **changes: Any) -> str:
    given = {"images": 100, "empty": 0, "cells": 49} | changes
    return verdict({"value": correlation, "n": n}, gain, **given)


def test_maps_that_change_and_point_follow_the_weights() -> None:
    assert judged() == FOLLOWS == judged(gain=ABOVE)
    assert judged(0.5) == FOLLOWS == judged(-0.9)


def test_maps_that_stay_the_same_are_worthless() -> None:
    assert judged(0.51).startswith("worthless: ")
    assert judged(0.51, gain=ABOVE).startswith("worthless: ")
    assert judged(0.3, bound=0.2).startswith("worthless: ")


def test_maps_that_point_no_better_than_shuffled_ones_are_worthless_for_finding_lesions() -> None:
    begin = "worthless for finding lesions: maps of shuffled weights point as well"
    assert judged(gain=HOLDS_ZERO).startswith(begin)
    assert judged(gain=ABOVE | {"lo": 0.0}).startswith(begin)
    assert judged(gain={"value": -0.3, "lo": -0.5, "hi": -0.1} | SIZE).startswith(begin)
    # The same on every image, so that no resample differs: the value itself decides.
    constant = {"value": 0.0, "lo": None, "hi": None} | SIZE
    assert judged(gain=constant).startswith(begin)
    assert judged(gain=constant | {"value": 1.0}) == FOLLOWS


@pytest.mark.parametrize(
    "given",
    [
        {"correlation": None, "n": 0},
        {"n": ENOUGH - 1, "correlation": 0.9},
        {"empty": 51},
        {"empty": 51, "correlation": 0.9},
        {"cells": COARSE - 1},
        {"gain": ABOVE | {"n": ENOUGH - 1}},
        {"gain": NONE},
        {"gain": ABOVE | {"patients": 1}},
    ],
)
def test_too_little_to_go_by_is_not_judged(given: dict[str, Any]) -> None:
    assert judged(**given).startswith("not judged: ")


def test_the_ends_of_the_rules_are_allowed() -> None:
    assert judged(empty=50, cells=COARSE, n=ENOUGH, gain=ABOVE | {"n": ENOUGH}) == FOLLOWS


def scores(pointing: Any, shuffled: Any, count: int = 120, **columns: Any) -> pd.DataFrame:
    patient = np.arange(count) // 2
    names = ("energy", "iou", "lesion_share", "deletion", "deletion_random", "insertion")
    return pd.DataFrame(
        {
            "sample_id": np.arange(count).astype(str),
            "patient_id": patient,
            "learner": "a",
            "method": "grad_cam",
            "label": patient % 2,
            "has_lesion": True,
            "lesion_outside": False,
            "empty_map": False,
            "cells": 49,
            "insertion_random": 0.4,
            "randomised_correlation": 0.1,
            "randomised_energy": 0.1,
            "pointing": pointing,
            "randomised_pointing": shuffled,
        }
        | dict.fromkeys(names, 0.2)
        | columns
    )


def one_of(table: pd.DataFrame) -> dict[str, Any]:
    empty = pd.DataFrame(columns=["sample_id", "patient_id", "learner", "feature"])
    found: dict[str, Any] = summarise(table, empty, rounds=300)["methods"]["a"]["grad_cam"]
    return found


def test_only_empty_maps_are_not_judged() -> None:
    table = scores(0.0, 0.0, empty_map=True, randomised_correlation=np.nan)
    one = one_of(table)
    assert one["verdict"].startswith("not judged: 120 of 120 maps are empty")
    assert one["n_empty"] == 120


def test_the_gain_is_paired_within_images_and_drawn_over_patients() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(120)  # shared by both maps: it cancels in the paired difference only
    one = one_of(scores(hard + rng.uniform(0.01, 0.03, 120), hard))
    gain = one["pointing_gain"]
    assert 0.01 < gain["lo"] < gain["value"] < gain["hi"] < 0.03
    assert one["pointing"]["lo"] < one["randomised_pointing"]["value"]
    assert one["verdict"] == FOLLOWS
    noise = rng.normal(size=120)
    same = one_of(scores(0.5 + noise - noise.mean(), 0.5))
    assert same["verdict"].startswith("worthless for finding lesions")


def test_without_a_lesion_the_correlation_alone_decides() -> None:
    table = scores(np.nan, np.nan, has_lesion=False)
    assert one_of(table)["verdict"] == FOLLOWS
    assert one_of(table.assign(randomised_correlation=0.9))["verdict"].startswith("worthless: ")


def test_lesions_outside_what_was_given_are_counted_and_said() -> None:
    outside = np.arange(120) < 30
    nowhere = np.where(outside, np.nan, 1.0)
    table = scores(nowhere, nowhere, has_lesion=~outside, lesion_outside=outside)
    one = one_of(table)
    assert (one["n_with_lesion"], one["n_lesion_outside"]) == (90, 30)
    assert "On 30 images the lesion that is drawn lies wholly outside" in one["note"]
    assert "do not exist" not in one["note"]
    table = scores(np.nan, np.nan, has_lesion=False, lesion_outside=outside)
    note = one_of(table)["note"]
    assert "On 30 images" in note and "No other lesion is drawn" in note
    assert "outside" not in one_of(scores(1.0, 0.0))["note"]


def test_the_statement_names_every_rule() -> None:
    empty = pd.DataFrame(columns=["sample_id", "patient_id", "learner", "feature"])
    said = summarise(scores(1.0, 0.0), empty, rounds=50, bound=0.4)["statement"]
    for part in ("half", f"{COARSE} cells", f"{ENOUGH} images", "above 0.4", "not above 0"):
        assert part in said
