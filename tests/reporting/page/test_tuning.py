"""The section on tuning: what a reader must be told, and what must not be printed."""

import pytest

from osteon.reporting.figures.tuning_charts import tuning_charts
from osteon.reporting.page import sections_tuning, tuned, tuning_tables
from osteon.reporting.page.render import render
from tests.reporting import sample
from tests.reporting import tuning_sample as made
from tests.reporting.page.tree import Tree


def parts(result=None, **changes):
    given = {
        "tuning": made.result() if result is None else result,
        "tuning_trials": made.trials(),
        "tuning_in_use": made.CONFIGURED,
        "galleries": [],
    }
    return sample.everything(**(given | changes))


def said(result=None, **changes) -> str:
    view = parts(result, **changes).view
    return " ".join(text for text, _ in sections_tuning.points(view, view.parts.tuning))


@pytest.fixture(scope="module")
def page() -> Tree:
    return Tree(render(parts(charts=tuning_charts(made.pictures()))))


def of_section(page: Tree) -> str:
    text = page.text
    start = text.index("3 settings of the learner")
    return text[start : text.index("laims ledger", start)]


def test_the_page_is_whole_and_no_id_stands_twice(page: Tree) -> None:
    assert not page.errors and not page.open
    ids = [attrs["id"] for _, attrs in page.starts if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_without_a_result_there_is_no_section() -> None:
    tree = Tree(render(sample.everything(galleries=[])))
    assert "tuning" not in [attrs.get("id") for name, attrs in tree.starts if name == "section"]


def test_it_says_on_whom_what_it_gave_and_what_it_is_worth(page: Tree) -> None:
    text = of_section(page)
    for words in (
        "for the best AUROC over patients",
        "on inner folds of the training part only",
        "the chosen setting was judged on them once",
        "Training part: 160 patients; outer part: 80.",
        "Tuned on synthetic patients: this shows that the software works",
        "0.912 [0.860, 0.950]",
        "0.871 [0.790, 0.930]",
        "0.041 [−0.050, 0.130]",
        "It cannot be told from none",
        "0.900 to 0.912",
        "9 finished, 1 given up early, 2 failed, of 12",
        "no trial saw a patient of the outer part (12 trials checked)",
        "Only the patients of fold 0 stayed untouched",
        "OutOfMemoryError: CUDA out of memory. Tried 20.00 MiB",
    ):
        assert words in text, words


def test_every_picture_stands_in_the_section_and_nowhere_else(page: Tree) -> None:
    ids = [attrs["id"] for name, attrs in page.starts if name == "figure" and "id" in attrs]
    assert [one for one in ids if "tuning" in one] == [
        "figure-tuning_history",
        "figure-tuning_importance",
        "figure-tuning_weights",
        "figure-tuning_slice_training_lr",
        "figure-tuning_slice_backbone",
        "figure-tuning_contour_lr_dropout",
    ]
    assert "Charts of this run that belong to no section" not in page.text


def test_numbers_on_log_axes_are_no_formulas(page: Tree) -> None:
    assert "mathdefault" not in page.text and "10⁻⁴" in page.text


def test_paths_pseudonyms_and_numbers_of_people_are_left_out(page: Tree) -> None:
    assert "somebody" not in page.text and made.PSEUDONYM not in page.text
    assert tuning_tables.safe("KeyError: '1.2.840.113619.2.5' of 12345678") == (
        "KeyError: '<left out>' of <left out>"
    )
    assert tuning_tables.safe("ValueError: C:\\Users\\x\\a.dcm\nsecond line") == (
        "ValueError: <left out>"
    )
    assert tuning_tables.safe("ValueError: lr 0.01, loss nan") == "ValueError: lr 0.01, loss nan"
    assert tuning_tables.safe(None) == "no reason recorded"
    assert len(tuning_tables.safe("word " * 200)) <= tuning_tables.LONGEST


def test_a_run_with_other_values_says_which_differ() -> None:
    assert "NOT made with the chosen values: training.lr, head.dropout differ." in said()


def test_a_run_with_the_chosen_values_says_so_and_warns() -> None:
    metrics = sample.metrics() | {"training": {}}
    text = said(tuning_in_use=made.CHOSEN, metrics=metrics)
    assert "The other sections were made with the chosen values." in text
    assert "read too high" in text


def test_what_was_trained_counts_more_than_what_is_configured() -> None:
    metrics = sample.metrics()
    recipe = {"training": {"lr": 0.0123}, "head": {"dropout": 0.31}, "backbone": "resnet18"}
    metrics["training"] = {"resnet18_all": {"recipe": recipe}}
    assert "were made with the chosen values" in said(metrics=metrics)


def test_a_value_that_nothing_records_is_not_claimed() -> None:
    assert "Not known of this run: training.lr" in said(tuning_in_use={}, metrics=None)


def test_lists_are_tuples_and_last_digits_do_not_count() -> None:
    assert tuned.same((0.1 + 0.2, 0.7), [0.3, 0.7])
    assert tuned.same({"name": "a", "depth": 2}, {"name": "a", "depth": 2.0})
    assert not tuned.same(True, 1)
    assert not tuned.same([0.3], [0.3, 0.7])
    assert not tuned.same("resnet18", None)


def test_a_failed_certificate_and_a_missing_one_are_bad() -> None:
    failed = made.result(certificate={"passed": False, "checked": 12})
    assert "Certificate FAILED" in said(failed)
    assert "No certificate" in said(made.result(certificate=None))


def test_many_looks_at_the_outer_part_are_told() -> None:
    assert "3 settings have judged this outer part" in said(made.result(looks=3))
    assert "settings have judged" not in said()


def test_cheaper_trials_are_told_beside_the_gap_that_holds_them() -> None:
    laid = {"training.epochs": 5, "training.milestones": [3]}
    found = sections_tuning.cheaper(made.result(in_trials=laid))
    assert found is not None and "training.epochs 5, training.milestones 3" in found.text
    assert sections_tuning.cheaper(made.result(in_trials={})) is None


def test_gaps_are_read_by_their_interval() -> None:
    above, below = {"value": 0.1, "lo": 0.02, "hi": 0.2}, {"value": -0.1, "lo": -0.2, "hi": -0.02}
    assert sections_tuning.gap_words({"gap": above}).startswith("The inner score promised")
    assert sections_tuning.gap_words({"gap": below}).startswith("The outer part was easier")
    assert sections_tuning.gap_words({"gap": 0.1}) == "No interval."
    for gap, word in ((above, "lower"), (below, "higher")):
        said = sections_tuning.gap_words({"gap": gap, "in_trials": {"training.epochs": 3}})
        assert word in said and "trained in full" in said


def test_what_a_trial_that_was_given_up_reported_last_is_not_ranked() -> None:
    trials = made.trials()
    trials.loc[0, ["state", "value"]] = ["PRUNED", 0.999]
    folded = tuning_tables.trials_table(trials)
    assert folded is not None
    text = str(folded)
    assert "0.999" not in text and text.index("0.910") < text.index("0.810")


def test_how_trials_were_drawn_is_told_in_words() -> None:
    found = dict(tuning_tables.facts(made.result(chosen_by="grid")))
    assert found["Sampler"] == "TPE, which learns from earlier trials"
    assert found["Given up early"] == "below the median of earlier trials at the same epoch"
    assert found["Winner"] == "trial 8, but for the weights, which are the grid's"


def test_fusion_speaks_of_predictions_and_of_its_grid() -> None:
    result = made.result(
        objective="accuracy",
        exhaustive={"weights": [0.4, 0.4, 0.2], "value": 0.921, "accuracy": 0.92},
        chosen_by="grid",
        seeds=None,
        spread={"seeds": [{"seed": k, "value": 0.9, "accuracy": 0.88 + k / 100} for k in (0, 1)]},
    )
    result["exhaustive"]["study_worse"] = True
    tree = Tree(render(parts(result)))
    for words in (
        "Trials trained no network",
        "reaches accuracy 0.920 at 0.4, 0.4, 0.2. The study alone found less; the grid's is",
        "0.880 to 0.890",
    ):
        assert words in tree.text


def test_too_few_trials_are_said_to_be_too_few() -> None:
    few = [one for one in made.pictures() if one["name"] == "history"]
    text = Tree(render(parts(charts=tuning_charts(few)))).text
    assert "Importance is not shown: 9 trials ran to their end, too few" in text


def test_a_bare_result_still_makes_a_page() -> None:
    text = Tree(render(parts({"chosen": {"a.b": 1}, "trials": {}}, tuning_trials=None))).text
    assert "No certificate says what the trials saw." in text


def test_settings_are_written_for_people() -> None:
    assert tuned.shown(3e-5) == "3.00e-05"
    assert tuned.shown((0.45, 0.45, 0.1)) == "0.45, 0.45, 0.1"
    assert tuned.shown(None) == "none" and tuned.shown(False) == "no" and tuned.shown(0.0) == "0"
