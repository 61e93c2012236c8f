"""What a model card is made of, and how a fact of a run becomes an answer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from osteon.reporting.contents import SEGMENTATION

PHANTOM = "phantom"
# Field of CardFacts → the dataset that holds it, as the card names it.
DATASETS = {
    "metrics": "metrics",
    "certificate": "leak_certificate",
    "ledger": "ledger",
    "cohort": "cohort_tables",
    "run": "run",
    "explanations": "explanations",
    "parameters": "parameters",
    "split_gap": "split_gap",
    "artefacts": "artefacts",
}


@dataclass(frozen=True)
class CardFacts:
    """Everything is optional but the paper; an item that needs what is absent says so.

    Attributes:
        paper: name of the row.
        metrics, certificate, ledger, cohort, run, explanations, split_gap: the datasets of a run.
        parameters: preprocessing and splitting as dicts.
        artefacts: path below the project → SHA-256.
    """

    paper: str
    metrics: Mapping[str, Any] | None = None
    certificate: Mapping[str, Any] | None = None
    ledger: Mapping[str, Any] | None = None
    cohort: Mapping[str, Any] | None = None
    run: Mapping[str, Any] | None = None
    explanations: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] | None = None
    split_gap: Mapping[str, Any] | None = None
    artefacts: Mapping[str, str] | None = None
    limits: tuple[Mapping[str, str], ...] = field(default=())

    @property
    def data(self) -> Mapping[str, Any]:
        """What the metrics say of the cohort."""
        return (self.metrics or {}).get("data") or {}

    @property
    def source(self) -> str:
        """Kind of cohort, "" where the run does not say."""
        return str(self.data.get("source", ""))

    @property
    def segmentation(self) -> bool:
        """Whether the learners outline rather than tell classes apart."""
        return (self.metrics or {}).get("task") == SEGMENTATION

    @property
    def learners(self) -> Mapping[str, Any]:
        """Learner → level → metrics, of those that were judged."""
        return (self.metrics or {}).get("learners") or {}

    @property
    def called(self) -> str:
        """How the group "at_0.5" calls a patient positive, in words."""
        ways = {(levels.get("patient") or {}).get("called_by") for levels in self.learners.values()}
        if "vote" not in ways:
            return "at threshold 0.5"
        return "called by vote" if ways == {"vote"} else "called by vote or at 0.5"

    @property
    def records(self) -> dict[str, Mapping[str, Any]]:
        """Learner → training record, of those that were trained."""
        training = (self.metrics or {}).get("training") or {}
        return {name: one for name, one in training.items() if one.get("folds")}

    @property
    def recipes(self) -> dict[str, Mapping[str, Any]]:
        """Learner → recipe."""
        return {name: one.get("recipe") or {} for name, one in self.records.items()}

    @property
    def one_network(self) -> bool:
        """Whether each learner is one network, as under a hold-out; False where none is known.

        Networks of inner folds, that only choose weights and thresholds, judge nobody.
        """
        if not self.records:
            return False
        judged = {str(one) for one in (self.certificate or {}).get("folds") or ()}
        rows = [one for one in self.recipes.values() if one.get("kind") == "fusion"]
        single = all(len(one["folds"]) == 1 for one in self.records.values())
        return single or (bool(rows) and len(judged) == 1)

    @property
    def clinical(self) -> list[Mapping[str, Any]]:
        """Recipes whose networks are given clinical values beside the image."""
        return [recipe for recipe in self.recipes.values() if recipe.get("inputs")]

    @property
    def hold_out(self) -> bool:
        """Whether one test part was drawn from the cohort; False where its table fixes the part."""
        folds = (self.certificate or {}).get("folds") or ()
        return len(folds) == 1 and not (self.cohort or {}).get("parts_fixed", True)

    @property
    def preparation(self) -> Mapping[str, Any]:
        """Slices, regions and colours that the networks were given, as the cohort tables count."""
        return (self.cohort or {}).get("preparation") or {}


class Whole(str):
    """An answer that leaves nothing for a person to add."""


Answer = Callable[[CardFacts], str | None]
ANSWERS: dict[str, tuple[tuple[str, ...], Answer]] = {}


def answer(*needs: str) -> Callable[[Answer], Answer]:
    """Register a function under its name as an answer that needs these fields of CardFacts."""

    def register(function: Answer) -> Answer:
        ANSWERS[function.__name__] = (needs, function)
        return function

    return register


OUTLINING: dict[str, Answer] = {}
"""Answers that stand for those of the same name where learners outline."""


def outlining(function: Answer) -> Answer:
    """Register a function under its name as the answer of a run whose learners outline."""
    OUTLINING[function.__name__] = function
    return function


def figure(found: Any, digits: int = 3) -> str:
    """`0.940 (0.897 to 0.966)` of a metric with its interval; a bare number is allowed."""
    entry = found if isinstance(found, Mapping) else {"value": found}
    value, low, high = (entry.get(key) for key in ("value", "lo", "hi"))
    if value is None:
        return "not defined"
    if low is None or high is None:
        return f"{value:.{digits}f} (no interval)"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def values(recipes: Iterable[Mapping[str, Any]], *path: str) -> str:
    """The different values that recipes have at a place: `sgd`, or `resnet18, resnet50`."""
    found: list[str] = []
    for recipe in recipes:
        value: Any = recipe
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        parts = value if isinstance(value, list | tuple) else [value]
        text = " ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in parts)
        if text not in found:
            found.append(text)
    return ", ".join(found)


def difference(
    tests: Iterable[Mapping[str, Any]], at: str = "scores", metric: str = "auroc"
) -> Mapping[str, Any] | None:
    """The paired bootstrap of AUROC, or of another metric, among an entry's tests."""
    for test in tests:
        if (test["test"], test["at"], test["metric"]) == ("bootstrap", at, metric):
            return test
    return None
