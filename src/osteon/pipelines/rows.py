"""A row of the grid: from the cohort to the report, the same for every paper that classifies."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from osteon.pipelines import (
    evaluation,
    explainability,
    ingestion,
    preprocessing,
    reporting,
    splitting,
    training,
)

TABLES = ("paper_tables", "paper_tables_page")
"""What every paper's own tables end in: for the page as data, for people as Markdown."""
FIGURES = "paper_figures"


def create_cohort() -> Pipeline:
    """Ingestion, preprocessing and folds, to be placed in a paper's namespace."""
    return (
        ingestion.create_pipeline() + preprocessing.create_pipeline() + splitting.create_pipeline()
    )


def in_paper(paper: str, pipeline: Pipeline) -> Pipeline:
    """A pipeline in a paper's namespace; the key of the pseudonyms belongs to all papers."""
    return Pipeline(pipeline, namespace=paper, inputs={"pseudonym_key"})


def create_row(
    paper: str,
    learners: Iterable[str],
    *,
    reference: str,
    headline: str,
    tabulate: Callable[..., Any],
    tables: Sequence[str] = TABLES,
    figures: Iterable[Node] = (),
    report: str | None = None,
    splits: Pipeline | None = None,
    protocol: str = "splitting",
) -> Pipeline:
    """Everything from the cohort to the report.

    Args:
        paper: namespace of the cohort and the learners.
        learners: names; each has a parameter block `<paper>.<name>.learner`.
        reference: learner that the others are tested against.
        headline: learner under test; both are explained.
        tabulate: makes the paper's own tables from the metrics, see `TABLES`.
        tables: its outputs.
        figures: nodes that make `<report>.paper_figures`, if the paper has figures of its own.
        report: namespace and folder of the results; the paper's own without it.
        splits: makes the table `<protocol>_splits`, for another protocol than the paper's first.
        protocol: name of the parameter block that says how samples are divided.
    """
    learners, report = list(learners), report or paper
    table = "splits" if splits is None else f"{protocol}_splits"
    own = [*figures]
    made = node(
        tabulate,
        f"{report}.metrics",
        [f"{report}.{name}" for name in tables],
        name="tabulate_as_published",
        namespace=report,
        tags="evaluation",
    )
    cohort = create_cohort() + (splits or Pipeline([]))
    return (
        in_paper(paper, cohort + training.create_pipeline(learners, splits=table))
        + evaluation.create_pipeline(paper, report, learners, splits=table)
        + Pipeline([made, *own])
        + explainability.create_pipeline(paper, report, reference, headline)
        + reporting.create_pipeline(
            paper,
            report,
            learners,
            headline,
            splits=table,
            splitting=protocol,
            paper_figures=bool(own),
            tuned=report == paper,
        )
    )
