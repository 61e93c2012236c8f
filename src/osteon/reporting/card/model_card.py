"""The model card: what a run can say of itself, and what only a person can, kept apart."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from osteon.reporting.card.answers_outlining_results import outlined_table, strata_table
from osteon.reporting.card.answers_results import performance_table, subgroup_table
from osteon.reporting.card.facts import CardFacts
from osteon.reporting.card.human_input import HumanInput, read_human_input
from osteon.reporting.card.items import Checklist, counts, read_checklist, resolve
from osteon.reporting.card.limits import limits
from osteon.reporting.card.text import to_markdown

__all__ = ["CHECKLISTS", "model_card", "to_markdown"]

CHECKLISTS = ("claim_2024", "tripod_ai")


def model_card(
    paper: str,
    metrics: Mapping[str, Any] | None = None,
    certificate: Mapping[str, Any] | None = None,
    ledger: Mapping[str, Any] | None = None,
    cohort: Mapping[str, Any] | None = None,
    run: Mapping[str, Any] | None = None,
    explanations: Mapping[str, Any] | None = None,
    human: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    split_gap: Mapping[str, Any] | None = None,
    artefacts: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The card as data; `to_markdown` writes the same for people.

    Args:
        paper: name of the row.
        metrics, certificate, ledger, cohort, run, explanations: the datasets of a run.
        human: content of the file of human input.
        parameters: `preprocessing` (size, resize) and `splitting` (folds, seed), if at hand.
        split_gap: of the image-level audit, if it was run.
        artefacts: path below the project → SHA-256 of what the run left.

    Returns:
        paper, title, statement, sections, performance, subgroups, limitations, checklists,
        missing_human_input, artefacts. JSON values.

    Raises:
        HumanInputError: unknown key in the file of human input, or a value that is no text.
    """
    said = read_human_input(human)
    facts = CardFacts(
        paper=paper,
        metrics=metrics,
        certificate=certificate,
        ledger=ledger,
        cohort=cohort,
        run=run,
        explanations=explanations,
        parameters=parameters,
        split_gap=split_gap,
        artefacts=artefacts,
    )
    facts = replace(facts, limits=tuple(limits(facts)))
    performance, subgroups = _tables(facts)
    statement = ((metrics or {}).get("data") or {}).get("statement", "")
    return {
        "paper": paper,
        "title": str((ledger or {}).get("title") or paper),
        "statement": statement,
        "sections": _resolved(read_checklist("model_card"), facts, said)["items"],
        "performance": performance,
        "subgroups": subgroups,
        "limitations": [dict(one) for one in facts.limits],
        "checklists": {name: _resolved(read_checklist(name), facts, said) for name in CHECKLISTS},
        "missing_human_input": said.missing(),
        "artefacts": [{"path": p, "sha256": h} for p, h in sorted((artefacts or {}).items())],
    }


def _tables(facts: CardFacts) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Performance and subgroups, whatever the learners do."""
    if facts.segmentation:
        return outlined_table(facts.learners), strata_table(facts.metrics or {})
    return performance_table(facts.learners), subgroup_table(facts.learners)


def _resolved(checklist: Checklist, facts: CardFacts, human: HumanInput) -> dict[str, Any]:
    lines = [resolve(item, facts, human) for item in checklist.items]
    return {
        "title": checklist.title,
        "source": checklist.source,
        "counts": counts(lines),
        "items": lines,
    }
