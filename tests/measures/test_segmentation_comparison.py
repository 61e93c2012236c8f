"""The comparison table: figures as the metrics have them, patches in columns of their own."""

import pytest

from osteon.measures.segmentation_comparison import COLUMNS, TESTED, summary, tabulate
from tests.reporting.segmentation_sample import judged


def test_every_figure_stands_where_the_metrics_have_it():
    metrics = judged()
    table = tabulate(metrics).set_index("learner")
    assert list(table.index) == ["penn", "sae_plain", "unet", "multiresunet", "d_tvnet"]
    for learner, levels in metrics["learners"].items():
        for column, (group, metric) in COLUMNS.items():
            entry = levels["patient"][group][metric]
            for ending, key in (("", "value"), ("_lo", "lo"), ("_hi", "hi")):
                value = float("nan") if entry[key] is None else entry[key]
                assert table.loc[learner, column + ending] == pytest.approx(value, nan_ok=True)
    assert table.loc["penn", "patch_f1"] != pytest.approx(table.loc["penn", "dice"])


def test_differences_are_those_of_the_reference_and_none_for_itself():
    metrics = judged()
    table = tabulate(metrics).set_index("learner")
    for test in metrics["comparisons"]["penn"]["patient"]["tests"]:
        for column in TESTED:
            if COLUMNS[column] == (test["at"], test["metric"]):
                row = table.loc["penn"]
                assert row[f"{column}_difference"] == pytest.approx(test["value"])
                assert row[f"{column}_p_holm"] == pytest.approx(test["p_holm"])
    assert table.loc["unet", [f"{name}_difference" for name in TESTED]].isna().all()


def test_skipped_learners_stand_last_with_the_reason_and_numbers_stay_numbers():
    table = tabulate(judged())
    assert table.iloc[-1]["skipped"] == "not asked for" and table["kind"].eq("learner").all()
    assert all(table[name].dtype == "float64" for name in COLUMNS)
    said = summary(table)
    assert "skipped: not asked for" in said and "penn" in said and "Dice - reference" in said


def test_without_patches_their_columns_are_empty():
    metrics = judged()
    learners = {
        name: {"patient": {key: one for key, one in levels["patient"].items() if key != "patch"}}
        for name, levels in metrics["learners"].items()
    }
    table = tabulate(metrics | {"learners": learners})
    assert table["patch_f1"].isna().all() and table["patch_f1"].dtype == "float64"
