"""What a run hands to the ledger: settings of its own protocol only, and its number of classes."""

import pytest

from osteon.claims.ledger import NOT_TESTABLE, WITHIN
from osteon.cohorts.config import CohortConfig
from osteon.pipelines.reporting.nodes import settle_claims
from osteon.recipes.preprocessing import PreprocessingConfig, RegionConfig, SlicesConfig
from osteon.recipes.splitting import SplittingConfig

TWO = ["giant_cell_tumor", "osteosarcoma"]
PREPARED = PreprocessingConfig(
    slices=SlicesConfig(choice="lesion", count=3), region=RegionConfig(mode="box_margin")
)


def settled(paper, splitting, classes=("benign", "malignant")):
    figure = {"value": 0.85, "lo": 0.8, "hi": 0.99}
    level = {"at_0.5": {"accuracy": figure}, "scores": {"auroc": figure}}
    metrics = {
        "data": {"paper": paper},
        "classes": list(classes),
        "learners": {"alexnet_bn": {"patient": level}},
        "by_class": {"smsdnet": {"osteosarcoma": {"auroc": figure}}},
        "training": {},
    }
    cohort = CohortConfig(source="folder", path="somewhere", classes=tuple(classes))
    ledger, _ = settle_claims(metrics, cohort, splitting, PREPARED, {})
    return ledger


def lines(ledger):
    return {line["item"]: (line["printed"], line["ours"]) for line in ledger["protocol"]}


@pytest.mark.parametrize("paper", ["femoral_alexnet", "osteosarcoma_fusion"])
def test_a_hold_out_has_no_folds(paper):
    found = lines(settled(paper, SplittingConfig(protocol="holdout", folds=5)))
    assert found["folds"][1] == "none: one hold-out"
    assert found["aggregation over folds"][1].startswith("pooled over the judged parts; ")
    assert lines(settled(paper, SplittingConfig(folds=5)))["folds"][1] == 5


def test_folds_have_no_share_to_test():
    item = "share of the patients to test"
    found = lines(settled("spinal_smsdnet", SplittingConfig(), TWO))
    assert found[item] == (0.3, "none: cross-validation")
    held_out = SplittingConfig(protocol="holdout", test_share=0.4)
    assert lines(settled("spinal_smsdnet", held_out, TWO))[item] == (0.3, 0.4)


def test_what_the_networks_were_given_is_compared():
    found = lines(settled("spinal_smsdnet", SplittingConfig(), TWO))
    assert found["choice of slices"] == ("not stated", "lesion")
    assert found["part of the slice"] == ("not stated", "box_margin")
    assert "images kept, before slices are chosen" in found and "images" not in found


@pytest.mark.parametrize(
    ("paper", "classes", "further", "row"),
    [
        ("femoral_alexnet", ["benign", "malignant"], "intermediate", "auc_alexnet_bn"),
        ("spinal_smsdnet", TWO, "chordoma", "table1.osteosarcoma.auc"),
    ],
)
def test_two_class_numbers_are_not_tested_on_three(paper, classes, further, row):
    made = settled(paper, SplittingConfig(), classes)
    verdicts = {one["id"]: one["verdict"] for one in made["rows"]}
    assert verdicts[row] == WITHIN and made["testable"] and lines(made)["classes"] == (2, 2)
    other = settled(paper, SplittingConfig(), [further, *classes])
    assert lines(other)["classes"] == (2, 3) and not other["testable"]
    assert other["statement"].endswith("the run has 3 classes, the paper 2.")
    assert {one["verdict"] for one in other["rows"]} == {NOT_TESTABLE}
    found = {one["id"]: one for one in other["rows"]}[row]
    assert found["reason"] == "the run has 3 classes, the paper 2" and found["ours"] is not None
