"""Pictures of a study and its runs in MLflow."""

import math
from pathlib import Path

import optuna
import pytest

from osteon.pipelines.tuning import figures, tracking
from osteon.recipes.tuning import Choices, TuningConfig, flat_dimensions, values_of
from osteon.reporting.figures.tuning_charts import tuning_charts

LR = {"low": 1e-4, "high": 1e-1, "log": True}
SPACE = {
    "training.lr": LR,
    "head.dropout": {"low": 0.0, "high": 0.7},
    "backbone": {"choices": ["resnet18", [1, 2]]},
}
WEIGHTS = {"weights": {"simplex": 3}, "age.bin_width": {"low": 2, "high": 20, "whole": True}}
SECRET = "/home/somebody/P0123456789abcdef.dcm"


def tuned(space=None, trials: int = 24) -> TuningConfig:
    return TuningConfig.model_validate({"trials": trials, "space": space or SPACE})


def draw_one(trial: optuna.Trial, tuning: TuningConfig) -> dict:
    drawn = {}
    for name, one in flat_dimensions(tuning.space).items():
        if isinstance(one, Choices):
            drawn[name] = trial.suggest_categorical(name, one.labels)
        elif one.whole:
            drawn[name] = trial.suggest_int(name, int(one.low), int(one.high))
        else:
            drawn[name] = trial.suggest_float(name, one.low, one.high, log=one.log)
    return values_of(tuning.space, drawn)


def score(values: dict) -> float:
    if "weights" in values:
        return 0.85 - sum((one - 1 / 3) ** 2 for one in values["weights"])
    return 0.9 - 0.1 * abs(math.log10(values["training.lr"]) + 2)


def study_of(tuning: TuningConfig) -> optuna.Study:
    """Every seventh trial is given up, one fails before it has drawn all."""
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=0),
        study_name="row.learner",
    )

    def run(trial: optuna.Trial) -> float:
        trial.set_user_attr("slot", trial.number)
        trial.set_user_attr("seconds", 0.5)
        if trial.number == 3:
            trial.set_user_attr("error", f"ValueError: no {SECRET}")
            raise ValueError(SECRET)
        value = score(draw_one(trial, tuning))
        trial.report(value - 0.1, 0)
        trial.report(value, 1)
        if trial.number % 7 == 6:
            raise optuna.TrialPruned
        return value

    study.optimize(run, n_trials=tuning.trials, catch=(ValueError,))
    return study


@pytest.fixture(scope="module")
def study() -> optuna.Study:
    return study_of(tuned())


def by_name(pictures: list) -> dict:
    return {one["name"]: one for one in pictures}


def test_every_picture_has_a_file_and_a_description(study) -> None:
    drawn, pictures = figures.draw_tuning(study, {"chosen": {}}, tuned())
    assert list(drawn) == [f"{name}.png" for name in tuning_charts(pictures)]
    names = set(by_name(pictures))
    assert names == {
        *("history", "importance", "slice_training_lr", "slice_head_dropout", "slice_backbone"),
        "contour_training_lr_head_dropout",
    }


def test_the_history_rises_and_tells_what_became_of_the_others(study) -> None:
    history = by_name(figures.study_pictures(study, {}, tuned()))["history"]
    finished, best, given_up = history["series"]
    assert best["y"] == sorted(best["y"]) and best["y"][-1] == pytest.approx(study.best_value)
    assert 3 not in finished["x"] and given_up["x"] == [6, 13, 20]
    # What they reported last is no score: they stand below all that have one.
    assert max(given_up["y"]) < min(finished["y"]) and history["wholes"] == ["x"]
    assert "20 of 24 trials ran to their end; 3 were given up" in history["note"]
    assert history["note"].endswith("1 failed and have no score.")


def test_ties_are_told_where_auroc_decides_between_equal_accuracies(study) -> None:
    found = {"exhaustive": {}}
    tuning = tuned().model_copy(update={"objective": "accuracy"})
    history = by_name(figures.study_pictures(study, found, tuning))["history"]
    assert "Between equal accuracies AUROC decides" in history["note"]


def test_no_tick_stands_between_whole_numbers() -> None:
    tuning = tuned(WEIGHTS, trials=2)
    whole = {"layers": {"low": 1, "high": 3, "whole": True}, "training.lr": LR}
    names = by_name(figures.study_pictures(study_of(tuning), {}, tuning))
    assert names["slice_age_bin_width"]["wholes"] == ["x", "colour"]
    tuning = tuned(whole, trials=2)
    names = by_name(figures.study_pictures(study_of(tuning), {}, tuning))
    assert names["contour_layers_training_lr"]["wholes"] == ["x"]
    assert names["slice_training_lr"]["wholes"] == ["colour"]


def test_importance_finds_what_matters_and_says_how_sure(study) -> None:
    importance = by_name(figures.study_pictures(study, {}, tuned()))["importance"]
    shares = {row["label"]: row["value"] for row in importance["rows"]}
    assert max(shares, key=shares.__getitem__) == "training.lr" and shares["training.lr"] > 0.6
    assert sum(shares.values()) == pytest.approx(1)
    assert "20 finished trials" in importance["note"] and "rough guess" in importance["note"]


def test_few_trials_give_no_importance_and_no_field() -> None:
    few = tuned(trials=6)
    found = by_name(figures.study_pictures(study_of(few), {}, few))
    assert "importance" not in found
    contour = found["contour_training_lr_head_dropout"]
    assert [one["style"] for one in contour["series"]] == ["scatter"]
    assert "too few" in contour["note"] and contour["logs"] == ["x"]


def test_equal_scores_give_no_importance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "score", lambda values: 0.5)
    flat = tuned()
    assert "importance" not in by_name(figures.study_pictures(study_of(flat), {}, flat))


def test_nothing_is_drawn_of_failures_alone() -> None:
    one = tuned(trials=1)
    study = optuna.create_study(direction="maximize")
    study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL))
    assert figures.study_pictures(study, {}, one) == []


def test_weights_are_a_triangle_with_what_was_chosen() -> None:
    tuning = tuned(WEIGHTS)
    result = {
        "chosen": {"weights": [0.4, 0.4, 0.2]},
        "configured": {"weights": "chosen"},  # a word, no weights
        "exhaustive": {"weights": [0.3, 0.4, 0.3]},
    }
    study = study_of(tuning)
    found = by_name(figures.study_pictures(study, result, tuning, "detector,sequence,age"))
    triangle = found["weights"]
    assert triangle["corners"] == ["detector", "sequence", "age"]
    assert [mark["name"] for mark in triangle["marks"]] == ["chosen", "exhaustive grid"]
    same = result | {"exhaustive": {"weights": [0.4, 0.4, 0.2]}}
    (mark,) = by_name(figures.study_pictures(study, same, tuning))["weights"]["marks"]
    assert mark["name"] == "chosen" and mark["detail"].endswith("; best of the grid")
    assert triangle["values"] == sorted(triangle["values"])
    assert {row["label"] for row in found["importance"]["rows"]} == {"weights", "age.bin_width"}
    assert "slice_weights" not in found
    assert "tuning_weights.png" in figures.draw_tuning(study, result, tuning)[0]


@pytest.fixture
def tracked(tmp_path: Path):
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_experiment("Default")  # a run before this one may have chosen one of its own
    yield mlflow
    mlflow.set_tracking_uri(before)


def test_every_trial_is_a_child_run_without_secrets(study, tracked) -> None:
    with tracked.start_run() as parent:
        assert tracking.log_study(study, "row.learner") == 24
        assert tracked.active_run().info.run_id == parent.info.run_id
    client = tracked.MlflowClient()
    found = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    )
    runs = {int(run.data.tags["trial"]): run for run in found}
    assert sorted(runs) == list(range(24))
    best = [number for number, run in runs.items() if run.data.tags.get("best")]
    assert best == [study.best_trial.number]
    done, failed, given_up = runs[0], runs[3], runs[6]
    assert (done.info.status, done.data.tags["state"]) == ("FINISHED", "complete")
    assert done.data.metrics["value"] == pytest.approx(study.trials[0].value)
    assert done.data.metrics["seconds"] == 0.5
    assert float(done.data.params["training.lr"]) == study.trials[0].params["training.lr"]
    path = client.get_metric_history(done.info.run_id, "intermediate")
    assert [one.step for one in path] == [0, 1]
    assert done.info.start_time == int(study.trials[0].datetime_start.timestamp() * 1000)
    assert (failed.info.status, failed.data.tags["error"]) == ("FAILED", "ValueError")
    assert given_up.data.tags["state"] == "pruned" and "value" not in given_up.data.metrics
    assert "somebody" not in str([run.to_dictionary() for run in found if run is not None])


def test_trials_are_numbered_by_their_place_as_in_the_table() -> None:
    study = optuna.create_study(direction="maximize")
    for slot, value in ((1, 0.25), (0, 0.75)):  # begun by two machines, in another order
        study.add_trial(optuna.trial.create_trial(value=value, user_attrs={"slot": slot}))
    pictures = by_name(figures.study_pictures(study, {}, tuned()))
    points = pictures["history"]["series"][0]
    assert dict(zip(points["x"], points["y"], strict=True)) == {0: 0.75, 1: 0.25}
    assert [one.split(":")[0] for one in points["text"]] == ["trial 0", "trial 1"]


def test_without_a_run_nothing_is_logged(study, tracked) -> None:
    assert tracking.log_study(study, "row.learner") == 0


def test_values_that_are_not_finite_are_left_out() -> None:
    given = optuna.trial.create_trial(value=0.5, intermediate_values={0: math.nan, 1: 0.4})
    assert [(one.key, one.value) for one in tracking.metrics_of(given, 1)] == [
        ("intermediate", 0.4),
        ("value", 0.5),
    ]
