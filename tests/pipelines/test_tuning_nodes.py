"""Tuning as a whole: divided, searched, certified, judged once; and every way to peek."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from osteon.cohorts.errors import CohortError
from osteon.measures.leaks import LeakFound
from osteon.pipelines.splitting.nodes import UNCHANGED
from osteon.pipelines.tuning import judging
from osteon.pipelines.tuning.dividing import outer_division
from osteon.pipelines.tuning.nodes import (
    certify_tuning,
    divide_training_part,
    judge_images,
    list_trials,
    take_training_part,
    tune_images,
    write_best_values,
)
from osteon.pipelines.tuning.seen import SEEN
from osteon.recipes import Learner, Recipe
from osteon.recipes.parallel import ParallelConfig
from osteon.recipes.tuning import SpaceError
from tests.pipelines import tuning_cohort as cohort

SEQUENTIAL = ParallelConfig(backend="sequential")
ROW = (cohort.COHORT, cohort.PREPROCESSING, cohort.RECIPE, cohort.LEARNER)


def divided(config, samples=None, splits=None, pairs=cohort.NO_PAIRS):
    """Samples of the training part, outer part, inner folds."""
    samples = cohort.samples() if samples is None else samples
    splits = cohort.splits(samples) if splits is None else splits
    inside, held = take_training_part(samples, splits, config)
    return inside, held, divide_training_part(inside, pairs, config)


def searched(folder, config, inside, inner):
    store = cohort.prepared(folder)
    return tune_images(
        inside, inner, store, folder / "tuning", *ROW, config, SEQUENTIAL, name="row"
    )


def judged(folder, config, study, certificate, inside, inner):
    return judge_images(
        study, certificate, cohort.samples(), cohort.splits(), inside, inner,
        folder / "prepared", folder / "tuning", *ROW, config, row="resnet18_baseline",
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A study from end to end: two seeds, three trials."""
    folder, config = tmp_path_factory.mktemp("run"), cohort.tuning(seeds=2)
    inside, held, inner = divided(config)
    study = searched(folder, config, inside, inner)
    given = (study, folder / "tuning", cohort.samples(), cohort.splits(), inner)
    certificate = certify_tuning(*given, cohort.NO_PAIRS, config)
    result = judged(folder, config, study, certificate, inside, inner)
    return SimpleNamespace(
        folder=folder, config=config, inside=inside, held=held, inner=inner, study=study,
        certificate=certificate, result=result,
    )  # fmt: skip


def test_trials_are_given_no_row_of_the_outer_part(run) -> None:
    outer = cohort.splits().query("fold == 0")
    assert sorted(run.held["sample_id"]) == sorted(outer["sample_id"])
    assert not set(run.inside["patient_id"]) & set(outer["patient_id"])
    assert len(run.inside) + len(run.held) == len(cohort.samples())
    assert sorted(run.inner["sample_id"]) == sorted(run.inside["sample_id"])
    assert (run.inner.groupby("patient_id")["fold"].nunique() == 1).all()
    assert set(run.inner["fold"]) == {0, 1}


def test_a_hold_out_has_its_test_part_as_outer_part() -> None:
    samples = cohort.samples()
    test = cohort.splits()["fold"] == 2
    samples["split"] = np.where(test, "test", "train")
    splits = cohort.splits().assign(fold=np.where(test, 0, -1), split=samples["split"])
    inside, held, inner = divided(cohort.tuning(), samples, splits)
    assert sorted(held["sample_id"]) == sorted(samples.loc[test, "sample_id"])
    assert len(inside) == (~test).sum() and set(inner["split"]) == {"cv"}
    pd.testing.assert_frame_equal(outer_division(splits, cohort.tuning()), splits)
    with pytest.raises(CohortError, match=r"held_out: fold 1 found, the splits have \[0\]"):
        take_training_part(samples, splits, cohort.tuning(held_out=1))


def test_a_fold_that_is_not_there_is_refused() -> None:
    with pytest.raises(CohortError, match=r"fold 7 found, the splits have \[0, 1, 2\]"):
        take_training_part(cohort.samples(), cohort.splits(), cohort.tuning(held_out=7))


def test_copies_stay_in_one_inner_fold_and_too_many_folds_are_refused() -> None:
    config = cohort.tuning()
    inside, _, plain = divided(config)
    fold = plain.set_index("sample_id")["fold"]
    apart = fold[fold == 0].index[0], fold[fold == 1].index[0]
    pairs = pd.DataFrame([(*apart, UNCHANGED)], columns=cohort.NO_PAIRS.columns)
    tied = divide_training_part(inside, pairs, config).set_index("sample_id")["fold"]
    assert tied[apart[0]] == tied[apart[1]]
    with pytest.raises(CohortError, match=r"tuning\.inner, folds of the training part: .*7 folds"):
        divided(cohort.tuning(inner={"folds": 7}))


def test_the_certificate_says_what_was_checked(run) -> None:
    certificate = run.certificate
    assert certificate["passed"] and certificate["complete"], certificate
    assert certificate["trials"] == 3 and certificate["records"] == 1
    assert certificate["outer"]["learners_checked"] == ["trials of the study"]
    assert certificate["inner"]["folds"] == [0, 1]
    assert json.loads(json.dumps(certificate)) == certificate


def test_the_result_tells_inner_outer_and_the_gap(run) -> None:
    result = run.result
    assert json.loads(json.dumps(result)) == result
    assert result["inner"]["patients"] == 12 and result["outer"]["patients"] == 6
    best = max(trial.value for trial in run.study.trials)
    assert result["inner"]["value"] == best
    assert result["gap"]["value"] == pytest.approx(best - result["outer"]["value"])
    assert result["trials"] == {"complete": 3, "pruned": 0, "failed": 0, "asked": 3}
    assert set(result["chosen"]) == set(cohort.SPACE)
    assert result["configured"] == {"training.lr": 0.05, "dropout": 0.0}
    assert [one["seed"] for one in result["seeds"]] == [0, 1]
    assert result["seeds"][0]["value"] == best == result["spread"]["values"][0]
    assert result["held_out"] == 0 and result["looks"] == 1
    assert result["certificate"] == {"passed": True, "complete": True, "checked": 3}
    assert result["statement"].startswith("Synthetic") and result["seconds"] > 0
    assert not list((run.folder / "tuning").rglob("*.safetensors"))  # no weights are kept


def test_the_outer_part_is_judged_once_with_the_recipes_own_seed(run, monkeypatch) -> None:
    from osteon.learning import folds

    asked, honest = [], folds.run_folds

    def watched(tasks, *rest):
        asked.append(tasks)
        return honest(tasks, *rest)

    monkeypatch.setattr(folds, "run_folds", watched)
    given = (run.folder, run.config, run.study, run.certificate, run.inside, run.inner)
    again = judged(*given)
    held = set(run.held["sample_id"])
    outer = [tasks for tasks in asked if held & set(tasks[0].cases.samples)]
    assert len(outer) == 1 and len(outer[0]) == 1
    (task,) = outer[0]
    assert set(task.cases.samples[task.test]) == held
    assert set(task.cases.samples[task.train]) == set(run.inside["sample_id"])
    assert task.recipe.training.seed == 0
    assert task.recipe.training.lr == run.result["chosen"]["training.lr"]
    # The same setting looks again at what it has seen: the same figures, and no further look.
    assert again == run.result


def test_trials_may_be_cheaper_than_the_look_at_the_outer_part(run, tmp_path, monkeypatch) -> None:
    from osteon.learning import folds

    config = cohort.tuning(trials=1, in_trials={"training.epochs": 1})
    study = searched(tmp_path, config, run.inside, run.inner)
    assert study.trials[0].user_attrs["epochs"] == len(set(run.inner["fold"]))
    assert study.study_name != run.study.study_name
    asked, honest = [], folds.run_folds
    monkeypatch.setattr(folds, "run_folds", lambda tasks: asked.append(tasks) or honest(tasks))
    given = (study, tmp_path / "tuning", cohort.samples(), cohort.splits(), run.inner)
    certificate = certify_tuning(*given, cohort.NO_PAIRS, config)
    result = judged(tmp_path, config, study, certificate, run.inside, run.inner)
    assert [task.recipe.training.epochs for task in asked[-1]] == [cohort.TRAINING["epochs"]]
    assert result["in_trials"] == {"training.epochs": 1}
    text = write_best_values(result, *ROW[2:], paper="osteosarcoma_fusion", row="row")
    assert "epochs" not in yaml.safe_load(text)["osteosarcoma_fusion"]["recipe"]["training"]
    assert "Trials had training.epochs 1;" in text.replace("\n# ", " ")
    seen = result | {"looks": 2, "outer": result["outer"] | {"value": None}}
    text = write_best_values(seen, *ROW[2:], paper="osteosarcoma_fusion", row="row")
    assert "not defined on these patients; 2 settings" in text.replace("\n# ", " ")


def test_a_cheaper_trial_that_the_recipe_does_not_know_is_named(run, tmp_path) -> None:
    config = cohort.tuning(in_trials={"training.epoch": 1})
    with pytest.raises(SpaceError, match=r"^in_trials\.training\.epoch: no epoch found; allowed"):
        searched(tmp_path, config, run.inside, run.inner)
    config = cohort.tuning(in_trials={"training.epochs": 0})
    with pytest.raises(SpaceError, match=r"^in_trials: training\.epochs 0 found; .*epochs: Input"):
        searched(tmp_path, config, run.inside, run.inner)


def test_a_value_that_only_cheaper_trials_allow_stops_before_the_first(run, tmp_path) -> None:
    block = cohort.RECIPE.model_dump(exclude_unset=True)
    block["training"] |= {"nesterov": True}
    space = {"training.momentum": {"choices": [0.9, 0.0]}}
    config = cohort.tuning(space=space, in_trials={"training.nesterov": False})
    blocks = (cohort.COHORT, cohort.PREPROCESSING, Recipe.model_validate(block), cohort.LEARNER)
    given = (run.inside, run.inner, cohort.prepared(tmp_path), tmp_path / "tuning")
    with pytest.raises(SpaceError, match=r"training\.momentum: 0\.0 found; .*nesterov is true"):
        tune_images(*given, *blocks, config, SEQUENTIAL, name="row")
    assert not (tmp_path / "tuning").exists()


def test_the_first_trial_is_the_configuration_and_all_are_listed(run) -> None:
    table = list_trials(run.study, run.config)
    assert table.columns.tolist() == ["number", "state", "value", "params", "seconds", "error"]
    assert table["number"].tolist() == [0, 1, 2] and set(table["state"]) == {"complete"}
    assert json.loads(table["params"][0]) == {"training.lr": 0.05, "dropout": 0.0}
    assert table["value"].max() == run.result["inner"]["value"]


def test_the_same_command_finds_the_study_finished_and_again_the_same(run, tmp_path) -> None:
    again = searched(run.folder, run.config, run.inside, run.inner)
    assert len(again.trials) == 3 and again.study_name == run.study.study_name
    other = searched(tmp_path, run.config, run.inside, run.inner)
    assert [one.values for one in other.trials] == [one.values for one in run.study.trials]
    assert [one.params for one in other.trials] == [one.params for one in run.study.trials]
    assert other.study_name == run.study.study_name


def test_best_values_read_back_into_the_recipe(run) -> None:
    text = write_best_values(
        run.result, cohort.RECIPE, cohort.LEARNER, paper="fusion", row="resnet18_baseline"
    )
    block = yaml.safe_load(text)["fusion"]
    base = cohort.RECIPE.root.model_dump(exclude_unset=True)
    training = base.pop("training") | block["recipe"].pop("training")
    tuned = Recipe.model_validate(base | block["recipe"] | {"training": training})
    own = cohort.LEARNER.root.model_dump(exclude_unset=True)
    full = tuned.for_learner(Learner.model_validate(own))
    assert full.training.lr == run.result["chosen"]["training.lr"]
    assert full.dropout == run.result["chosen"]["dropout"]
    assert "3 trials" in text and "Synthetic" in text and "P0" not in text


def peeked(run, folder, samples, intruders, config=None):
    """A study whose training part holds intruders, as a wrong table would give them."""
    config = cohort.tuning(trials=1) if config is None else config
    inside, _, inner = divided(config)
    more = samples[samples["sample_id"].isin(intruders)]
    inside = pd.concat([inside, more], ignore_index=True)
    placed = more[["sample_id", "patient_id"]].assign(fold=0, split="cv")
    inner = pd.concat([inner, placed], ignore_index=True)
    return searched(folder, config, inside, inner), inner, config


def certified(folder, study, samples, splits, inner, pairs, config):
    return certify_tuning(study, folder / "tuning", samples, splits, inner, pairs, config)


def test_an_outer_sample_among_the_inner_ones_is_named(run, tmp_path) -> None:
    samples, splits = cohort.samples(), cohort.splits()
    study, inner, config = peeked(run, tmp_path, samples, ["I00"])
    with pytest.raises(LeakFound, match="trials of the study and fold 0 and I00"):
        certified(tmp_path, study, samples, splits, inner, cohort.NO_PAIRS, config)
    # The table was put right afterwards: what the trials recorded still tells.
    with pytest.raises(LeakFound, match="I00"):
        certified(tmp_path, study, samples, splits, run.inner, cohort.NO_PAIRS, config)


def test_another_image_of_an_outer_patient_is_named(run, tmp_path) -> None:
    samples, splits = cohort.samples(), cohort.splits()
    # I01 is of the outer patient P00, and was placed in another fold by mistake.
    splits.loc[splits["sample_id"] == "I01", "fold"] = 1
    study, inner, config = peeked(run, tmp_path, samples, ["I01"])
    with pytest.raises(LeakFound, match="P00"):
        certified(tmp_path, study, samples, splits, inner, cohort.NO_PAIRS, config)


@pytest.mark.parametrize("change", [UNCHANGED, "mirrored left-right"])
def test_a_copy_of_an_outer_image_is_named(run, change) -> None:
    pairs = pd.DataFrame([("I00", "I04", change)], columns=cohort.NO_PAIRS.columns)
    with pytest.raises(LeakFound, match="I00 and I04"):
        certified(
            run.folder, run.study, cohort.samples(), cohort.splits(), run.inner, pairs, run.config
        )
    # A copy of which no trial saw either half is none of tuning's business.
    unseen = pd.DataFrame([("I00", "X99", change)], columns=cohort.NO_PAIRS.columns)
    certified(
        run.folder, run.study, cohort.samples(), cohort.splits(), run.inner, unseen, run.config
    )


def test_the_same_pixels_under_another_name_are_found(run) -> None:
    samples = cohort.samples()
    samples.loc[samples["sample_id"] == "I04", "content_hash"] = samples["content_hash"][0]
    with pytest.raises(LeakFound, match=r"I00 and I04|I04 and I00"):
        certified(
            run.folder, run.study, samples, cohort.splits(), run.inner, cohort.NO_PAIRS, run.config
        )


def test_a_trial_without_a_record_is_not_certified(run, tmp_path) -> None:
    (tmp_path / "tuning" / run.study.study_name / SEEN).mkdir(parents=True)
    with pytest.raises(LeakFound, match=r"no record of what trial\(s\) \[0, 1, 2\] saw"):
        certified(
            tmp_path, run.study, cohort.samples(), cohort.splits(), run.inner, cohort.NO_PAIRS,
            run.config,
        )  # fmt: skip


def test_nothing_is_looked_at_without_a_certificate_of_this_study(run) -> None:
    for wrong in ({"study": "another"}, {"passed": False}):
        with pytest.raises(LeakFound, match="needed is one of row-"):
            judged(
                run.folder, run.config, run.study, run.certificate | wrong, run.inside, run.inner
            )


def test_every_further_setting_that_looks_is_counted(tmp_path) -> None:
    file, held = tmp_path / "new" / "looks.json", ["a", "b"]
    assert [judging.note_look(file, held, {"lr": lr}) for lr in (0.1, 0.2, 0.1)] == [1, 2, 2]
    assert judging.note_look(file, ["c"], {"lr": 0.1}) == 1
    assert '"a"' not in file.read_text()


def _trial(number, state, value=None, **facts):
    return SimpleNamespace(
        number=number, state=SimpleNamespace(name=state), value=value, user_attrs=facts
    )


def test_the_best_is_the_first_of_the_highest_and_pruned_ones_are_no_choice() -> None:
    trials = [
        _trial(0, "COMPLETE", 0.5), _trial(1, "COMPLETE", 0.8), _trial(2, "PRUNED", 0.9),
        _trial(3, "COMPLETE", 0.8), _trial(4, "FAIL", None, error="MemoryError"),
    ]  # fmt: skip
    assert judging.chosen_trial(trials).number == 1
    found = judging.counts(trials)
    assert found == {"complete": 3, "pruned": 1, "failed": 1, "asked": 5}
    with pytest.raises(CohortError, match="none of 1 was finished; the first error was: MemoryE"):
        judging.chosen_trial(trials[4:])


def test_a_study_of_failing_trials_names_the_first_error(tmp_path) -> None:
    # Every value is allowed, and none of them trains: the loss overflows.
    space = {"training.lr": {"low": 5.0, "high": 10.0}, "training.weight_decay": {"choices": [1.0]}}
    config = cohort.tuning(trials=2, space=space, first=False)
    inside, _, inner = divided(config)
    study = searched(tmp_path, config, inside, inner)
    table = list_trials(study, config)
    assert table["state"].tolist() == ["fail", "fail"] and table["value"].isna().all()
    assert table["error"].str.startswith("FloatingPointError").all(), table["error"]
    with pytest.raises(CohortError, match="none of 2 was finished; the first error was: Floating"):
        judging.chosen_trial(study.trials)
