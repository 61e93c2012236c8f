from typing import Any

import pytest

from osteon.reporting.card.facts import CardFacts
from osteon.reporting.card.limits import RULES, limits
from tests.reporting import image_sample
from tests.reporting.card_sample import certificate, difference_of, learner, metrics

FINE = {"methods": {"a": {"grad_cam": {"verdict": "follows the weights"}}}}
MISSING = {"missing": [{"name": "ALP: missing", "values": {"all": "9 of 80"}, "points": 11.0}]}
SHORTCUT = {
    "acquisition": {"differences": [{"attribute": "model", "points": 40.0, "value": "One"}]},
}


def rules(**facts: Any) -> set[str]:
    defaults: dict[str, Any] = {
        "metrics": metrics("folder"),
        "certificate": certificate(folds=[0]),
        "explanations": FINE,
        "run": {"dirty": False},
    }
    return {one["rule"] for one in limits(CardFacts("x", **(defaults | facts)))}


def of(**changes: Any) -> dict[str, Any]:
    return {"metrics": metrics("folder", **changes)}


def learners(*made: dict[str, Any]) -> dict[str, Any]:
    return of(learners={f"learner{number}": one for number, one in enumerate(made)})


def controls(name: str) -> dict[str, Any]:
    return of(controls={"learners": {name: learner(0.7)}})


def test_a_sound_run_has_no_limitation_by_rule() -> None:
    assert rules() == set()


TRIGGERS: dict[str, dict[str, Any]] = {
    "phantom": {"metrics": metrics("phantom")},
    "surrogate_patients": {"metrics": metrics("btxrd")},
    "small_sample": learners(learner(positives=29)),
    "skipped_learners": of(skipped={"a": "no ALP"}),
    "leak_certificate": {"certificate": None},
    "no_external_data": {"certificate": certificate()},
    "shown_by_outline": {"cohort": {"preparation": image_sample.preparation()}},
    "absence_tells_the_class": controls("control_missingness"),
    "missingness_differs_by_class": {"cohort": MISSING},
    "acquisition_differs_by_class": {"cohort": SHORTCUT},
    "age_tells_the_class": controls("control_age"),
    "not_beyond_clinical_values": of(beyond_clinical={"a": {"tests": [difference_of(-0.1, 0.1)]}}),
    "not_beyond_reference": of(
        comparisons={"a": {"patient": {"tests": [difference_of(-0.1, 0.1)]}}}
    ),
    "permuted_labels": of(permuted_labels={"learners": {"a": learner(0.7)}}),
    "calibration": learners(learner(slope=0.6)),
    "explanations": {"explanations": None},
    "protocol_differs": {"ledger": {"protocol": [{"item": "folds", "differs": True}]}},
    "code_version": {"run": {"dirty": True}},
}


@pytest.mark.parametrize("rule", sorted(TRIGGERS))
def test_each_rule_speaks_when_and_only_when_it_should(rule: str) -> None:
    assert rules(**TRIGGERS[rule]) == {rule}


def test_every_rule_is_tried() -> None:
    # That of patches speaks of networks that outline: see test_outlining_card.
    assert set(RULES) == set(TRIGGERS) | {"warnings", "patches_at_natural_share"}


def test_warnings_of_the_evaluator_are_told_once_for_all_learners() -> None:
    made = [learner() for _ in range(6)]
    for one in made:
        one["patient"]["warnings"] = ["trial run: 50 bootstrap rounds, 2000 are needed"]
    found = limits(CardFacts("x", certificate=certificate(folds=[0]), **learners(*made)))
    told = [one["text"] for one in found if one["rule"] == "warnings"]
    assert told == [
        "Trial run: 50 bootstrap rounds, 2000 are needed (learner0, learner1, learner2, learner3 "
        "and 2 more)."
    ]


@pytest.mark.parametrize(
    "change", [{"unit": "image"}, {"checks": [{"statement": "s", "passed": False}]}]
)
def test_a_failed_certificate_is_told(change: dict[str, Any]) -> None:
    assert "leak_certificate" in rules(certificate=certificate(folds=[0], **change))


def test_a_worse_learner_is_named_beside_one_that_gains() -> None:
    tests = {
        "worse": {"patient": {"tests": [difference_of(-0.2, -0.1)]}},
        "better": {"patient": {"tests": [difference_of(0.1, 0.2)]}},
    }
    found = limits(CardFacts("x", **of(comparisons=tests)))
    told = [one["text"] for one in found if one["rule"] == "not_beyond_reference"]
    assert len(told) == 1 and "worse" in told[0] and "better" not in told[0]


def test_checks_that_were_not_made_are_told() -> None:
    missing = [{"statement": "no copy lies elsewhere", "reason": "no search"}]
    changed = certificate(folds=[0], complete=False, not_checked=missing)
    found = limits(CardFacts("x", certificate=changed))
    told = [one["text"] for one in found if one["rule"] == "leak_certificate"]
    assert told == ["Of the leak certificate could not be checked: no copy lies elsewhere."]


@pytest.mark.parametrize(("p_holm", "told"), [(0.2, True), (None, True), (0.01, False)])
def test_a_gain_that_holm_takes_back_is_no_gain(p_holm: float | None, told: bool) -> None:
    test = difference_of(0.01, 0.1)
    delong = {"test": "delong", "at": "scores", "metric": "auroc", "p_holm": p_holm}
    found = rules(**of(beyond_clinical={"a": {"tests": [test, delong]}}))
    assert ("not_beyond_clinical_values" in found) == told


@pytest.mark.parametrize(
    "verdict",
    [
        "worthless: the maps stay",
        "worthless for finding lesions: maps of shuffled weights point as well",
        "not judged: nothing to compare",
    ],
)
def test_worthless_and_unjudged_maps_are_told(verdict: str) -> None:
    summary = {"methods": {"a": {"grad_cam": {"verdict": verdict}}}}
    assert rules(explanations=summary) == {"explanations"}


def test_a_bare_calibration_slope_is_read_too() -> None:
    one = learner()
    one["patient"]["calibration"] = {"slope": 2.0}
    assert rules(**learners(one)) == {"calibration"}


def outlined(choice: str, **region: Any) -> list[str]:
    slices = image_sample.preparation()["slices"] | {"choice": choice}
    facts = CardFacts("x", cohort={"preparation": {"slices": slices, "region": region}})
    return [one["text"] for one in limits(facts) if one["rule"] == "shown_by_outline"]


def test_what_an_outline_decided_is_told_of_judged_images_too() -> None:
    tail = ", judged ones too: figures hold only where that is done first."
    sources = {"mask": 100, "box": 20, "otsu": 24}
    slices = "Slices are chosen by the outlined lesion"
    assert outlined("largest_lesion") == [slices + tail]
    assert outlined("lesion", sources=sources) == [
        f"{slices} and 120 of 144 images are cropped around it{tail}"
    ]
    cropped = f"120 of 144 images are cropped around an outlined lesion{tail}"
    assert outlined("even", sources=sources) == [cropped]
    none = {"no lesion is drawn in the series: its middle slice is taken": 72}
    assert outlined("largest_lesion", sources=sources, notes=none) == [cropped]
    assert outlined("even", sources={"otsu": 24, "whole": 3}) == []
