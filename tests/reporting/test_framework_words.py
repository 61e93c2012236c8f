"""What page, chart and card say of a framework: networks behind rows that are weighed and vote."""

from typing import Any

import pandas as pd
import pytest

from osteon.reporting.card.facts import CardFacts
from osteon.reporting.card.model_card import model_card
from osteon.reporting.figures.cast import cast
from osteon.reporting.figures.curve_charts import learning_curves
from osteon.reporting.page.parts import ReportParts, View
from osteon.reporting.page.sections_explaining import learning
from osteon.reporting.page.sections_preparation import tubes
from osteon.reporting.page.sections_summary import called, shift
from tests.reporting.card.test_image_recipes import PREPROCESSING, without_labs
from tests.reporting.card.test_model_card import items, line_of
from tests.reporting.card_sample import certificate
from tests.reporting.page.test_patients_only import judged

LOOP = {"optimiser": "sgd", "lr": 0.1, "epochs": 3, "balance": "sampler", "seed": 0}
NETWORKS: dict[str, dict[str, Any]] = {
    "detector": {
        "kind": "wff_detector",
        "network": {"name": "faster_rcnn", "dcn": None, "roi": {"nms": 0.5}},
        "training": LOOP | {"optimiser": "adamw", "balance": "none"},
    },
    "sequence": {
        "kind": "wff_sequence",
        "network": {"arch": "resnext3d"},
        "slices": 16,
        "side": 48,
        "training": LOOP,
    },
}
TERMS = {"det": ["detector"], "det_seq_age": ["detector", "sequence", "age"]}


def record(recipe: dict[str, Any], trainings: int) -> dict[str, Any]:
    own = {"weights": "none: trained from scratch", "parameters": 77, "seconds": 1.0}
    return {
        "status": "trained",
        "recipe": recipe,
        "folds": [own | {"fold": k} for k in range(trainings)],
    }


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    rows = {
        name: record({"kind": "fusion", "terms": terms, "weights": "chosen"}, 1)
        for name, terms in TERMS.items()
    }
    found = {name: record(one, 3) for name, one in NETWORKS.items()}
    found["sequence"]["tubes"] = {"detected": 388, "other_series": 8}
    found["detector"]["boxes"] = "labelled"
    return judged()[0] | {"training": rows | found}


@pytest.fixture(scope="module")
def card(metrics: dict[str, Any]) -> dict[str, Any]:
    cohort = without_labs() | {"parts_fixed": True}
    parameters = {"preprocessing": PREPROCESSING}
    return model_card(
        "spinal_wff",
        metrics=metrics,
        certificate=certificate(folds=[0]),
        cohort=cohort,
        parameters=parameters,
    )


def test_networks_are_described_without_what_they_do_not_have(card: dict[str, Any]) -> None:
    said = line_of(card, "claim_2024", "22")["value"]
    assert "None" not in said and "'" not in said
    assert said.startswith("faster_rcnn (dcn none; roi nms: 0.5)")
    assert "resnext3d; input tubes of 16 slices, 48 px a side" in said
    assert "2 weighted sums" in said and "two majority votes" in said
    assert said.endswith("parameters: detector 77, sequence 77")


def test_training_is_that_of_networks_and_the_choice_of_weights_is_told(
    card: dict[str, Any],
) -> None:
    said = line_of(card, "claim_2024", "25")["value"]
    assert said.startswith("adamw (sequence: sgd)") and "None" not in said
    assert "3 epochs" in said and "det_seq_age" not in said
    built = line_of(card, "tripod_ai", "12c")["value"]
    assert "Chosen in this run: the weights of the fusion" in built
    assert "No hyperparameter was tuned" not in built


def test_age_is_an_input_of_the_rows_that_weigh_it(card: dict[str, Any]) -> None:
    said = line_of(card, "tripod_ai", "9a")["value"]
    assert said.startswith("det: boxes of the detector on whole slices; det_seq_age: boxes")
    assert said.endswith("tube of slices around the largest box, age")
    defined = line_of(card, "tripod_ai", "9b")["value"]
    assert "age: years, as the share of malignant" in defined and "nothing beside" not in defined


def test_networks_of_inner_folds_judge_nobody(
    metrics: dict[str, Any], card: dict[str, Any]
) -> None:
    facts = CardFacts("x", metrics=metrics, certificate=certificate(folds=[0]))
    assert facts.one_network
    told = " ".join(str(one["value"]) for one in items(card))
    assert "spread over folds is shown" not in told and "network of the fold" not in told
    folds = CardFacts("x", metrics=metrics, certificate=certificate(folds=[0, 1, 2]))
    assert not folds.one_network


def test_a_fixed_part_is_not_called_stratified(card: dict[str, Any]) -> None:
    said = line_of(card, "tripod_ai", "13")["value"]
    assert "not stratified here" in said and "are stratified" not in said
    assert "detector: no resampling" in said and "sequence: training cases drawn" in said


def test_the_page_says_where_tubes_are_from(metrics: dict[str, Any]) -> None:
    said = tubes(metrics["training"])
    assert "to learn from at the largest drawn box" in said
    assert "largest box that the detector found in the sequence: 388" in said
    assert "in another sequence of the patient, as none was found here: 8" in said
    assert tubes({"a": {"recipe": {}}}) == ""


def view(metrics: dict[str, Any], train: str, test: str) -> View:
    row = {"name": "class: malignant", "values": {"train": train, "test": test}}
    cohort = {"demographics": {"columns": ["train", "test"], "rows": [row]}}
    return View(ReportParts("A run", metrics=metrics, headline="det_seq_age", cohort=cohort))


def test_the_summary_tells_votes_and_a_shift_of_prevalence(metrics: dict[str, Any]) -> None:
    own = view(
        metrics | {"settings": metrics["settings"] | {"positive_class": "malignant"}},
        "69 (61.6 %)",
        "17 (35.4 %)",
    )
    ((said, _),) = called(own)
    assert said.startswith("Called by vote, Det-Seq-Age has accuracy") and "specificity" in said
    ((told, tone),) = shift(own)
    assert "61.6 % of the training part are malignant, 35.4 % of the judged" in told
    assert "calls too many patients so" in told and tone == "warn"


@pytest.mark.parametrize(
    ("train", "test", "word"),
    [
        ("1 (20.0 %)", "4 (50.0 %)", "too few"),
        ("5 (50.0 %)", "9 (45.0 %)", ""),
        ("–", "3 (30 %)", ""),
    ],
)
def test_a_shift_is_told_by_rule(metrics: dict[str, Any], train: str, test: str, word: str) -> None:
    points = shift(view(metrics, train, test))
    assert (word in points[0][0]) if word else points == []


def histories() -> dict[str, pd.DataFrame]:
    table = pd.DataFrame(
        {"epoch": [0, 1, 0, 1], "fold": [0, 0, 1, 1], "loss": [2.0, 1.0, 4.0, 3.0]}
    )
    return {"detector": table, "sequence": table}


def test_networks_behind_a_fusion_have_a_line_each(metrics: dict[str, Any]) -> None:
    chart = learning_curves(cast(metrics, "det_seq_age"), histories())
    assert chart is not None
    assert [(one.name, one.role) for one in chart.series] == [
        ("detector", "headline"),
        ("sequence", "reference"),
    ]
    assert "cross-entropy" not in chart.y and "do not compare" in chart.note


def test_trainings_are_no_folds_of_a_hold_out(metrics: dict[str, Any]) -> None:
    parts = ReportParts("A run", metrics=metrics, headline="det_seq_age", histories=histories())
    shown = str(learning(View(parts)))
    assert "Trainings" in shown and "'Folds'" not in shown and "on training images" not in shown
    assert "one for each inner fold" in shown
