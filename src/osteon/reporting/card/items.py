"""Items of a checklist, each with exactly one status.

`filled`: the run answers it. `human`: a person has, in the file of human input. `MISSING: human
input`: a person should. `not applicable: <why>`. `not in this run: <dataset>`: a run could answer,
but this one does not hold what is needed.
"""

from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from osteon.reporting.card import (
    answers_data,
    answers_model,
    answers_outlining,
    answers_outlining_results,
    answers_results,
)
from osteon.reporting.card.facts import ANSWERS, DATASETS, OUTLINING, CardFacts, Whole
from osteon.reporting.card.human_input import MISSING, HumanInput

# Imported for the answers that they register.
SOURCES = (
    answers_data,
    answers_model,
    answers_results,
    answers_outlining,
    answers_outlining_results,
)
FILLED, HUMAN = "filled", "human"
NOT_APPLICABLE, NOT_IN_RUN = "not applicable: ", "not in this run: "
HUMAN_DATASET = "human_input"


class Item(BaseModel):
    """A line of a checklist.

    Attributes:
        item: its number; section and topic: where it stands and what it asks, in our words.
        run: name of the run's answer; human: keys of the file of human input. With both, both are
            needed unless the run's answer leaves nothing open.
        not_applicable: why a card has no answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    item: str
    section: str
    topic: str
    run: str | None = None
    human: tuple[str, ...] = ()
    not_applicable: str | None = None

    @model_validator(mode="after")
    def _known(self) -> "Item":
        if self.run is not None and self.run not in ANSWERS:
            raise ValueError(f"item {self.item}: run {self.run!r}; allowed: {sorted(ANSWERS)}")
        if unknown := set(self.human) - set(HumanInput.model_fields):
            raise ValueError(f"item {self.item}: human {sorted(unknown)} is no key of human input")
        if bool(self.run or self.human) == bool(self.not_applicable):
            raise ValueError(f"item {self.item}: needs run or human, or not_applicable")
        return self


class Checklist(BaseModel):
    """A reporting guideline: title, source and items."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    source: str
    items: tuple[Item, ...]


@cache
def read_checklist(name: str) -> Checklist:
    """One of the package's own files: `claim_2024`, `tripod_ai` or `model_card`."""
    folder = resources.files("osteon.reporting.card") / "checklists"
    text = (folder / f"{name}.yml").read_text(encoding="utf-8")
    return Checklist.model_validate(yaml.safe_load(text))


def resolve(item: Item, facts: CardFacts, human: HumanInput) -> dict[str, Any]:
    """An item with its status.

    Returns:
        item, section, topic, status, value (text, "" where there is none), from (datasets) and
        human_keys (those that a person should fill or has filled).
    """
    if item.not_applicable:
        return _line(item, f"{NOT_APPLICABLE}{item.not_applicable}", "", [])
    found, datasets, absent = _from_run(item.run, facts)
    said = {key: getattr(human, key) for key in item.human}
    given = [
        f"{key.replace('_', ' ')}: {text}" if len(said) > 1 else text
        for key, text in said.items()
        if text
    ]
    if not item.human:
        status = FILLED if found else f"{NOT_IN_RUN}{absent}"
        return _line(item, status, found, datasets)
    value = " | ".join([*given, *([found] if found else [])])
    if isinstance(found, Whole) and not given:
        return _line(item, FILLED, found, datasets)
    if not isinstance(found, Whole) and len(given) < len(said):
        return _line(item, MISSING, value, datasets)
    if len(said) == 1 and given and given[0].startswith(NOT_APPLICABLE):
        return _line(item, given[0], found, [HUMAN_DATASET, *datasets])
    return _line(item, HUMAN, value, [HUMAN_DATASET, *datasets])


def _from_run(name: str | None, facts: CardFacts) -> tuple[str, list[str], str]:
    """The run's answer, the datasets it was read from, and what is absent if there is none."""
    if name is None:
        return "", [], ""
    needs, function = ANSWERS[name]
    absent = [DATASETS[need] for need in needs if getattr(facts, need) is None]
    if absent:
        return "", [], ", ".join(absent)
    datasets = [DATASETS[need] for need in needs] or ["osteon"]
    if facts.segmentation:
        function = OUTLINING.get(name, function)
    found = function(facts)
    return (found, datasets, "") if found else ("", [], f"{', '.join(datasets)} does not say")


def _line(item: Item, status: str, value: str, datasets: list[str]) -> dict[str, Any]:
    return {
        "item": item.item,
        "section": item.section,
        "topic": item.topic,
        "status": status,
        "value": str(value),
        "from": datasets,
        "human_keys": [*item.human],
    }


def counts(lines: list[dict[str, Any]]) -> dict[str, int]:
    """How many items have which kind of status."""
    kinds = [FILLED, HUMAN, MISSING, NOT_APPLICABLE, NOT_IN_RUN]
    return {
        kind.rstrip(": "): sum(one["status"].startswith(kind) for one in lines) for kind in kinds
    }
