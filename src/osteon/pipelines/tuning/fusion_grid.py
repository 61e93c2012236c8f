"""How sure the chosen λ is: the whole grid on the same terms, and the study with other seeds.

TPE draws some λ many times over and may pass by the best one. A grid of 231 points takes
milliseconds, so what the study chose is compared with all of it, and a better λ takes its place: no
other patients are looked at. What other seeds choose shows how much of it is chance.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from osteon.pipelines.tuning.fusion_trials import AUROC, WEIGHTS, FusionTrial
from osteon.recipes.spinal_wff import PUBLISHED
from osteon.recipes.tuning import Simplex, TuningConfig, values_of

if TYPE_CHECKING:
    import optuna

SLACK = 1e-12
STUDY, GRID = "study", "grid"
SCORES = ("value", "with_ties", "accuracy", "auroc")
"""The objective, what the study made large (see `FusionTrial.value`), and both that go into it."""


def searched(
    trials: "list[optuna.trial.FrozenTrial]",
    others: "Mapping[int, list[optuna.trial.FrozenTrial]]",
    trial: FusionTrial,
    tuning: TuningConfig,
) -> dict[str, Any]:
    """What a study chose, beside the grid at its other values and beside other seeds.

    Args:
        trials: of the study, finished.
        others: seed → trials of the same study with another seed.
        trial: what they called.
        tuning: search space and seed.

    Returns:
        `chosen` (path → value) and by what (`chosen_by`: `study`, or `grid` where that has a
        better λ), `inner` (its scores), `exhaustive` (None without λ in the space; with
        `study_value` and `study_worse`), `seeds` (what each chose, the configured one first)
        and `ternary` (λ1, λ2, λ3 and value of each trial).

    Raises:
        ValueError: no trial ran to its end.
    """
    studies = {tuning.seed: trials, **others}
    seeds = [{"seed": k, **told(trial, best_of(one, tuning))} for k, one in studies.items()]
    best, by, whole = seeds[0], STUDY, None
    dimension = tuning.space.get(WEIGHTS)
    if isinstance(dimension, Simplex):
        whole = exhaustive(trial, best["values"], dimension.step)
        worse = bool(whole["with_ties"] > best["with_ties"] + SLACK)
        whole |= {"study_value": best["value"], "study_worse": worse}
        if worse:
            best, by = told(trial, best["values"] | {WEIGHTS: whole["weights"]}), GRID
    return {
        "chosen": best["values"],
        "chosen_by": by,
        "inner": {name: best[name] for name in SCORES},
        "exhaustive": whole,
        "seeds": seeds,
        "ternary": ternary(trials, tuning),
    }


def repeated(
    trial: FusionTrial, tuning: TuningConfig, first: Mapping[str, Any] | None, seed: int
) -> "list[optuna.trial.FrozenTrial]":
    """The trials that the study would have had with another seed; in memory, and then forgotten.

    Args:
        trial: on the training part.
        tuning: search space and number of trials.
        first: of the first trial, by flat name.
        seed: of the draws.
    """
    import optuna

    from osteon.pipelines.tuning.sampling import SlotSampler, draw

    other = tuning.model_copy(update={"seed": seed})
    study = optuna.create_study(direction="maximize", sampler=SlotSampler(other, 0))
    if first:
        study.enqueue_trial(dict(first))
    for slot in range(tuning.trials):
        study.sampler = SlotSampler(other, slot)
        live = study.ask()
        try:
            values = values_of(tuning.space, draw(live, tuning.space))
            study.tell(live, trial(values, _unheard, slot).value)
        except Exception:  # as in the study itself, which goes on
            study.tell(live, state=optuna.trial.TrialState.FAIL)
    return study.get_trials(deepcopy=False)


def best_of(trials: "list[optuna.trial.FrozenTrial]", tuning: TuningConfig) -> dict[str, Any]:
    """The values of the best trial by path, of equal ones the first.

    Raises:
        ValueError: no trial ran to its end.
    """
    done = [one for one in trials if one.value is not None and one.state.name == "COMPLETE"]
    if not done:
        raise ValueError(f"trials: none of {len(trials)} ran to its end; at least one is needed")
    return values_of(tuning.space, max(done, key=lambda one: one.value or 0.0).params)


def told(trial: FusionTrial, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by path, and how good they are on the training part."""
    called = trial.called(trial.setting(values))
    auroc = called.auroc if np.isfinite(called.auroc) else None
    plain = {path: list(one) if isinstance(one, tuple) else one for path, one in values.items()}
    return {
        "values": plain,
        "value": auroc if trial.objective == AUROC else called.accuracy,
        "with_ties": trial.value(called.accuracy, called.auroc, len(called.vote)),
        "accuracy": called.accuracy,
        "auroc": auroc,
    }


def exhaustive(
    trial: FusionTrial, values: Mapping[str, Any], step: float | None = None
) -> dict[str, Any]:
    """Every λ of a grid, at one setting of all else.

    Args:
        trial: on the training part.
        values: by path; the weights among them are passed over.
        step: of the grid; None = the recipe's own.

    Returns:
        the best one: `weights`, of equal ones those nearest to the published, and its scores;
        `step` and number of `points`.
    """
    from osteon.measures.fusion import grid
    from osteon.measures.fusion_search import search

    setting = trial.setting(values)
    voting = setting.recipe.voting
    terms = trial.predictions.counted(setting).terms
    points = grid(step or voting.step)
    found = search(terms, points, voting.no_box)
    rows = zip(found["accuracy"], found[AUROC], strict=True)
    value = np.array([trial.value(one, two, len(terms.label)) for one, two in rows])
    apart = np.square(points - np.array(PUBLISHED)).sum(axis=1)
    first = int(np.lexsort((apart.round(12), -value.round(12)))[0])
    weights = points[first].tolist()
    best = told(trial, {**values, WEIGHTS: weights})
    return {
        "weights": weights,
        **{name: best[name] for name in SCORES},
        "step": step or voting.step,
        "points": len(points),
    }


def ternary(
    trials: "list[optuna.trial.FrozenTrial]", tuning: TuningConfig
) -> list[tuple[float, float, float, float]]:
    """λ1, λ2, λ3 and value of each trial that ran to its end; empty without λ in the space."""
    if not isinstance(tuning.space.get(WEIGHTS), Simplex):
        return []
    done = [one for one in trials if one.value is not None and one.state.name == "COMPLETE"]
    return [(*values_of(tuning.space, one.params)[WEIGHTS], float(one.value or 0)) for one in done]


def _unheard(step: int, value: float) -> None:
    """Nothing is reported on the way: a trial is over at once."""
