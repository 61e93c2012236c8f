"""A model card of networks that see images alone."""

import re
from copy import deepcopy
from typing import Any

import pytest

from osteon.reporting.card.facts import CardFacts
from osteon.reporting.card.limits import limits
from osteon.reporting.card.model_card import model_card, to_markdown
from osteon.reporting.card.recipe_facts import augmented, balanced, described, length, told
from tests.reporting import image_sample as made
from tests.reporting.card.test_model_card import items, line_of, tables
from tests.reporting.card_sample import certificate

FOREIGN = re.compile(
    r"clinical (?:value|input)|blood|\bkit\b|\bALP\b|\bLDH\b|fusion", re.IGNORECASE
)
PREPROCESSING = {
    "size": 64,
    "resize": "stretch",
    "colour": "grey",
    "slices": {"choice": "largest_lesion", "count": 2},
    "region": {"mode": "box_margin", "margin": 20},
}


def without_labs() -> dict[str, Any]:
    """The cohort tables of a cohort of which no blood was taken."""
    demographics = dict(tables()["demographics"])
    rows = [row for row in demographics["rows"] if not row["name"].startswith(("ALP", "LDH"))]
    return tables() | {"demographics": demographics | {"rows": rows}, "missing": [], "filled": []}


def card(classes: tuple[str, ...] = made.THREE, folds: int = 3, **changed: Any) -> dict[str, Any]:
    metrics, _, _ = made.judged(classes, folds)
    cohort = without_labs() | {"preparation": made.preparation()}
    parts = {
        "metrics": metrics,
        "certificate": certificate(folds=list(range(folds))),
        "cohort": cohort,
        "parameters": {"preprocessing": PREPROCESSING, "splitting": {"seed": 4, "test_share": 0.4}},
    }
    return model_card("femoral_alexnet", **(parts | changed))


def test_no_answer_tells_of_what_the_run_has_not() -> None:
    found = card()
    told = [line["value"] for line in items(found)] + [str(found["limitations"])]
    assert [one for one in told if FOREIGN.search(one)] == []
    for item in ("1", "9", "22", "25", "26", "27"):
        assert line_of(found, "claim_2024", item)["value"], item


def test_networks_heads_and_training_are_described() -> None:
    found = card()
    model = line_of(found, "claim_2024", "22")["value"]
    assert model.startswith("AlexNet (variant classic; dropout 0.6); input 64 px a side; 3 classes")
    assert "softmax over the classes" in model
    training = line_of(found, "claim_2024", "25")["value"]
    assert "200 optimiser steps" in training and "6 epochs" not in training
    assert "shifts up to 0.1 of the side" in training and "sizes times 0.9 to 1.1" in training
    assert "turns up to 20 degrees" in training and "mirrored left" not in training
    assert "copies" in line_of(found, "tripod_ai", "13")["value"]


def test_what_an_image_goes_through_is_told() -> None:
    said = line_of(card(), "claim_2024", "9")["value"]
    assert "made grey" in said and "at most 2 a series" in said
    assert "cropped to the lesion's box, or the threshold's, and 20 px around it" in said
    assert said.startswith("decoded to display values (a CT to Hounsfield units), made grey")
    given = {"threshold": "given", "mode": "box_margin", "margin": 20}
    found = PREPROCESSING | {"colour": "window_composite", "region": given}
    said = line_of(card(parameters={"preprocessing": found}), "claim_2024", "9")["value"]
    assert said.startswith("decoded to Hounsfield units, three windows")
    assert "cropped to the lesion's box and 20 px around it" in said
    found = PREPROCESSING | {"size": 112, "resize": "letterbox", "field_mm": 336.0}
    said = line_of(card(parameters={"preprocessing": found}), "claim_2024", "9")["value"]
    assert "112 x 112 px (a pixel is 3.00 mm in every image; what is larger than 336 mm" in said
    inputs = line_of(card(), "tripod_ai", "9b")["value"]
    assert inputs == "image: grey, square; nothing beside it"
    assert "144 of 880 kept slices" in line_of(card(), "claim_2024", "10")["value"]


def test_a_region_that_an_expert_drew_is_a_judgement() -> None:
    line = line_of(card(), "tripod_ai", "9c")
    assert "120 by a mask" in line["value"] and line["status"].startswith("MISSING")
    none = card(cohort=tables())
    assert line_of(none, "tripod_ai", "9c")["value"] == "none: the image goes in as recorded"


def test_a_drawn_hold_out_is_internal_and_a_fixed_part_is_not_called_so() -> None:
    drawn = card(made.TWO, 1)
    assert (
        "one hold-out by patient: 40 % of each class" in line_of(drawn, "claim_2024", "19")["value"]
    )
    assert line_of(drawn, "claim_2024", "33")["value"] == "none: a held-out part of the same cohort"
    assert line_of(drawn, "claim_2024", "32")["value"].endswith("drawn at random")
    assert "the parts are stratified" in line_of(drawn, "tripod_ai", "13")["value"]
    fixed = card(made.TWO, 1, cohort=tables() | {"parts_fixed": True})
    assert "as the cohort fixes them" in line_of(fixed, "claim_2024", "19")["value"]


def test_the_limits_of_a_hold_out_are_told() -> None:
    facts = CardFacts("x", certificate=certificate(folds=[0]), cohort={"parts_fixed": False})
    said = [one["text"] for one in limits(facts) if one["rule"] == "no_external_data"]
    assert said == [
        "One hold-out within one cohort: nothing was tested on patients from elsewhere."
    ]


def test_three_classes_have_their_accuracy_and_mean_auroc_in_the_card() -> None:
    said = line_of(card(), "claim_2024", "37")["value"]
    assert "mean AUROC of the classes by patient: alexnet_bn" in said
    assert "accuracy of the likeliest class" in said
    assert "likeliest" not in line_of(card(made.TWO, 1), "claim_2024", "37")["value"]


def test_the_card_is_written() -> None:
    assert "AlexNet" in to_markdown(card())


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"epochs": 5}, "5 epochs"),
        ({"epochs": 5, "steps": None}, "5 epochs"),
        ({"epochs": 5, "steps": 1000}, "1000 optimiser steps"),
    ],
)
def test_training_lasts_epochs_or_steps(training: dict[str, Any], words: str) -> None:
    assert length({"a": {"training": training}}) == words


def test_a_learner_that_is_trained_otherwise_is_named() -> None:
    recipes = {
        name: {"training": {"epochs": epochs, "milestones": milestones}}
        for name, epochs, milestones in (("a", 24, []), ("b", 8, [5]), ("c", 24, []), ("d", 8, []))
    }
    assert length(recipes) == "24 epochs (b, d: 8 epochs)"
    assert told(recipes, "training", "milestones") == "none (b: 5)"
    del recipes["b"]
    assert told(recipes, "training", "milestones") == "none"


def test_the_rate_falls_only_where_there_are_milestones() -> None:
    said = line_of(card(), "claim_2024", "25")["value"]
    assert "sgd, learning rate 0.01, momentum 0.9" in said and "epochs none" not in said
    metrics, _, _ = made.judged(made.THREE, 3)
    metrics = deepcopy(metrics)
    metrics["training"]["googlenet"]["recipe"]["training"]["milestones"] = [3]
    said = line_of(card(metrics=metrics), "claim_2024", "25")["value"]
    assert "learning rate 0.01 (googlenet: 0.01 times 0.1 at epochs 3), momentum" in said


def test_a_hold_out_has_one_network_and_no_folds() -> None:
    told_by = {
        folds: str([line["value"] for line in items(card(made.TWO, folds))]) for folds in (1, 3)
    }
    assert "none: one network a learner" in told_by[1]
    assert "comes from the one network, which was not fitted on its patient" in told_by[1]
    assert "mean of its folds" not in told_by[1] and "network of the fold" not in told_by[1]
    assert "mean of its folds" in told_by[3] and "one network a learner" not in told_by[3]


def test_classes_out_of_scope_are_written_with_spaces() -> None:
    said = str(items(card(made.TWO, 1)))
    assert "classes other than giant cell tumor, osteosarcoma; not a medical device" in said


@pytest.mark.parametrize(
    ("balance", "word"),
    [
        ("none", "no resampling"),
        ("sampler", "drawn"),
        ("class_weight", "weighed"),
        (None, "no res"),
    ],
)
def test_balance_is_told_as_the_recipe_says(balance: str | None, word: str) -> None:
    assert word in balanced([{"training": {"balance": balance}}])


def test_nothing_is_told_of_no_augmentation_and_no_recipe() -> None:
    assert augmented([{"training": {"augmentation": None}}, {"training": {}}]) == ""
    assert described([]) is None


def test_kinds_of_networks_stand_beside_each_other() -> None:
    networks = [
        {"network": {"name": name}, "head": "sigmoid", "size": 64, "classes": 2}
        for name in ("smsdnet", "densenet121")
    ]
    said = described(networks)
    assert said is not None and "SMSDNet; input" in said and "DenseNet-121; input" in said
    assert said.count("one logit with sigmoid") == 2
