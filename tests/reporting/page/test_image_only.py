"""The page of networks that see images alone: three classes in folds, two under a hold-out."""

import re

import pytest

from osteon.reporting.page import sections_classes
from osteon.reporting.page.render import render
from tests.reporting import image_sample as made
from tests.reporting.page.tree import Tree

FOREIGN = re.compile(
    r"clinical|X-ray|radiograph|\bALP\b|\bLDH\b|fusion\b|image-only", re.IGNORECASE
)
ALLOWED = ("confusion",)


@pytest.fixture(scope="module")
def folds() -> Tree:
    return Tree(render(made.image_only()))


@pytest.fixture(scope="module")
def holdout() -> Tree:
    return Tree(render(made.image_only(made.TWO, 1)))


def section(tree: Tree, begin: str, end: str) -> str:
    text = tree.text[tree.text.index("Contents") :]
    text = text[text.index("Glossary") :]
    return text[text.index(begin) : text.index(end)]


def test_pages_are_whole_and_no_id_stands_twice(folds: Tree, holdout: Tree) -> None:
    for tree in (folds, holdout):
        assert not tree.errors and not tree.open
        ids = [attrs["id"] for _, attrs in tree.starts if "id" in attrs]
        assert len(ids) == len(set(ids))


def test_no_word_tells_of_what_the_run_has_not(folds: Tree, holdout: Tree) -> None:
    for tree in (folds, holdout):
        found = [tree.text[one.start() - 12 : one.end()] for one in FOREIGN.finditer(tree.text)]
        assert [one for one in found if not one.lower().endswith(ALLOWED)] == []
        assert "what is reached without the image" in tree.text
        assert "what age and sex alone reach" in tree.text


def test_learners_have_their_names_in_print(folds: Tree) -> None:
    for name in ("AlexNet-BN", "GoogLeNet", "sex and age only", "age only"):
        assert name in folds.text
    assert "Headline: named before the run" in folds.text


def test_each_class_stands_against_the_rest_with_its_training_part(folds: Tree) -> None:
    text = section(folds, "Each class in turn", "Is the difference real?")
    for name in made.THREE:
        assert f"{name} against the rest" in text
        assert f"ROC, {name} against the rest" in text
    assert "It is no performance estimate" in text
    assert "above the held-out AUROC" in text
    assert "24 malignant" not in text  # counts of one class would mislead beside another


def test_three_classes_have_a_matrix_and_two_have_none(folds: Tree, holdout: Tree) -> None:
    assert "Macro AUROC" in folds.text and "Confusion matrix of all classes" in folds.text
    assert "Macro AUROC" not in holdout.text
    assert "Confusion matrix of all classes" not in holdout.text


def test_the_matrix_is_a_table_where_it_was_not_drawn() -> None:
    view = made.image_only(charts={}).view
    tables = [one for one in sections_classes.classes(view).blocks if one.kind == "table"]
    counts = view.metrics["multiclass"]["alexnet_bn"]["confusion"]
    shown = [[int(cell.text) for cell in row[1:]] for row in tables[-1].groups[0].rows]
    assert shown == counts


def test_optimism_is_the_gap_and_says_when_it_is_none() -> None:
    view = made.image_only().view
    said = sections_classes.optimism(view, {"benign": {"auroc": 0.95, "optimism": -0.02}})
    assert said.startswith("On its training part AlexNet-BN reads: benign 0.950, 0.020 below")
    nothing = {"benign": {"auroc": None, "optimism": None}}
    assert sections_classes.optimism(view, nothing) == sections_classes.NO_ESTIMATE


def test_what_was_given_is_told_counted_and_shown(folds: Tree) -> None:
    text = section(folds, "Of 880 slices", "The paper's tables")
    assert "144 were taken: of each series the slices that show most of the lesion" in text
    assert "an expert's mask 120" in text and "Otsu's threshold 22" in text
    assert "nothing found by the threshold: shown whole 2" in text
    assert "What was cropped" in text
    assert folds.text.count("One image of each source of a region.") == 1


def test_the_paper_s_tables_and_grids_stand_together(folds: Tree) -> None:
    text = section(folds, "Table 2", "How well the classes")
    assert "printed 98.34" in text and "ours 81.2 [70.1, 90.3]" in text
    assert "0.91 [0.85, 0.97]" in text
    assert "Attention of block 1." in text
    # Three classes here, two in print: the bars stand without the printed values.
    assert "by learner. Image level" in text


def test_a_hold_out_has_no_spread_and_says_where_thresholds_come_from(holdout: Tree) -> None:
    assert "over the folds" not in holdout.text and "mean of the folds" not in holdout.text
    assert "Threshold of Youden, from the training part" in holdout.text
    assert "is fitted on the training part" in holdout.text
    assert "other folds" not in holdout.text
    assert "mean, range" not in holdout.text


def test_folds_have_their_spread(folds: Tree) -> None:
    assert "Mean ± SD over the folds, patient level" in folds.text
    assert "Threshold of Youden, from other folds" in folds.text


@pytest.mark.parametrize("missing", ["by_class", "multiclass", "training_part"])
def test_a_part_that_is_absent_is_left_out(missing: str) -> None:
    given = made.image_only(charts={})
    metrics = {key: value for key, value in given.metrics.items() if key != missing}
    text = Tree(render(made.image_only(charts={}, metrics=metrics))).text
    said = {
        "by_class": "Of the class",
        "multiclass": "Macro AUROC",
        "training_part": "no performance",
    }
    assert said[missing] not in text


def test_nothing_told_of_the_preparation_leaves_its_section_out() -> None:
    tree = Tree(render(made.image_only(charts={}, cohort=None, galleries=[])))
    assert "preparation" not in [attrs.get("id") for attrs in tree.all("section")]


def test_the_table_of_learners_names_networks_and_no_inputs(folds: Tree) -> None:
    text = section(folds, "Training, all folds together", "How the numbers were made")
    assert "alexnet" in text and "inputs" not in text
