"""The nodes of evaluation and of the papers' tables, on tables as training leaves them."""

import json

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.config import CohortConfig
from osteon.pipelines.evaluation.learners import clinical_twin, find_reference
from osteon.pipelines.evaluation.nodes import certify_no_leak, evaluate_learners, predict_controls
from osteon.pipelines.evaluation.pipeline import create_pipeline
from osteon.pipelines.femoral_alexnet.nodes import tabulate_as_published as femoral
from osteon.pipelines.osteosarcoma_fusion.nodes import tabulate_as_published as fusion
from osteon.pipelines.spinal_smsdnet.nodes import tabulate_as_published as spinal
from osteon.recipes.evaluation import EvaluationConfig

CLASSES = ("giant_cell_tumor", "osteosarcoma")
PATIENTS = 45
CONFIG = EvaluationConfig(rounds=50, reference="densenet")
NO_PAIRS = pd.DataFrame(columns=["sample_id", "sample_b", "change"])


@pytest.fixture(scope="module")
def tables():
    """Samples and hold-out splits; two learners and a permuted one with their training parts."""
    generator = np.random.default_rng(0)
    patient = np.repeat(np.arange(PATIENTS), 3)
    samples = pd.DataFrame(
        {
            "sample_id": [f"S{i:03d}" for i in range(len(patient))],
            "patient_id": [f"P{p:03d}" for p in patient],
            "label": patient % 2,
            "gender": np.where(patient % 3, 0.5, -0.5),
            "age_norm": 0.5,
            "age_missing": True,
            "content_hash": [f"h{i}" for i in range(len(patient))],
            "parent": None,
        }
    )
    test = patient % 3 == 0
    splits = samples[["sample_id", "patient_id"]].assign(
        fold=np.where(test, 0, -1), split=np.where(test, "test", "train")
    )
    learners = {}
    for name in ("densenet", "smsdnet", "smsdnet_permuted"):
        score = np.clip(0.5 + 0.1 * generator.normal(size=len(patient)) + 0.1 * (patient % 2), 0, 1)
        told = samples[["sample_id", "patient_id", "label"]].assign(
            learner=name, fold=0, prob_giant_cell_tumor=1 - score, prob_osteosarcoma=score
        )
        learners[name] = told[test].assign(paper="spinal_smsdnet", split="test")
        learners[f"{name}__fitted"] = told[~test]
        labels = "permuted" if name.endswith("permuted") else "true"
        learners[f"{name}__record"] = {"status": "trained", "recipe": {"labels": labels}}
    return samples, splits, learners


def run(tables, fitted=True, config=CONFIG):
    samples, splits, learners = tables
    if not fitted:
        bare = ["learner", "fold", "sample_id"]
        learners = {n: one[bare] if n.endswith("__fitted") else one for n, one in learners.items()}
    cohort = CohortConfig(source="phantom", classes=CLASSES)
    controls, controls_fitted = predict_controls(samples, splits, cohort)
    seen = {n: one for n, one in learners.items() if n.endswith("__fitted")}
    said = {f"{n}__predictions": learners[n] for n in ("densenet", "smsdnet", "smsdnet_permuted")}
    certificate = certify_no_leak(
        samples,
        splits,
        NO_PAIRS.rename(columns={"sample_id": "sample_a"}),
        controls__fitted=controls_fitted,
        controls__predictions=controls,
        **seen,
        **said,
    )
    found = evaluate_learners(
        config, cohort, {}, certificate, controls, controls_fitted, **learners
    )
    return certificate, *found


@pytest.fixture(scope="module")
def made(tables):
    return run(tables)


def test_metrics_hold_what_the_report_reads(made):
    certificate, metrics, curves, comparison = made
    assert certificate["complete"] and certificate["passed"]
    assert metrics["classes"] == list(CLASSES)
    for part in ("by_class", "training_part"):
        assert {name: list(one) for name, one in metrics[part].items()} == {
            name: list(CLASSES) for name in ("densenet", "smsdnet")
        }
    assert set(metrics["multiclass"]) == {"densenet", "smsdnet"}
    for found in curves["by_class"].values():
        for one in found.values():
            assert set(one) == {"held_out", "training"}
            assert set(one["training"]["roc"]) == set(one["held_out"]["roc"])
    assert set(comparison["kind"]) == {"learner", "control", "permuted"}
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics


def test_thresholds_of_a_hold_out_come_from_the_training_part(made):
    metrics = made[1]
    groups = (metrics["learners"], metrics["controls"]["learners"])
    for name, levels in (pair for group in groups for pair in group.items()):
        source = levels["patient"]["youden_from"]
        assert source == "training part, resubstitution", name
    permuted = metrics["permuted_labels"]["learners"]["smsdnet_permuted"]["patient"]
    assert "at_youden" in permuted


def test_an_older_table_of_what_was_fitted_on_still_works(tables):
    certificate, metrics, curves, _ = run(tables, fitted=False)
    assert certificate["passed"] and not certificate["complete"]
    assert metrics["training_part"] == {}
    assert "at_youden" not in metrics["learners"]["smsdnet"]["patient"]
    assert set(curves["by_class"]["smsdnet"]["osteosarcoma"]) == {"held_out"}


def test_no_learner_without_clinical_inputs_has_a_clinical_twin(made):
    assert made[1]["beyond_clinical"] == {}
    names = ("smsdnet", "alexnet_bn", "alexnet_bn_all", "googlenet_torchvision", "densenet")
    assert [clinical_twin(name) for name in names] == [None] * 5
    assert clinical_twin("resnet18_age") == "control_age"
    assert clinical_twin("resnet50_gender_age") == "control_clinical_gender_age"
    assert clinical_twin("resnet18_all") == "control_clinical_all"


def test_the_reference_is_the_first_that_fits():
    names = ["alexnet_bn_holdout", "googlenet_holdout"]
    assert find_reference(names, ["googlenet", "googlenet_holdout"]) == "googlenet_holdout"
    assert find_reference(["resnet18_baseline"], "baseline") == "resnet18_baseline"
    with pytest.raises(ValueError, match="fits no learner"):
        find_reference(names, ["densenet"])
    with pytest.raises(ValueError, match="exactly one"):
        find_reference(["a_x", "b_x"], "x")


def test_the_paper_s_tables_are_ready_text(made):
    tables, page = spinal(made[1])
    assert [one["title"] for one in tables][:1] == ["Table 1, threshold 0.5"]
    for one in tables:
        assert set(one) == {"title", "note", "columns", "rows"}
        assert all(len(row) == len(one["columns"]) for row in one["rows"])
        assert all(isinstance(cell, str) for row in one["rows"] for cell in row)
    assert "Synthetic patients" in page and "Spinal osteosarcoma" in page


def test_tables_of_a_run_without_the_paper_s_learners_have_the_printed_numbers(made):
    tables, page = femoral(made[1])
    assert tables[0]["rows"][0][1] == "printed 98.34" and "not run" in page
    settings = made[1]["settings"] | {"reference": "resnet18_baseline"}
    tables, page, cells = fusion(made[1] | {"settings": settings})
    assert len(tables) == 1 and "printed 0.9719" in page
    assert list(cells["Inputs"])[-1] == "All"


def test_the_wiring_hands_over_what_the_nodes_ask_for():
    made = create_pipeline("p", "p.holdout", ["a", "b"], splits="holdout_splits")
    wanted = {f"p.{name}.{what}" for name in "ab" for what in ("predictions", "fitted")}
    wanted |= {f"p.{name}.training_record" for name in "ab"}
    assert wanted | {"p.holdout_splits", "p.samples"} <= made.inputs()
    assert "p.splits" not in made.inputs()
