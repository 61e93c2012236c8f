"""What a report is made from, and the questions its sections ask of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from osteon.reporting.contents import SEGMENTATION
from osteon.reporting.figures.cast import Cast, cast

CLINICAL_CONTROL = "control_clinical"
AGE_CONTROL = "control_age"


@dataclass(frozen=True)
class ReportParts:
    """Everything a page can show; all but the title may be absent, and then is left out.

    `headline`: the learner whose result stands on top; without it
    `osteon.reporting.figures.cast` says which. `published`: the paper's printed numbers.
    `paper_tables`: title, note, columns and rows of ready text each. `tuning`: the result of a
    study; `tuning_trials`: one row a trial; `tuning_in_use`: path → value as configured now.
    """

    title: str
    paper: str = ""
    statement: str | None = None
    metrics: Mapping[str, Any] | None = None
    curves: Mapping[str, Any] | None = None
    comparison: pd.DataFrame | None = None
    certificate: Mapping[str, Any] | None = None
    ledger: Mapping[str, Any] | None = None
    cohort: Mapping[str, Any] | None = None
    run: Mapping[str, Any] | None = None
    explanations: Mapping[str, Any] | None = None
    galleries: Sequence[Mapping[str, Any]] = ()
    histories: Mapping[str, pd.DataFrame] | None = None
    paper_tables: Sequence[Mapping[str, Any]] = ()
    split_gap: Mapping[str, Any] | None = None
    charts: Mapping[str, Any] | None = None
    published: Mapping[str, Any] | None = None
    headline: str | None = None
    tuning: Mapping[str, Any] | None = None
    tuning_trials: pd.DataFrame | None = None
    tuning_in_use: Mapping[str, Any] | None = None

    @cached_property
    def view(self) -> "View":
        """The same, with the questions that sections ask."""
        return View(self)


class View:
    """Answers about the metrics; empty mappings where there are none."""

    def __init__(self, parts: ReportParts) -> None:
        self.parts = parts
        self.metrics: Mapping[str, Any] = parts.metrics or {}
        self.learners: Mapping[str, Any] = self.metrics.get("learners") or {}
        self.settings: Mapping[str, Any] = self.metrics.get("settings") or {}
        self.data: Mapping[str, Any] = self.metrics.get("data") or {}
        self.training: Mapping[str, Any] = self.metrics.get("training") or {}
        self.controls: Mapping[str, Any] = {
            name: levels
            for name, levels in ((self.metrics.get("controls") or {}).get("learners") or {}).items()
            if name not in self.learners
        }
        permuted = self.metrics.get("permuted_labels") or {}
        self.permuted: Mapping[str, Any] = permuted.get("learners") or {}

    @property
    def level(self) -> str:
        """The headline level."""
        return str(self.settings.get("level", "patient"))

    @cached_property
    def cast(self) -> Cast:
        """Who stands out and what learners are called; the same in every figure."""
        given = {"settings": self.settings, "learners": self.learners, "training": self.training}
        if self.controls:
            given["controls"] = {"learners": self.controls}
        return cast(given, self.parts.headline)

    @property
    def positive(self) -> str:
        """The positive class in words."""
        return self.cast.positive

    @property
    def segmentation(self) -> bool:
        """Do the learners outline rather than tell classes apart?"""
        return self.metrics.get("task") == SEGMENTATION

    @property
    def targets(self) -> str:
        """What is outlined, several of them: `tumours`, `vertebrae`."""
        word = self.positive
        if word.endswith("vertebra"):
            return f"{word}e"
        return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"

    @property
    def reference(self) -> str | None:
        """The learner that the others are compared with."""
        return self.cast.reference

    @property
    def headline(self) -> str | None:
        """The learner on top."""
        return self.cast.headline

    def label(self, name: Any) -> str:
        """A learner's name for people."""
        return self.cast.label(str(name))

    @property
    def with_values(self) -> bool:
        """Is any learner given clinical values beside the image?"""
        return bool(self.cast.inputs)

    @property
    def preparation(self) -> Mapping[str, Any]:
        """Which slices, regions and colours the networks were given."""
        return (self.parts.cohort or {}).get("preparation") or {}

    @property
    def one_fold(self) -> bool:
        """Is every learner judged in one fold only, as under a hold-out?"""
        key = ("pixel", "dice") if self.segmentation else ("scores", "auroc")
        folds = [
            ((self.metric(name, *key) or {}).get("folds") or {}).get("values") or {}
            for name in self.learners
        ]
        return bool(folds) and all(len(values) == 1 for values in folds)

    @property
    def clinical(self) -> str | None:
        """The control on the headline's clinical values alone."""
        paired = (self.metrics.get("beyond_clinical") or {}).get(self.headline, {}).get("control")
        if paired in self.controls:
            return str(paired)
        found = [name for name in self.controls if name.startswith(CLINICAL_CONTROL)]
        return found[-1] if found else None

    def find(self, name: str | None) -> Mapping[str, Any]:
        """Levels of a learner, control or permuted learner."""
        for group in (self.learners, self.controls, self.permuted):
            if name is not None and name in group:
                return dict(group[name])
        return {}

    def metric(self, name: str | None, group: str, metric: str, level: str | None = None) -> Any:
        """One metric of one learner; None if it was not computed."""
        judged = self.find(name).get(level or self.level) or {}
        return (judged.get(group) or {}).get(metric)

    def test(self, name: str, test: str, at: str, metric: str, level: str | None = None) -> Any:
        """One paired test of a learner against the reference; None if it was not made."""
        for compared in (self.metrics, self.metrics.get("controls") or {}):
            of = (compared.get("comparisons") or {}).get(name, {})
            found = chosen(of.get(level or self.level) or {}, test, at, metric)
            if found:
                return found
        return None

    def beyond(self, name: str, test: str, at: str, metric: str) -> Any:
        """One paired test of a learner against its clinical control."""
        return chosen((self.metrics.get("beyond_clinical") or {}).get(name, {}), test, at, metric)

    def counts(self, level: str | None = None) -> str:
        """`patient level, 240 patients (112 osteosarcoma, 128 other)`; empty without metrics."""
        level = level or self.level
        for name in (self.headline, self.reference, *self.learners):
            found = self.find(name).get(level)
            if found and found.get("n_patients"):
                return sized(level, found, self.positive)
        return ""

    def present(self, level: str) -> bool:
        """Is any learner judged at this level?"""
        return any(levels.get(level) for levels in self.learners.values())


def chosen(compared: Mapping[str, Any], test: str, at: str, metric: str) -> Any:
    """The test of that name among those of one comparison."""
    for one in compared.get("tests") or ():
        if (one.get("test"), one.get("at"), one.get("metric")) == (test, at, metric):
            return one
    return None


def sized(level: str, judged: Mapping[str, Any], positive: str) -> str:
    """What level, how many patients and, where there are any, images."""
    images = f", {judged['n_images']:,} images" if judged.get("n_images") else ""
    classes = ""
    if judged.get("positive_patients") is not None:
        classes = f" ({judged['positive_patients']:,} {positive}"
        classes += f", {judged.get('negative_patients', 0):,} others)"
    return f"{level} level, {judged['n_patients']:,} patients{classes}{images}"
