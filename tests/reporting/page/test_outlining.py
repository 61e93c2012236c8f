"""The page of networks that outline: three ways of counting apart, nothing of classes."""

import copy
import re

import pandas as pd
import pytest

from osteon.measures.paper_table import published
from osteon.measures.penn_tables import prevalence
from osteon.reporting.page import (
    sections_explaining,
    sections_outlining,
    sections_outlining_summary,
    sections_strata,
)
from osteon.reporting.page.render import render
from tests.reporting import segmentation_sample as made
from tests.reporting.page.tree import Tree

STATEMENT = "Synthetic patients."
OF_CLASSES = re.compile(
    r"AUROC|AUPRC|DeLong|McNemar|Brier|Youden|calibrat|Permuted|net benefit|cross-entropy|"
    r"Warm colours|probabilities of another|balanced accuracy|confusion",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def page() -> Tree:
    return Tree(render(made.outlined()))


def metrics(**changes):
    return copy.deepcopy(made.judged()) | changes


def texts(table):
    return {row[0].text: [cell.text for cell in row[1:]] for g in table.groups for row in g.rows}


def test_the_page_is_whole_and_no_id_stands_twice(page: Tree) -> None:
    assert not page.errors and not page.open
    ids = [attrs["id"] for _, attrs in page.starts if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_no_word_is_of_telling_classes_apart(page: Tree) -> None:
    found = {one.group().lower() for one in OF_CLASSES.finditer(page.text)}
    assert found <= {"balanced accuracy"}  # among all tests of the headline, folded away
    text = page.text[: page.text.index("Every test of PENN")]
    assert not OF_CLASSES.search(text)


def test_sections_follow_each_other(page: Tree) -> None:
    names = [attrs["id"] for name, attrs in page.starts if name == "section"]
    wanted = ["summary", "cohort", "outlining", "paired", "strata", "learning", "certificate"]
    assert [name for name in names if name in wanted] == wanted
    assert not {"discrimination", "classes", "controls", "calibration", "thresholds"} & set(names)


def test_pixels_pooled_pixels_and_patches_stand_in_three_tables() -> None:
    view = made.outlined().view
    own = view.learners["penn"]["patient"]
    pixel = texts(sections_outlining.pixel_table(view))["PENN"]
    pooled = texts(sections_outlining.pooled_table(view))["PENN"]
    patch = texts(sections_outlining.patch_table(view))["PENN"]
    assert pixel[0] == f"{own['pixel']['dice']['value']:.3f}"
    assert pixel[-1] == f"{own['pixel']['hd95_mm']['value']:.1f}"
    assert pooled[0] == f"{own['pixel_pooled']['dice']['value']:.3f}" != pixel[0]
    assert patch[3] == f"{own['patch']['f1']['value']:.3f}" != pixel[0]
    columns = [sections_outlining.patch_table(view).columns, *[["Dice"]]]
    assert "Dice" not in columns[0] and "F1" in columns[0]


def test_natural_and_balanced_shares_stand_once_with_the_paper_s_tables() -> None:
    printed = {"table1": {}, "table2": {}, "names": {}}
    whole = metrics()
    whole["settings"]["positive_class"] = "vertebra"
    ours, _ = published([prevalence(whole, printed)], STATEMENT, "The paper's tables")
    text = Tree(render(made.outlined(metrics=whole, paper_tables=ours, charts={}))).text
    assert text.count("Positive patches") == 1
    assert "% of the patches are positive" not in text
    assert "What balanced patches would have read" not in text


def test_the_natural_share_of_patches_is_the_one_counted() -> None:
    assert sections_outlining.natural_share(made.outlined().view) == " (2.4 %)"
    view, counts = made.outlined(metrics=metrics(lesions={})).view, made.patches()
    own = counts[counts["learner"] == "penn"][["tp", "fp", "fn", "tn"]].sum()
    share = 100 * (own["tp"] + own["fn"]) / own.sum()
    assert sections_outlining.natural_share(view) == f" ({share:.1f} %)"


def test_it_is_said_how_rare_and_how_large_the_target_is(page: Tree) -> None:
    assert (
        "Of what is judged 1.90 % of the pixels and 2.40 % of the patches are tumour" in page.text
    )
    assert "is 8.2 to 38.5 mm wide" in page.text and "median 17.0 mm" in page.text
    assert sections_outlining.rarity(made.outlined(metrics=metrics(lesions={})).view) == ""


def test_empty_masks_are_counted_by_which_is_empty() -> None:
    table = sections_outlining.empty_table(made.outlined().view)
    assert texts(table)["PENN"] == ["0", "1", "0"]
    assert table.columns[2] == "Empty: outline only"


def test_the_summary_speaks_dice_and_warns_of_balanced_patches(page: Tree) -> None:
    text = page.text[
        page.text.index("headline learner") : page.text.index("From what was received")
    ]
    for words in (
        "Dice of pixels by patient",
        "F1 of patches, natural prevalence; not a Dice",
        "is lower than (not so once p is adjusted after Holm) that of U-Net",
        "only one of truth and outline shows anything enters HD95 with its diagonal",
        "PENN outlined nothing in 1 of 24 patients who have a tumour",
        "On patches of which 50 % are positive",
        "Leak certificate: passed",
    ):
        assert words in text
    assert "Synthetic patients" in page.text


def test_a_difference_that_holds_after_holm_needs_no_caveat() -> None:
    given = metrics()
    for test in given["comparisons"]["penn"]["patient"]["tests"]:
        test["p_holm"] = 0.01
    said = sections_outlining_summary.comparison(made.outlined(metrics=given).view)[0][0]
    assert "is lower than that of U-Net" in said
    for test in given["comparisons"]["penn"]["patient"]["tests"]:
        test |= {"lo": -0.1, "hi": 0.1}
    said = sections_outlining_summary.comparison(made.outlined(metrics=given).view)[0][0]
    assert "cannot be told from" in said


def test_tests_are_of_dice_iou_nsd_and_hd95() -> None:
    found = sections_outlining.tests(made.outlined().view)
    table = next(block for block in found.blocks if block.kind == "table")
    assert [name for name in table.columns if name.startswith("Δ")] == [
        *("Δ Dice", "Δ IoU", "Δ NSD", "Δ HD95, mm")
    ]
    assert {"PENN", "plain SAE", "MultiResUNet"} == set(texts(table))


def test_strata_show_headline_and_reference_and_fold_the_rest() -> None:
    given = metrics()
    given["strata"]["size"] += [
        {**one, "learner": "sae_plain"} for one in given["strata"]["size"][:2]
    ]
    found = sections_strata.strata(made.outlined(metrics=given).view)
    assert "3 of 24 patients have no tumour wider than 9.5 mm" in found.blocks[1].text
    size, rest, level = found.blocks[2:]
    assert size.caption == "By size of the largest tumour, equivalent diameter"
    assert [row[0].text for row in size.groups[0].rows] == ["PENN", "U-Net"]
    assert rest.kind == "folded" and size.caption in rest.summary
    assert [row[0].text for row in rest.table.groups[0].rows] == ["PENN", "U-Net", "plain SAE"]
    assert level.kind == "table"  # of both alone: nothing to fold
    none = made.outlined(metrics=metrics(strata={}, lesions={})).view
    assert not sections_strata.strata(none).blocks


def test_joined_groups_are_named_where_they_are_few() -> None:
    rows = [{"stratum": "small groups together", "joined": ["T1 to T3", "L5"]}]
    title = sections_strata.titled("small groups together", rows)
    assert title == "small groups together: T1 to T3 and L5"
    rows[0]["joined"] = ["T1", "T2", "L4", "L5"]
    assert sections_strata.titled("small groups together", rows) == "small groups together: 4"
    assert sections_strata.titled("L3", [{"stratum": "L3", "joined": ["L3"]}]) == "L3"


def test_a_check_on_patches_has_no_column_or_table_of_pointing() -> None:
    nothing = {"value": None, "lo": None, "hi": None, "n": 0, "patients": 0}
    keys = ("pointing", "randomised_pointing", "pointing_gain", "randomised_energy", "deletion")
    one = dict.fromkeys(keys, nothing) | {
        "verdict": "follows the weights",
        "note": "Only patches of the target are asked.",
        "randomised_correlation": {"value": 0.1, "lo": 0.0, "hi": 0.2, "n": 20, "patients": 9},
    }
    told = {"methods": {"penn": {"gradient": one}}, "statement": "Gradients of the target's logit."}
    found = sections_explaining.explanations(made.outlined(explanations=told).view)
    (table,) = [block for block in found.blocks if block.kind == "table"]
    assert table.columns == ("Learner", "Map", "Verdict", "Correlation with shuffled")
    assert not [b for b in found.blocks if b.kind == "text" and "points into" in b.text]
    assert found.blocks[-1].text == "Gradients of the target's logit."


def test_pretraining_is_told_layer_by_layer_and_kept_out_of_training(page: Tree) -> None:
    rows = [row for g in sections_strata.pretrained(made.outlined().view).groups for row in g.rows]
    assert [row[0].text for row in rows] == ["PENN", "PENN", "plain SAE", "plain SAE"]
    assert (rows[0][3].text, rows[0][4].text, rows[0][5].text) == ("9.000", "2.250", "fell")
    learning = page.text[page.text.index("The last epoch of training") :]
    assert "9.000" not in learning[: learning.index("Pretraining: reconstruction")]


def test_an_error_that_rises_is_said_to() -> None:
    assert sections_strata.fell(1.0, 2.0).text == "did not fall"
    assert sections_strata.fell(None, 2.0).text == "not recorded"


def test_without_patches_strata_or_comparisons_the_page_still_stands() -> None:
    given = metrics(strata={}, comparisons={}, lesions={})
    for one in given["learners"].values():
        del one["patient"]["patch"]
    tree = Tree(render(made.outlined(metrics=given, charts={}, histories={})))
    assert not tree.errors
    assert "Patches, at their natural share" not in tree.text
    assert "How well tumours are outlined" in tree.text


def test_another_target_is_called_by_its_name() -> None:
    given = metrics()
    given["settings"]["positive_class"] = "vertebra"
    tree = Tree(render(made.outlined(metrics=given, charts={})))
    assert "How well vertebrae are outlined" in tree.text
    assert (
        "tumour"
        not in tree.text[: tree.text.index("By size of the largest")].split(
            "From what was received"
        )[0]
    )


def test_the_glossary_is_of_outlines(page: Tree) -> None:
    text = page.text[page.text.rindex("Glossary") :]
    for word in ("Dice", "IoU", "NSD", "HD95", "Patch level", "Prevalence", "Pooled pixels"):
        assert word in text


def test_slices_with_the_target_have_a_table() -> None:
    cohort = made.cohort() | {
        "target": {
            "columns": ["all"],
            "rows": [{"name": "slices with tumour", "values": {"all": "140 (38.9 %)"}}],
        }
    }
    text = Tree(render(made.outlined(cohort=cohort, charts={}))).text
    assert "Slices with and without the target" in text and "140 (38.9 %)" in text


def test_a_history_without_stages_is_training() -> None:
    table = pd.DataFrame({"epoch": [0, 1], "loss": [1.0, 0.5], "fold": [0, 0]})
    view = made.outlined(histories={"unet": table}).view
    assert sections_strata.pretrained(view) is None
