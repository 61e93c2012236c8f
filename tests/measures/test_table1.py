"""Table 1 in the paper's layout; the printed numbers hold together."""

import numpy as np
import pytest

from osteon.claims.published import read_published
from osteon.measures.evaluator import evaluate
from osteon.measures.table1 import ROWS, printed, table1, to_cells, to_paper_table
from osteon.recipes.evaluation import EvaluationConfig


@pytest.fixture
def published():
    return read_published("osteosarcoma_fusion")


@pytest.fixture
def metrics(predictions):
    skipped = {"resnet18_alp": "alp: no value in this cohort"}
    return evaluate(predictions, EvaluationConfig(rounds=100), "resnet18_baseline", skipped).metrics


def test_rows_and_columns_are_the_papers(metrics, published):
    table = table1(metrics, published)
    assert list(table["Inputs"]) == [
        "Baseline",
        "Gender",
        "Age",
        "Gender&Age",
        "LDH",
        "ALP",
        "ALP&LDH",
        "All",
    ]
    assert table.loc[7, "Accuracy published"] == 0.9719
    assert table.loc[0, "Recall published"] == 0.9144
    assert table.set_index("Inputs").loc["ALP", "Note"] == "alp: no value in this cohort"
    assert table.set_index("Inputs").loc["LDH", "Note"] == "not run"


def test_ours_is_the_fold_mean_by_image_and_the_pool_by_patient(metrics, published):
    row = table1(metrics, published).set_index("Inputs").loc["All"]
    report = metrics["learners"]["resnet18_all"]
    assert row["Recall images"] == report["image"]["at_0.5"]["sensitivity"]["folds"]["mean"]
    assert row["F1 patients"] == report["patient"]["at_0.5"]["f1"]["value"]
    assert row["F1 patients lo"] <= row["F1 patients"] <= row["F1 patients hi"]


def test_a_learner_that_calls_nobody_has_a_dash(predictions, published):
    low = predictions["prob_osteosarcoma"] / 3
    none = predictions.assign(prob_osteosarcoma=low, prob_non_tumour=1 - low)
    found = evaluate(none, EvaluationConfig(rounds=100), "resnet18_baseline").metrics
    table = table1(found, published)
    row = table.set_index("Inputs").loc["All"]
    assert np.isnan(row["Precision patients"]) and np.isnan(row["Precision images"])
    assert row["Recall patients"] == 0
    cells = to_cells(table).set_index("Inputs")
    assert "patients – [–, –]" in cells.loc["All", "Precision"]


def test_markdown_has_a_line_a_row(metrics, published):
    made = to_paper_table(table1(metrics, published), "Table 1, resnet18")
    assert made.as_json()["title"] == "Table 1, resnet18" and "as the paper counts" in made.note
    lines = made.as_markdown().splitlines()
    assert lines[0].startswith("| Inputs | Accuracy | Precision | Recall | F1 |")
    assert len([one for one in lines if one.startswith("| ")]) == 9
    assert "printed 0.9719<br>images" in lines[9]
    assert "patients" not in lines[6], "a skipped row shows the printed value only"


def test_a_backbone_without_a_printed_table(predictions, published):
    assert printed(published, "resnet50") == {}
    table = predictions.assign(learner=predictions["learner"].str.replace("18", "50"))
    report = evaluate(table, EvaluationConfig(rounds=100), "resnet50_baseline").metrics
    found = table1(report, published, "resnet50")
    assert found["Accuracy published"].isna().all() and np.isfinite(found["Accuracy images"][7])


def test_printed_numbers_hold_together(published):
    """Transcription: accuracy and F1 recomputed from precision, recall and the printed counts."""
    cohort = published["cohort"]
    assert cohort["non_tumor_patients"] + cohort["os_patients"] == cohort["patients"]
    assert cohort["non_tumor_images"] + cohort["os_images"] == cohort["images"]
    share = cohort["os_images"] / cohort["images"]
    assert set(published["table1_resnet18"]) == set(ROWS)
    for row in published["table1_resnet18"].values():
        precision, recall = row["precision"], row["recall"]
        assert 2 * precision * recall / (precision + recall) == pytest.approx(row["f1"], abs=6e-4)
        true = recall * share
        accuracy = true + (1 - share) - (true / precision - true)
        assert accuracy == pytest.approx(row["accuracy"], abs=6e-4)


def test_cells_show_printed_and_ours_or_only_printed(metrics, published):
    cells = to_cells(table1(metrics, published)).set_index("Inputs")
    assert list(cells.columns) == ["Accuracy", "Precision", "Recall", "F1", "Note"]
    assert cells.loc["All", "Accuracy"].split("\n")[0] == "printed 0.9719"
    assert [line.split()[0] for line in cells.loc["All", "F1"].split("\n")] == [
        "printed",
        "images",
        "patients",
    ]
    assert cells.loc["ALP", "Accuracy"] == "printed 0.9635"
    assert "no value in this cohort" in cells.loc["ALP", "Note"]
