"""The verdict is by rule, every cell of Table 1 appears, and the settings are compared."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.claims.ledger import (
    NOT_TESTABLE,
    OUTSIDE,
    WITHIN,
    judge,
    ledger,
    obstacle,
    same,
    to_markdown,
)
from osteon.claims.paths import look
from osteon.claims.published import PAPERS, read_published

PAPER = "osteosarcoma_fusion"
TABLE = read_published(PAPER)["table1_resnet18"]
number = st.floats(0, 1)


def value(middle, half=0.01):
    return {"value": middle, "lo": middle - half, "hi": middle + half, "method": "x"}


def learner(accuracy=0.9):
    names = ("accuracy", "precision", "sensitivity", "f1")
    return {"image": {"at_0.5": {name: value(accuracy) for name in names}}}


@pytest.fixture
def metrics():
    recipe = {
        "width": 1.0,
        "hidden": 512,
        "training": {"epochs": 50, "lr": 0.03, "milestones": [20, 35, 45]},
    }
    gain = {"test": "bootstrap", "at": "at_0.5", "metric": "accuracy", "lo": 0.01, "hi": 0.03}
    other = gain | {"at": "at_youden", "value": 0.5}
    return {
        "learners": {
            "resnet18_all": learner(0.97),
            "resnet18_baseline": learner(0.9),
            "resnet50_all": learner(0.95),
            "resnet50_age": learner(0.98),
        },
        "skipped": {"resnet18_alp": "alp: no value"},
        "comparisons": {"resnet18_alp": {"image": {"tests": [other, gain | {"value": 0.02}]}}},
        "training": {"resnet18_all": {"recipe": recipe, "folds": [{"weights": "imagenet (V1)"}]}},
        "data": {"flow": {"images": 2608, "patients": {"with_images": 800}}, "source": "folder"},
    }


@pytest.fixture
def explanations():
    ratio = {"gradient": {"value": 3.0, "lo": 2.0, "hi": 4.0, "n": 5}}
    return {"clinical": {"resnet18_all": {"ratio_alp_ldh": ratio}}}


@pytest.fixture
def made(metrics, explanations):
    return ledger(PAPER, metrics, explanations, "folder", {"splitting": {"folds": 5}})


def rows(made):
    return {row["id"]: row for row in made["rows"]}


def test_every_cell_of_table_1_appears(made):
    found = rows(made)
    for row, cells in TABLE.items():
        for column, printed in cells.items():
            one = found[f"table1_resnet18.{row}.{column}"]
            assert one["printed"] == printed and one["where"] == "Table 1"


def test_ours_stands_beside_theirs(made):
    found = rows(made)
    recall = found["table1_resnet18.all.recall"]
    assert (recall["ours"], recall["verdict"]) == (0.97, OUTSIDE)
    accuracy = found["table1_resnet18.all.accuracy"]
    assert (accuracy["lo"], accuracy["hi"], accuracy["verdict"]) == (0.96, 0.98, WITHIN)
    assert found["table1_resnet18.baseline.accuracy"]["reason"].endswith("above our interval")
    ratio = found["gradient_ratio"]
    assert (ratio["printed"], ratio["ours"], ratio["verdict"]) == (2.415, 3.0, WITHIN)


def test_gains_are_shown_in_points_at_the_paper_s_threshold(made):
    gain = rows(made)["text_deltas.alp.accuracy"]
    assert (gain["printed"], gain["unit"], gain["verdict"]) == (2.0, "percentage points", WITHIN)
    assert (gain["lo"], gain["ours"], gain["hi"]) == pytest.approx((1, 2, 3))


def test_the_best_resnet50_is_taken_and_named(made):
    best = rows(made)["resnet50_best_accuracy"]
    assert best["ours"] == 0.98 and "the best of 2: resnet50_age" in best["reason"]


def test_what_we_do_not_have_says_why(made, metrics):
    found = rows(made)
    skipped = found["table1_resnet18.alp.f1"]
    assert skipped["verdict"] == NOT_TESTABLE and "skipped: alp: no value" in skipped["reason"]
    assert skipped["ours"] is skipped["lo"] is None
    assert found["table1_resnet18.age.f1"]["reason"] == "no figure of ours; not in this run"
    metrics["learners"]["resnet18_all"]["image"]["at_0.5"]["f1"]["lo"] = float("nan")
    row = rows(ledger(PAPER, metrics, None, "folder", {}))["table1_resnet18.all.f1"]
    assert (row["verdict"], row["reason"]) == (NOT_TESTABLE, "our figure has no interval")


@given(number, number, number, number)
def test_nothing_is_testable_on_a_phantom(printed, ours, lo, hi):
    for classes in (2, 3, None):
        barred = obstacle("phantom", 2, classes)
        assert judge(printed, ours, lo, hi, barred) == (NOT_TESTABLE, "synthetic patients")


@given(number, number, number)
def test_the_verdict_is_the_interval_s(printed, lo, hi):
    lo, hi = sorted((lo, hi))
    verdict = judge(printed, lo, lo, hi)[0]
    assert verdict == (WITHIN if lo <= printed <= hi else OUTSIDE)
    assert judge(lo, lo, lo, hi)[0] == WITHIN, "the ends belong to the interval"
    assert judge(printed, None, lo, hi)[0] == NOT_TESTABLE
    assert judge(printed, lo, None, hi)[0] == NOT_TESTABLE


@pytest.mark.parametrize("paper", PAPERS)
def test_a_phantom_s_ledger_tests_nothing(paper, metrics):
    made = ledger(paper, metrics, None, "phantom", {})
    assert made["testable"] is False and "synthetic" in made["statement"]
    assert {row["verdict"] for row in made["rows"]} == {NOT_TESTABLE}
    assert made["contradictions"] and made["protocol"] and made["title"]


def test_the_protocol_s_differences(made):
    found = {line["item"]: line for line in made["protocol"]}
    assert not found["images"]["differs"] and found["patients"]["differs"]
    assert found["patients"]["ours"] == 800
    assert not found["folds"]["differs"] and not found["epochs"]["differs"]
    assert found["learning rate"] == {
        "item": "learning rate",
        "printed": 0.01,
        "ours": 0.03,
        "differs": True,
    }
    assert not found["epochs of its steps"]["differs"]
    assert not found["pretrained weights"]["differs"], "imagenet (V1) is imagenet"
    assert found["unit of splitting"]["ours"] == "patient"
    assert found["unit of splitting"]["printed"] == "not stated"
    assert found["image side, px"]["ours"] == "not recorded" and found["image side, px"]["differs"]


def test_settings_that_vary_between_learners_are_all_named(metrics):
    second = json.loads(json.dumps(metrics["training"]["resnet18_all"]))
    second["recipe"]["training"]["epochs"] = 10
    metrics["training"]["resnet18_age"] = second
    made = ledger(PAPER, metrics, None, "folder", {})
    epochs = next(line for line in made["protocol"] if line["item"] == "epochs")
    assert epochs["ours"] == [50, 10] and epochs["differs"]


@pytest.mark.parametrize(
    ("printed", "ours", "equal"),
    [
        ("imagenet", "imagenet: V1", True),
        ("imagenet", "none: trained from scratch", False),
        ("SGD", "sgd", True),
        ("sgd", "sgdx", False),
        ([1, 2], (1, 2), True),
        (1.0, 1, True),
        (None, None, False),
        (5, None, False),
    ],
)
def test_two_settings_are_the_same_or_not(printed, ours, equal):
    assert same(printed, ours) is equal


def test_the_statement_counts(made):
    verdicts = [row["verdict"] for row in made["rows"]]
    assert f"Of {len(verdicts)} printed numbers {verdicts.count(WITHIN)} lie" in made["statement"]
    assert f"{verdicts.count(OUTSIDE)} outside" in made["statement"]


def test_the_ledger_is_json_in_the_agreed_form(made):
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert set(made["rows"][0]) == set(
        ["id", "what", "where", "printed", "ours", "lo", "hi", "unit", "verdict", "reason"]
    )
    wanted = set(["id", "statement", "printed", "recomputed", "sum", "holds", "source"])
    assert wanted <= set(made["contradictions"][0])
    names = [row["id"] for row in made["rows"]]
    assert len(set(names)) == len(names)


def test_markdown_has_a_line_for_everything(made):
    made["rows"][0]["what"] = "a | b"
    page = to_markdown(made)
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    parts = (made["rows"], made["protocol"], made["contradictions"], made["ambiguous"])
    assert len(lines) == sum(len(part) + 2 for part in parts)
    assert r"a \| b" in page and "20, 35, 45" in page
    assert "| 2.00 | 2.00 [1.00, 3.00] | percentage points | within interval |" in page
    assert "(97.19+98.26+95.49+96.85)/4 = 96.95 | does not hold |" in page


def test_markdown_speaks_in_words(made):
    page = to_markdown(made)
    assert "gender + age" in page and "gender_age" not in page
    for row in made["rows"]:
        assert "_" not in row["what"]
    assert "| not printed |" in page and "our derivation" in page
    assert "| not judged (ambiguous wording" in page


def test_markdown_counts_our_derivations_apart(made):
    checks = made["contradictions"]
    printed = [one["holds"] for one in checks if one["printed"] is not None]
    line = f"{printed.count(False)} of {len(printed)} checks of printed statements do not hold"
    assert line in to_markdown(made)


def test_each_place_of_the_headline_is_set_beside_the_inputs_it_names(made, metrics):
    metrics["learners"]["resnet18_alp_ldh"] = learner(0.96)
    found = rows(ledger(PAPER, metrics, None, "folder", {}))
    abstract, conclusion = found["abstract_accuracy"], found["conclusion_accuracy"]
    assert (abstract["printed"], abstract["ours"], abstract["where"]) == (0.9717, 0.96, "abstract")
    assert "ALP and LDH" in abstract["what"]
    assert (conclusion["printed"], conclusion["ours"]) == (0.9717, 0.97)
    assert conclusion["where"] == "conclusion" and "fusion model" in conclusion["what"]


def test_the_ratio_is_said_to_be_of_absolute_gradients(made):
    assert "mean absolute gradient" in rows(made)["gradient_ratio"]["what"]


def test_aggregation_and_threshold_are_among_the_settings(made):
    found = {line["item"]: line for line in made["protocol"]}
    pooled, threshold = found["aggregation over folds"], found["threshold on the probability"]
    assert pooled["printed"] == threshold["printed"] == "not stated"
    assert pooled["ours"].startswith("pooled over the judged parts") and pooled["differs"]
    assert threshold["ours"] == 0.5


def test_paths_walk_patterns_lists_and_conditions():
    tree = {"a": {"x_1": [{"k": "p", "v": 1}, {"k": "q", "v": 2}], "y": 3}}
    assert look(tree, "a/x_*/*/v") == [("a/x_1/0/v", 1), ("a/x_1/1/v", 2)]
    assert look(tree, "a/x_1/k=q/v") == [("a/x_1/1/v", 2)]
    assert look(tree, "a/nothing/v") == [] == look(tree, "a/y/v")


def test_the_first_path_that_leads_to_a_figure_counts():
    """Cross-validation and hold-out are told apart by the learners' names only."""
    paper, group = "femoral_alexnet", {name: value(0.9) for name in ("accuracy", "f1")}
    levels = {"patient": {"at_0.5": group, "scores": {"auroc": value(0.8, 0.1)}, "n_patients": 200}}
    recipe = {"training": {"steps": 1000, "lr": 0.01}, "network": {"dropout": 0.5, "l2": 1e-4}}
    for ending in ("", "_holdout"):
        learner_name = f"alexnet_bn{ending}"
        run = {"learners": {learner_name: levels}, "training": {learner_name: {"recipe": recipe}}}
        made = ledger(paper, run, None, "folder", {})
        found = rows(made)
        assert found["table2.alexnet_bn.accuracy"]["ours"] == 90
        assert found["auc_alexnet_bn"]["verdict"] == WITHIN
        assert found["table2.googlenet.f1"]["reason"] == "no figure of ours; not in this run"
        lines = {line["item"]: line for line in made["protocol"]}
        assert not lines["iterations"]["differs"] and not lines["learning rate"]["differs"]
        assert lines["dropout"]["ours"] == 0.5 and lines["dropout"]["differs"]
        held_out = lines["patients to test in the hold-out"]
        assert held_out["differs"] is (ending == "") and held_out["printed"] == 200


def test_each_row_of_smsdnet_is_answered_by_its_class():
    paper, classes = "spinal_smsdnet", ("osteosarcoma", "giant_cell_tumor")
    fixed = {name: value(0.83) for name in ("accuracy", "sensitivity", "specificity")}
    entries = {
        name: {"auroc": value(0.8 + 0.1 * place, 0.02), "at_0.5": fixed}
        for place, name in enumerate(classes)
    }
    softmax = {"smsdnet": entries}
    pair = {f"pair_{name}": {name: entries[name]} for name in classes}
    for by_class in (softmax, pair):
        run = {"by_class": by_class, "multiclass": {"smsdnet": {"accuracy": value(0.85)}}}
        found = rows(ledger(paper, run, None, "folder", {}))
        assert found["table1.osteosarcoma.auc"]["ours"] == 0.8
        assert found["table1.osteosarcoma.auc"]["verdict"] == WITHIN
        assert found["table1.giant_cell_tumor.auc"]["ours"] == 0.9
        assert found["table1.giant_cell_tumor.sensitivity"]["ours"] == 0.83
        assert found["discussion_auc"]["verdict"] == OUTSIDE
        assert found["overall_accuracy"]["verdict"] == WITHIN
    skipped = {"skipped": {"smsdnet": "too few"}}
    found = rows(ledger(paper, skipped, None, "folder", {}))
    assert found["table1.osteosarcoma.auc"]["reason"].endswith("smsdnet was skipped: too few")
