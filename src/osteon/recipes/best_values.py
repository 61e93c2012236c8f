"""The best values of a study as a small file that a person can lay into `conf/`."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

WIDTH = 98


class ScoreFacts(BaseModel):
    """A score over patients with its interval.

    Attributes:
        value: the score; None = not defined on these patients.
        lo, hi: bounds of its interval; None = not known.
    """

    model_config = ConfigDict(frozen=True)

    value: float | None
    lo: float | None = None
    hi: float | None = None

    def __str__(self) -> str:
        """Value and interval, to three places."""
        if self.value is None:
            return "not defined on these patients"
        if self.lo is None or self.hi is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.lo:.3f} to {self.hi:.3f})"


class BestFacts(BaseModel):
    """What the head of the file says about the values; further facts are passed over.

    Attributes:
        study: its name.
        objective: what was maximised, over patients.
        trials: of the study, given-up and failed ones included.
        inner: of the inner folds, by which the values were chosen.
        outer: of the outer part; None = not looked at.
        looks: settings that have judged the outer part so far, this one included.
        in_trials: what trials had otherwise than the row, by path.
        held_out: fold of the row's splits that is the outer part.
        patients: of the outer part; None = not told.
        statement: what the cohort is: a phantom, or real images.
    """

    model_config = ConfigDict(frozen=True)

    study: str
    objective: str
    trials: int
    inner: ScoreFacts
    outer: ScoreFacts | None = None
    looks: int = 1
    in_trials: Mapping[str, Any] = {}
    held_out: int = 0
    patients: int | None = None
    statement: str


def best_yaml(
    paper: str,
    learners: str | Sequence[str],
    recipe: Mapping[str, Any],
    learner: Mapping[str, Any],
    facts: BestFacts | Mapping[str, Any],
    others: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The file: a head of comments, and only what differs from the configuration.

    Args:
        paper: namespace of the row.
        learners: those whose own blocks `learner` is laid into: one, or several.
        recipe: what changes in the recipe's block, see `tuned_values.changes`.
        learner: what changes in the learners' blocks.
        facts: for the head.
        others: what changes in the blocks of further learners, by learner.

    Returns:
        YAML that lies over `parameters_<paper>.yml` as an environment's file does.

    Raises:
        ValidationError: a fact is missing.
    """
    facts = BestFacts.model_validate(facts)
    named = [learners] if isinstance(learners, str) else list(learners)
    block: dict[str, Any] = {"recipe": dict(recipe)} if recipe else {}
    own = {name: dict(learner) for name in named} if learner else {}
    for name, change in (others or {}).items():
        own[name] = {**own.get(name, {}), **change}
    block |= {name: {"learner": change} for name, change in own.items()}
    body = yaml.dump(
        {paper: block}, Dumper=_NoAliases, sort_keys=False, width=WIDTH, default_flow_style=None
    )
    return _head(paper, named, facts) + body


class _NoAliases(yaml.SafeDumper):
    """Several learners may share a block: a person reads it better said twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _head(paper: str, learners: Sequence[str], facts: BestFacts) -> str:
    laid = ", ".join(f"{path} {value}" for path, value in facts.in_trials.items())
    cheaper = f" Trials had {laid}; the look at the outer part did not." if laid else ""
    who = "the patients" if facts.patients is None else f"the {facts.patients} patients"
    said = (
        f"Best values of {', '.join(learners)} ({paper}), found by tuning. Data: {facts.statement}",
        f"Study {facts.study}: {facts.trials} trials, chosen by {facts.objective} over patients. "
        f"Inner folds: {facts.inner}, which the choice made too high. "
        f"Outer part: {_looked(facts)}.{cheaper}",
        f"To use them, copy this file to conf/tuned/parameters_{paper}.yml and run "
        f"`kedro run --env=tuned --pipelines={paper}`. It lies over conf/base, in place of "
        "conf/local: copy into it what the study read from there, or from another --env.",
        f"Only {who} of fold {facts.held_out} stayed untouched by tuning. All others had a part "
        "in the choice: what a run with these values says of them is too good.",
    )
    lines = [line for one in said for line in textwrap.wrap(one, WIDTH, break_on_hyphens=False)]
    return "".join(f"# {line}\n" for line in lines)


def _looked(facts: BestFacts) -> str:
    if facts.outer is None:
        return "not looked at"
    if facts.looks < 2:
        return f"{facts.outer}, looked at once"
    return (
        f"{facts.outer}; {facts.looks} settings have judged it by now, and with each the one that "
        "is picked among them is less honest"
    )
