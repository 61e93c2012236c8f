"""A study in MLflow: one child run a trial, written by the process that holds the study."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

STATES = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED"}
"""State of a trial → status of its run; pruning is no failure."""
LONGEST = 500
"""Letters of a value that MLflow takes in every store."""
BATCH = 800
"""Metrics that one call takes; MLflow refuses more than 1000 entries."""
NUMBERS = ("seconds", "epochs")
"""Facts of a trial that are curves of a run; the others can name samples and stay in the study."""


def log_study(study: "optuna.Study", name: str) -> int:
    """Log every finished trial as a child of the active run.

    Values tried are parameters, the score is `value`, what a trial reported on its way is
    `intermediate` by step. Of an error only its type is logged: a message can hold a path.

    Args:
        study: after its last trial.
        name: of the study, a tag of every run.

    Returns:
        runs written; 0 without an active run.
    """
    import mlflow

    from osteon.pipelines.tuning.judging import chosen_trial
    from osteon.pipelines.tuning.studying import finished

    parent = mlflow.active_run()
    if parent is None:
        return 0
    client = mlflow.MlflowClient()
    trials = finished(study)
    complete = any(one.state.name == "COMPLETE" for one in trials)
    best = trials.index(chosen_trial(trials)) if complete else None
    for place, trial in enumerate(trials):
        tags = tags_of(place, trial, name) | {"mlflow.parentRunId": parent.info.run_id}
        tags |= {"best": "yes"} if place == best else {}
        _log_trial(client, parent.info.experiment_id, trial, tags)
    return len(trials)


def tags_of(place: int, trial: "optuna.trial.FrozenTrial", name: str) -> dict[str, str]:
    """What a run is found by: study, place in it from 0, state, type of an error."""
    tags = {"study": name, "trial": str(place), "state": trial.state.name.lower()}
    if error := trial.user_attrs.get("error"):
        tags["error"] = str(error).split(":")[0].strip()[:LONGEST]
    return tags


def _log_trial(
    client: Any, experiment: str, trial: "optuna.trial.FrozenTrial", tags: Mapping[str, str]
) -> None:
    from mlflow.entities import Param

    begun = int(trial.datetime_start.timestamp() * 1000) if trial.datetime_start else None
    ended = int(trial.datetime_complete.timestamp() * 1000) if trial.datetime_complete else None
    run = client.create_run(experiment, begun, dict(tags), f"trial{tags['trial']}")
    params = [Param(name, str(value)[:LONGEST]) for name, value in trial.params.items()]
    metrics = metrics_of(trial, ended or int(time.time() * 1000))
    client.log_batch(run.info.run_id, metrics=metrics[:BATCH], params=params)
    for start in range(BATCH, len(metrics), BATCH):
        client.log_batch(run.info.run_id, metrics=metrics[start : start + BATCH])
    client.set_terminated(run.info.run_id, STATES.get(trial.state.name, "KILLED"), ended)


def metrics_of(trial: "optuna.trial.FrozenTrial", moment: int) -> list[Any]:
    """Score, values on the way, seconds and epochs; what is not finite is left out.

    Args:
        trial: finished.
        moment: milliseconds since 1970.
    """
    from math import isfinite

    from mlflow.entities import Metric

    steps = [("intermediate", value, step) for step, value in trial.intermediate_values.items()]
    single = {name: trial.user_attrs.get(name) for name in NUMBERS}
    # Optuna calls the last word of a trial that was given up its value too; it is no score.
    single["value"] = trial.value if trial.state.name == "COMPLETE" else None
    steps += [(name, value, 0) for name, value in single.items() if value is not None]
    return [Metric(key, float(one), moment, step) for key, one, step in steps if isfinite(one)]
