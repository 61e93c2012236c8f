"""Who stands out in the figures: the reference, the headline learner, one control; and names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from osteon.reporting.figures.names import known, listed
from osteon.reporting.figures.spec import figure_of
from osteon.reporting.figures.style import Role, readable

AFTERWARDS = "the highest AUROC, chosen after the fact"
AFTERWARDS_DICE = "the highest Dice, chosen after the fact"
CONTROL = "control_"
CLINICAL = "control_clinical_"
AGE = "control_age"
PERMUTED = "_permuted"
PERSON = {"gender": "sex", "age": "age"}
"""What is known of a person without a measurement, in words."""


@dataclass(frozen=True)
class Cast:
    """The parts that learners play in every figure.

    Args:
        level: the headline level, `patient`; positive, negative: the classes' words.
        reference: the learner that all are tested against; headline: the one the report is about;
            control: the control without an image with the highest AUROC, the hardest to beat.
        why: how the headline learner was chosen; prefix: what all learners' names begin with;
            inputs: words that are clinical inputs.
    """

    level: str
    positive: str
    negative: str
    reference: str | None
    headline: str | None
    control: str | None
    why: str = ""
    prefix: str = ""
    inputs: frozenset[str] = field(default_factory=frozenset)

    def role(self, learner: str) -> Role:
        """The part a learner plays."""
        if learner == self.headline:
            return "headline"
        if learner == self.reference:
            return "reference"
        return "control" if learner == self.control else "other"

    @property
    def counted(self) -> str:
        """What is counted, as a sentence of a note."""
        return f"By {self.level}."

    def label(self, learner: str) -> str:
        """A learner's name for people: `resnet18_alp_ldh` → "ALP + LDH"."""
        if learner.endswith(PERMUTED):
            return "permuted labels"
        if learner.startswith(CLINICAL):
            return self._clinical(learner.removeprefix(CLINICAL))
        if learner.startswith(CONTROL):
            return f"{self._words(learner.removeprefix(CONTROL))} only"
        if name := known(learner):
            return name
        family, _, own = learner.partition("_")
        if self.inputs and own and not self.prefix:
            return f"{family}: {self._words(own)}"
        return self._words(learner.removeprefix(self.prefix))

    def short(self, learner: str) -> str:
        """Its name among learners of its own family: `resnet50_alp` → "ALP"."""
        return self.label(learner).split(": ")[-1]

    def ordered(self, learners: Iterable[str]) -> list[str]:
        """Pale ones first, the headline last, so that it is drawn on top."""
        rank = {"other": 0, "control": 1, "reference": 2, "headline": 3}
        return sorted(learners, key=lambda learner: rank[self.role(learner)])

    def _clinical(self, name: str) -> str:
        """A clinical-only control; beside learners of images alone it is called by its values."""
        words = name.split("_")
        if not self.inputs and all(word in PERSON for word in words):
            return f"{listed(PERSON[word] for word in words)} only"
        return f"clinical only: {self._words(name)}"

    def _words(self, name: str) -> str:
        words = name.split("_")
        if self.inputs.issuperset(words):
            return readable(name, " + ")
        return "all inputs" if name == "all" else readable(name)


def cast(metrics: Mapping[str, Any], headline: str | None = None) -> Cast:
    """The parts, from the metrics of a run.

    Args:
        metrics: `Evaluation.metrics`; headline: a learner's name. Without it the learner of the
            reference's family with the most inputs, else the one with the highest AUROC. A given
            one that this rule would choose too is explained by it.

    Raises:
        ValueError: `headline` is no learner of the metrics.
    """
    learners = metrics["learners"]
    if headline is not None and headline not in learners:
        raise ValueError(f"headline: {headline!r} found, {sorted(learners)} allowed")
    settings = metrics["settings"]
    level = settings.get("level", "patient")
    reference = settings.get("reference")
    recipes = {
        name: (record.get("recipe") or {}).get("inputs") or []
        for name, record in (metrics.get("training") or {}).items()
    }
    inputs = frozenset(word for words in recipes.values() for word in words)
    chosen, why = _chosen(learners, reference, recipes, level)
    if headline is not None and (headline != chosen or why in (AFTERWARDS, AFTERWARDS_DICE)):
        chosen, why = headline, "named before the run"
    return Cast(
        level,
        readable(settings.get("positive_class", "positive")),
        " or ".join(readable(name) for name in settings.get("negative_classes", ["negative"])),
        reference if reference in learners else None,
        chosen,
        _control(metrics, level, CLINICAL if inputs else (CLINICAL, AGE)),
        why,
        _prefix(list(learners)),
        inputs,
    )


def auroc(learner: Mapping[str, Any], level: str) -> float:
    """A learner's AUROC at a level, NaN if undefined."""
    return figure_of(learner.get(level, {}).get("scores", {}).get("auroc"))[0]


def dice(learner: Mapping[str, Any], level: str) -> float:
    """The Dice of a learner that outlines, mean over patients, NaN if undefined."""
    return figure_of(learner.get(level, {}).get("pixel", {}).get("dice"))[0]


def _chosen(
    learners: Mapping[str, Any],
    reference: str | None,
    recipes: Mapping[str, list[str]],
    level: str,
) -> tuple[str | None, str]:
    """The headline learner and how it was chosen."""
    others = [name for name in learners if name != reference]
    if not others:
        return (reference if reference in learners else None), "the only learner"
    family = (reference or "").split("_")[0]
    own = [name for name in others if name.split("_")[0] == family] or others
    counts = {name: len(recipes.get(name, [])) for name in own}
    most = [name for name in own if counts[name] == max(counts.values())]
    if max(counts.values()) and len(most) == 1:
        return most[0], "the learner with the most inputs"
    outlined = any("pixel" in one.get(level, {}) for one in learners.values())
    scores = {name: (dice if outlined else auroc)(learners[name], level) for name in others}
    best = max(others, key=lambda name: np.nan_to_num(scores[name], nan=-1.0))
    return best, AFTERWARDS_DICE if outlined else AFTERWARDS


def _control(metrics: Mapping[str, Any], level: str, begins: str | tuple[str, ...]) -> str | None:
    """The control with the highest AUROC of those whose name begins so, None if there is none."""
    found = (metrics.get("controls") or {}).get("learners") or {}
    scores = {name: auroc(found[name], level) for name in found if name.startswith(begins)}
    scores = {name: score for name, score in scores.items() if np.isfinite(score)}
    return max(scores, key=lambda name: scores[name]) if scores else None


def _prefix(learners: list[str]) -> str:
    """`resnet18_` when all names of two or more begin so; '' otherwise."""
    first = {name.split("_")[0] for name in learners}
    shared = len(learners) > 1 and len(first) == 1 and all("_" in name for name in learners)
    return f"{first.pop()}_" if shared else ""
