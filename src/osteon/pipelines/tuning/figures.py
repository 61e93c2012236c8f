"""Pictures of a finished study: history, importance, slices, contour, the triangle of weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from osteon.recipes.tuning import Choices, Range, Simplex, SpaceError, TuningConfig, values_of

if TYPE_CHECKING:
    import optuna

Picture = dict[str, Any]
SLICES = 6
"""Parameters that get a picture of their own, the most important first."""
CONTOURS = 3
"""Pairs of numbers among the most important ones."""
FEW = 10
"""Finished trials below which importance and the field between trials are not drawn."""
OBJECTIVES = {
    "auroc": "AUROC",
    "f1": "F1",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "dice": "Dice",
}
"""What is maximised, in words."""


@dataclass(frozen=True)
class Told:
    """One trial: its place in the study from 0, what became of it, its score and what was tried.

    `score` is None unless it ran to its end: what a pruned trial reported last is of one inner fold
    and of another measure, no score. `values` is empty where the trial failed before it had drawn
    all of them.
    """

    number: int
    state: str
    score: float | None
    values: dict[str, Any]

    @property
    def complete(self) -> bool:
        """Whether it ran to its end."""
        return self.score is not None


def draw_tuning(
    tuning_study: Any,
    tuning_result: dict[str, Any],
    tuning: TuningConfig,
    corners: str = "",
) -> tuple[dict[str, Any], list[Picture]]:
    """Pictures of a study, for a folder and for the page.

    Args:
        tuning_study: a finished study.
        tuning_result: what it chose, to be marked.
        tuning: its search space.
        corners: names of three weights, joined by commas; numbered without it.

    Returns:
        file name → figure, and descriptions for `osteon.reporting.figures.tuning_charts`.
    """
    from osteon.reporting.figures import draw
    from osteon.reporting.figures.tuning_charts import tuning_charts

    pictures = study_pictures(tuning_study, tuning_result, tuning, corners)
    charts = tuning_charts(pictures)
    return {f"{name}.png": draw.figure(chart) for name, chart in charts.items()}, pictures


def study_pictures(
    study: "optuna.Study", result: Mapping[str, Any], tuning: TuningConfig, corners: str = ""
) -> list[Picture]:
    """Descriptions of every picture that the trials can fill; arguments as for `draw_tuning`."""
    from osteon.pipelines.tuning.studying import finished

    trials = finished(study)
    told = [tell(place, trial, tuning) for place, trial in enumerate(trials)]
    words = OBJECTIVES.get(tuning.objective, tuning.objective) + ", inner folds"
    ties = "exhaustive" in result and tuning.objective == "accuracy"
    shares = importances(trials, tuning)
    order = sorted(tuning.space, key=lambda path: -shares.get(path, 0.0))
    complete = sum(one.complete for one in told)
    found = [history(told, words, ties), importance(shares, complete)]
    found += [
        weights(told, path, words, result, corners)
        for path in order
        if _weights(tuning.space[path]) == 3
    ]
    single = [path for path in order if not isinstance(tuning.space[path], Simplex)]
    found += [slice_of(told, path, tuning.space[path], words) for path in single[:SLICES]]
    lines = [path for path in single if isinstance(tuning.space[path], Range)]
    pairs = list(combinations(lines[:CONTOURS], 2))
    found += [contour(told, pair, tuning.space, words) for pair in pairs]
    return [one for one in found if one is not None]


def tell(place: int, trial: "optuna.trial.FrozenTrial", tuning: TuningConfig) -> Told:
    """What is drawn of a trial, by its place in the study as `list_trials` counts."""
    try:
        values = values_of(tuning.space, trial.params)
    except SpaceError:  # it failed before all values were drawn
        values = {}
    score = trial.value if trial.state.name == "COMPLETE" else None
    return Told(place, trial.state.name, score, values)


def importances(
    trials: "Sequence[optuna.trial.FrozenTrial]", tuning: TuningConfig
) -> dict[str, float]:
    """How much of the scores' spread each path explains by itself (fANOVA, Hutter et al. 2014).

    Returns:
        path → share, weights summed, all together 1; empty with fewer than `FEW` finished trials,
        or where all scores are equal or a single value was tried of everything.
    """
    import optuna

    done = [one for one in trials if one.state == optuna.trial.TrialState.COMPLETE]
    if len(done) < FEW or len({one.value for one in done}) < 2:
        return {}
    # A study of its own in memory: the surplus trials of a shared one do not count.
    study = optuna.create_study(direction="maximize")
    study.add_trials(done)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    try:
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    except (RuntimeError, ValueError):  # nothing varies
        return {}
    shares: dict[str, float] = {}
    for name, share in found.items():
        path = name if name in tuning.space else name.rpartition(".")[0]
        shares[path] = shares.get(path, 0.0) + float(share)
    return shares


def history(told: Sequence[Told], words: str, ties: bool = False) -> Picture | None:
    """Score of each trial in the order of the study, and the best so far.

    Args:
        told: every trial.
        words: what the scores are.
        ties: whether AUROC decided between equal accuracies.
    """
    done = [one for one in told if one.complete]
    if not done:
        return None
    pruned = [one for one in told if one.state == "PRUNED"]
    failed = sum(one.state == "FAIL" for one in told)
    best = float("-inf")
    x: list[int] = []
    y: list[float] = []
    for one in done:
        if one.score is not None and one.score > best:
            x += [one.number, one.number] if y else [one.number]
            y += [best, one.score] if y else [one.score]
            best = one.score
    series = [
        _points("finished", done, "context"),
        {"name": "best so far", "x": [*x, told[-1].number], "y": [*y, best], "role": "headline",
         "style": "line"},
    ]  # fmt: skip
    note = f"{len(done)} of {len(told)} trials ran to their end"
    if pruned:
        series.append(_points("given up", pruned, "third") | {"y": [_below(done)] * len(pruned)})
        note += f"; {len(pruned)} were given up early and have no score, drawn below all others"
    note += f"; {failed} failed and have no score." if failed else "."
    note += " Between equal accuracies AUROC decides, by less than one patient." if ties else ""
    title = "History: how the best score rose"
    return {"kind": "scatter", "name": "history", "title": title, "x": "Trial", "y": words,
            "series": series, "wholes": ["x"], "note": note}  # fmt: skip


def _below(done: Sequence[Told]) -> float:
    """A place under all scores."""
    scores = [one.score for one in done if one.score is not None]
    return min(scores) - 0.1 * max(max(scores) - min(scores), 0.01)


def importance(shares: Mapping[str, float], trials: int) -> Picture | None:
    """What mattered; None without shares, or of a single path."""
    if len(shares) < 2:
        return None
    ordered = sorted(shares.items(), key=lambda one: -one[1])
    rows = [{"label": path, "value": share, "text": f"{share:.2f}"} for path, share in ordered]
    note = f"fANOVA on {trials} finished trials, inside the ranges that were searched"
    note += "; a rough guess with so few." if trials < 5 * FEW else "."
    title = "Importance: what the score depended on"
    x = "Importance, of all settings together 1"
    return {"kind": "rows", "name": "importance", "title": title, "x": x, "column": "share",
            "rows": rows, "note": note}  # fmt: skip


def slice_of(
    told: Sequence[Told], path: str, dimension: Range | Choices | Simplex, words: str
) -> Picture | None:
    """Scores over the values of one parameter, later trials in lighter colours."""
    done = [one for one in told if one.complete and path in one.values]
    if not done:
        return None
    picture: Picture = {
        "kind": "scatter", "name": f"slice_{_key(path)}", "title": f"Slice: {path}", "x": path,
        "y": words, "colour": "trial", "half": True, "wholes": ["colour"],
    }  # fmt: skip
    if isinstance(dimension, Choices):
        labels = [str(label) for label in dimension.labels]
        # Beside each other, so that equal scores of one choice do not hide each other.
        x = [
            dimension.choices.index(one.values[path])
            + 0.28 * (one.number / (told[-1].number or 1) - 0.5)
            for one in done
        ]
        note = "Trials of one choice stand beside each other, in their order."
        picture |= {"x_labels": labels, "note": note}
    else:
        x = [float(one.values[path]) for one in done]
        if isinstance(dimension, Range):
            picture |= {"logs": ["x"] if dimension.log else []}
            picture |= {"wholes": ["x", "colour"] if dimension.whole else ["colour"]}
    points = _points("trials", done, "first") | {"x": x, "value": [one.number for one in done]}
    return picture | {"series": [points]}


def contour(
    told: Sequence[Told], pair: tuple[str, str], space: Mapping[str, Any], words: str
) -> Picture | None:
    """Scores over two numbers, and the field between the trials where they are many."""
    first, second = pair
    done = [one for one in told if one.complete and set(pair) <= set(one.values)]
    if not done:
        return None
    points = _points("finished trials", done, "first") | {
        "x": [float(one.values[first]) for one in done],
        "y": [float(one.values[second]) for one in done],
        "value": [one.score for one in done],
    }
    note = "Colours between the trials are drawn straight from trial to trial: no model of them."
    series = [points]
    if len(done) >= FEW:
        series = [points | {"name": "between trials", "style": "field", "thin": True}, points]
    else:
        note = f"{len(done)} finished trials: too few for a field between them."
    logs = [axis for axis, path in (("x", first), ("y", second)) if space[path].log]
    wholes = [axis for axis, path in (("x", first), ("y", second)) if space[path].whole]
    return {"kind": "scatter", "name": f"contour_{_key(first)}_{_key(second)}",
            "title": f"Contour: {first} and {second}", "x": first, "y": second, "series": series,
            "logs": logs, "wholes": wholes, "colour": words.split(",")[0], "note": note,
            "half": True}  # fmt: skip


def weights(
    told: Sequence[Told], path: str, words: str, result: Mapping[str, Any], corners: str
) -> Picture | None:
    """Scores over three weights that sum to 1, with the chosen and the configured ones."""
    done = [one for one in told if one.complete and path in one.values]
    if not done:
        return None
    names = corners.split(",") if corners else [f"{path} {place + 1}" for place in range(3)]
    at = {"chosen": (result.get("chosen") or {}).get(path)}
    grid = (result.get("exhaustive") or {}).get("weights")
    hidden = grid is not None and grid == at["chosen"]  # one mark would lie on the other
    at |= {} if hidden else {"exhaustive grid": grid}
    at["configured"] = (result.get("configured") or {}).get(path)
    marks = [
        {
            "name": name,
            "at": list(place),
            "detail": ", ".join(f"{one:.2f}" for one in place)
            + "; best of the grid" * (hidden and name == "chosen"),
        }
        for name, place in at.items()
        if isinstance(place, list | tuple) and len(place) == 3
    ]
    ranked = sorted(done, key=lambda one: one.score or 0.0)  # the best lie on top
    text = [
        f"trial {one.number}: " + ", ".join(f"{part:.2f}" for part in one.values[path])
        + f": {one.score:.3f}"
        for one in ranked
    ]  # fmt: skip
    note = f"{len(done)} finished trials; where several lie, the best is on top."
    return {"kind": "ternary", "name": _key(path), "title": f"Trials by {path}", "corners": names,
            "points": [list(one.values[path]) for one in ranked], "text": text, "marks": marks,
            "values": [one.score for one in ranked], "value": words.split(",")[0],
            "note": note}  # fmt: skip


def _points(name: str, told: Sequence[Told], role: str) -> Picture:
    text = [
        f"trial {one.number}: "
        + "; ".join(f"{path} {_shown(value)}" for path, value in one.values.items())
        for one in told
    ]
    x, y = [one.number for one in told], [one.score for one in told]
    return {"name": name, "x": x, "y": y, "role": role, "style": "scatter", "text": text}


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(one) for one in value)
    return str(value)


def _weights(dimension: Any) -> int:
    """How many weights a dimension has."""
    return dimension.simplex if isinstance(dimension, Simplex) else 0


def _key(path: str) -> str:
    return path.replace(".", "_")
