"""The one look at the outer part, by the setting that the study chose."""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.measures.leaks import LeakFound
from osteon.pipelines.evaluation.nodes import STATEMENTS
from osteon.pipelines.tuning.searching import as_tried, learned
from osteon.pipelines.tuning.trials import Tunable
from osteon.recipes.tuning import (
    Choices,
    Dimension,
    Simplex,
    SpaceError,
    TuningConfig,
    value_at,
    values_of,
)

if TYPE_CHECKING:
    import optuna

CHOSEN = "chosen"
"""Folder of what the chosen setting trains, in a study's own folder; it goes when it was judged."""
logger = logging.getLogger(__name__)

LOOKS = "looks.json"
"""Settings that were judged on each outer part, in the row's own folder."""
NOT_KEPT = (
    "none: the network that judged the outer part was deleted; train the row with the best values "
    "to have one"
)


def judge_chosen(
    study: Any,
    certificate: dict[str, Any],
    inner: Tunable,
    outer: Tunable,
    workspace: Path,
    cohort: CohortConfig,
    tuning: TuningConfig,
    learner: str,
) -> dict[str, Any]:
    """Judge the outer part once, by the best trial's values, and say how far that fell short.

    Args:
        study: the finished study.
        certificate: of `certify_tuning`, without which nothing is looked at.
        inner: the row as configured, on the training part and its inner folds.
        outer: the same on the whole cohort, one division: the training part, the outer part.
        workspace: the row's folder.
        cohort: where the data are from.
        tuning: objective, number of seeds, which fold is held out.
        learner: name of the tuned learner.

    Returns:
        JSON-able: all of `study_facts`; `chosen` and `configured` (path → value); `inner` and
        `outer` (value, lo, hi, method, patients) and their `gap`; `seeds` and `spread` of the
        chosen setting on the inner folds; `looks` (how many settings have judged this outer part
        so far); and words on weights and data.

    Raises:
        CohortError: no trial was finished.
        LeakFound: the certificate is another study's, or did not pass.
    """
    from osteon.measures.describing import plain
    from osteon.measures.tuning import judged
    from osteon.pipelines.tuning.studying import finished, name_of

    refuse_uncertified(certificate, study)
    best = chosen_trial(finished(study))
    values = values_of(tuning.space, best.params)
    folder = workspace / name_of(study) / CHOSEN
    tried = as_tried(inner, tuning)
    seeds = _over_seeds(tried, values, float(best.value or 0.0), folder, tuning)
    held = outer.splits.loc[outer.splits["split"] == "test", "sample_id"]
    # Before the look: one that was interrupted has been taken too.
    looks = note_look(workspace / LOOKS, held, learned(outer.full(values).describe()))
    found = judged(_trained(outer, values, folder / "outer" / "work"), tuning.objective)
    shutil.rmtree(folder, ignore_errors=True)
    told = study_facts(study, certificate, tuning, learner) | {
        "chosen": values,
        "configured": configured(inner.full({}).describe(), values),
        "looks": looks,
        "weights": NOT_KEPT,
    }
    return dict(plain(told | scores_told(best.user_attrs["inner"], found, seeds, cohort)))


def scores_told(
    inner: Mapping[str, Any],
    outer: Mapping[str, Any],
    seeds: Sequence[Mapping[str, Any]],
    cohort: CohortConfig,
) -> dict[str, Any]:
    """What every study says of its choice: how good it is, how sure, and on whose patients.

    Args:
        inner, outer: as `osteon.measures.tuning.judged` tells them.
        seeds: `seed` and `value` each; None for one that failed.
        cohort: where the data are from.

    Returns:
        inner, outer, their gap, seeds, spread, source, statement.
    """
    from osteon.measures.tuning import gap, spread

    return {
        "inner": inner,
        "outer": outer,
        "gap": gap(inner, outer),
        "seeds": seeds,
        "spread": spread([one["value"] for one in seeds if one["value"] is not None]),
        "source": cohort.source,
        "statement": STATEMENTS[cohort.source],
    }


def refuse_uncertified(certificate: Mapping[str, Any], study: "optuna.Study") -> None:
    """Stop before the outer part is looked at.

    Raises:
        LeakFound: the certificate is of another study, or did not pass.
    """
    from osteon.pipelines.tuning.studying import name_of

    if certificate["study"] != name_of(study) or not certificate["passed"]:
        raise LeakFound(
            f"tuning_certificate: of study {certificate['study']}, passed "
            f"{certificate['passed']}; needed is one of {name_of(study)} that passed"
        )


def study_facts(
    study: "optuna.Study", certificate: Mapping[str, Any], tuning: TuningConfig, learner: str
) -> dict[str, Any]:
    """What a report says of a study whatever was tuned.

    Args:
        study: finished.
        certificate: of its trials.
        tuning: its configuration.
        learner: name of the tuned learner.

    Returns:
        JSON-able: study, learner, objective, space (path → words), sampler, pruner, held_out,
        best_trial (its place in the study, from 0, as `list_trials` counts), trials by state,
        errors, seconds of all trials, certificate in short.
    """
    from osteon.pipelines.tuning.studying import finished, name_of
    from osteon.reporting.page.tuning_tables import safe

    trials = finished(study)
    short = {name: certificate.get(name) for name in ("passed", "complete")}
    return {
        "study": name_of(study),
        "learner": learner,
        "objective": tuning.objective,
        "space": {path: in_words(dimension) for path, dimension in tuning.space.items()},
        "in_trials": dict(tuning.in_trials),
        "sampler": tuning.sampler,
        "pruner": tuning.pruner.kind,
        "held_out": tuning.held_out,
        "best_trial": trials.index(chosen_trial(trials)),
        "trials": counts(trials),
        "errors": [
            {"trial": number, "error": safe(one.user_attrs["error"])}
            for number, one in enumerate(trials)
            if "error" in one.user_attrs
        ],
        "seconds": seconds_of(trials),
        "certificate": short | {"checked": certificate.get("trials")},
    }


def best_facts(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result as the head of the best values' file tells it, see `BestFacts`."""
    told = {"trials": result["trials"]["asked"], "patients": result["outer"]["patients"]}
    return {**result, **told}


def chosen_trial(trials: "Sequence[optuna.trial.FrozenTrial]") -> "optuna.trial.FrozenTrial":
    """The finished trial of the highest value; of equal ones the first.

    Args:
        trials: one a place of the study.

    Raises:
        CohortError: none was finished; names the first error.
    """
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if not complete:
        errors = [str(one.user_attrs["error"]) for one in trials if "error" in one.user_attrs]
        told = f"the first error was: {errors[0]}" if errors else "all were given up"
        raise CohortError(f"tuning.trials: none of {len(trials)} was finished; {told}")
    return max(complete, key=lambda trial: float(trial.value or 0.0))


def counts(trials: "Sequence[optuna.trial.FrozenTrial]") -> dict[str, int]:
    """Number of trials that were finished, given up (`pruned`) or failed; `asked` is all."""
    states = [trial.state.name for trial in trials]
    named = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
    return {name: states.count(state) for name, state in named.items()} | {"asked": len(trials)}


def seconds_of(trials: "Sequence[optuna.trial.FrozenTrial]") -> float:
    """From begin to end of each trial, summed; trials beside each other count twice."""
    spans = [one.duration.total_seconds() for one in trials if one.duration is not None]
    return float(sum(spans))


def in_words(dimension: Dimension) -> str:
    """What was searched, for people."""
    if isinstance(dimension, Choices):
        return ", ".join(str(label) for label in dimension.labels)
    if isinstance(dimension, Simplex):
        step = "" if dimension.step is None else f", in steps of {dimension.step:g}"
        return f"{dimension.simplex} weights that sum to 1{step}"
    step = "" if dimension.step is None else f", in steps of {dimension.step:g}"
    kind = ", by factors" if dimension.log else ""
    return f"{dimension.low:g} to {dimension.high:g}{kind}{step}"


def configured(block: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """What stood at some paths of a recipe before it was tuned; those that are absent are left out.

    Args:
        block: the whole recipe.
        paths: of the search space.
    """
    found = {}
    for path in paths:
        try:
            found[path] = value_at(block, path)
        except SpaceError:  # a field of a block that is null
            continue
    return found


def _trained(
    tunable: Tunable, values: Mapping[str, Any], folder: Path, seed: int | None = None
) -> pd.DataFrame:
    """The patients that a setting judges; folds are taken up again where a run was killed."""
    from osteon.learning.folds import run_folds

    return tunable.patients(run_folds(tunable.folds(values, folder, seed)), values)


def _over_seeds(
    inner: Tunable, values: Mapping[str, Any], first: float, folder: Path, tuning: TuningConfig
) -> list[dict[str, Any]]:
    """The chosen setting with other seeds of training, on the inner folds alone."""
    from osteon.measures.tuning import score

    own = int(inner.full(values).training.seed)
    found: list[dict[str, Any]] = [{"seed": own, "value": first}]
    for seed in ((own + place) % 2**32 for place in range(1, tuning.seeds)):
        try:
            patients = _trained(inner, values, folder / f"seed-{seed}" / "work", seed)
            found.append({"seed": seed, "value": score(patients, tuning.objective)})
        except Exception as error:  # one seed that fails is told, and costs no look
            logger.warning("seed %d of the chosen setting failed: %s", seed, type(error).__name__)
            found.append({"seed": seed, "value": None, "error": type(error).__name__})
    return found


def note_look(file: Path, held: Iterable[str], setting: Mapping[str, Any]) -> int:
    """Write down that a setting is about to judge an outer part.

    Args:
        file: of all looks so far; only their hashes stand in it.
        held: sample ids of the outer part.
        setting: that judges it, JSON-able.

    Returns:
        number of different settings that have judged this outer part, this one included: with more
        than one the outer part has begun to be tuned on by whoever goes on.
    """
    from osteon.measures.describing import plain

    part = _hash("\0".join(sorted(held)))
    known = json.loads(file.read_bytes()) if file.is_file() else {}
    known[part] = sorted({*known.get(part, []), _hash(json.dumps(plain(setting), sort_keys=True))})
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(json.dumps(known, indent=2))
    partial.replace(file)
    return len(known[part])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
