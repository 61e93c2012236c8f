"""Steps of reporting: tables and pictures in, pages out."""

import logging
import sys
from typing import Any

import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.pipelines.evaluation.nodes import STATEMENTS
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.splitting import SplittingConfig
from osteon.reporting.contents import charts_for

logger = logging.getLogger(__name__)


def tabulate_cohort(
    patients: pd.DataFrame,
    images: pd.DataFrame,
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    flow: dict[str, Any],
    missingness: dict[str, Any],
    quarantine: pd.DataFrame,
    preparation: dict[str, Any],
    cohort: CohortConfig,
    recipe: Recipe,
) -> dict[str, Any]:
    """Who was studied: flow, demographics by part, classes, missing values, acquisition.

    Args:
        patients: one row a patient.
        images: the archive's index.
        samples: one row a sample.
        splits: which fold judges which sample.
        flow: received → read → kept.
        missingness: missing clinical values by class.
        quarantine: what was refused and why.
        preparation: which slices and regions the networks were given.
        cohort: the classes.
        recipe: how missing values were filled.

    Returns:
        tables of ready text; no age above 89, no identifier.
    """
    from osteon.reporting.cohort import cohort_tables

    return cohort_tables(
        patients=patients,
        images=images,
        samples=samples,
        splits=splits,
        flow=flow,
        missingness=missingness,
        quarantine=quarantine,
        classes=cohort.classes,
        clinical=recipe.root.clinical_policy.model_dump(mode="json"),
        preparation=preparation,
        labelled_by=cohort.labelled_by,
    )


def record_run(metrics: dict[str, Any]) -> dict[str, Any]:
    """What a person needs to make the figures again; paths and names of people left out.

    Args:
        metrics: of the evaluation, for the training records.

    Returns:
        command, versions, hashes, devices and times.
    """
    from osteon.reporting.run import run_facts

    return run_facts(sys.argv, metrics["training"])


def settle_claims(
    metrics: dict[str, Any],
    cohort: CohortConfig,
    splitting: SplittingConfig,
    preprocessing: PreprocessingConfig,
    explanations: dict[str, Any] | None = None,
) -> tuple[dict[str, Any], str]:
    """The paper's printed numbers beside ours, with a verdict by rule.

    Args:
        metrics: of the evaluation.
        cohort: where the patients come from.
        splitting: the folds.
        preprocessing: the image size.
        explanations: their summary, for the printed ratio of gradients; None = none were made.

    Returns:
        the ledger, and the same as Markdown.
    """
    from osteon.claims.ledger import ledger, to_markdown

    protocol = {
        "cohort": cohort.model_dump(mode="json", include={"source", "classes", "modalities"}),
        # What the other protocol would have used is no setting of this run.
        "splitting": splitting.model_dump(
            mode="json", exclude={"folds" if splitting.protocol == "holdout" else "test_share"}
        ),
        "preprocessing": preprocessing.model_dump(mode="json"),
    }
    paper = metrics["data"]["paper"]
    settled = ledger(paper, metrics, explanations, cohort.source, protocol)
    return settled, to_markdown(settled)


def draw_charts(
    metrics: dict[str, Any],
    curves: dict[str, Any],
    comparison: pd.DataFrame,
    explanations: dict[str, Any] | None = None,
    headline: pd.DataFrame | None = None,
    paper_figures: list[dict[str, Any]] | None = None,
    under_test: str | None = None,
    **histories: pd.DataFrame,
) -> tuple[Any, ...]:
    """Every chart as pictures, and those of `charts_for` as interactive figures.

    Args:
        metrics: of the evaluation.
        curves: of the evaluation.
        comparison: one row a learner.
        explanations: their summary; None = none were made.
        headline: predictions of the learner under test, for the distribution of its scores; None
            for learners that outline and have no such table.
        paper_figures: the paper's own grids of cells, if it has any.
        under_test: the learner under test, where there is no table of its predictions.
        histories: learning curves of each learner.

    Returns:
        file name → matplotlib figure of every chart that has data, then a plotly figure for each of
        `osteon.reporting.contents.charts_for`; one without data says so.
    """
    from osteon.reporting.assembly import absent, charts_of_run
    from osteon.reporting.figures import draw, interactive

    tables = (metrics, curves, comparison, explanations or {}, headline)
    charts = charts_of_run(*tables, histories, paper_figures or (), under_test)
    pictures = {f"{name}.png": draw.figure(chart) for name, chart in charts.items()}
    kept = charts_for(metrics)
    return pictures, *(interactive.figure(charts.get(name) or absent(name)) for name in kept)


def write_report(
    metrics: dict[str, Any],
    curves: dict[str, Any],
    comparison: pd.DataFrame,
    certificate: dict[str, Any],
    ledger: dict[str, Any],
    cohort_tables: dict[str, Any],
    run: dict[str, Any],
    galleries: list[dict[str, Any]],
    paper_tables: list[dict[str, Any]],
    explanations: dict[str, Any] | None = None,
    headline: pd.DataFrame | None = None,
    paper_figures: list[dict[str, Any]] | None = None,
    under_test: str | None = None,
    tuning_result: dict[str, Any] | None = None,
    tuning_trials: pd.DataFrame | None = None,
    tuning_pictures: list[dict[str, Any]] | None = None,
    recipe: Any = None,
    learner: Any = None,
    **histories: pd.DataFrame,
) -> str:
    """The whole report as one page that needs nothing else.

    Args:
        metrics: of the evaluation.
        curves: of the evaluation.
        comparison: one row a learner.
        certificate: of the leak checks.
        ledger: the paper's claims beside ours.
        cohort_tables: who was studied.
        run: command, versions, hashes.
        galleries: cases with their pictures.
        paper_tables: the paper's own tables, cells of ready text.
        explanations, headline, paper_figures, under_test: as for `draw_charts`.
        tuning_result: what a study chose, and what it is worth; None = none was made.
        tuning_trials: its trials, one row each.
        tuning_pictures: see `osteon.pipelines.tuning.figures`.
        recipe, learner: as configured, to tell whether the chosen values are in use.
        histories: learning curves of each learner.

    Returns:
        HTML.
    """
    from osteon.pipelines.reporting.tuned import tuned_parts
    from osteon.reporting.assembly import charts_of_run, learner_of
    from osteon.reporting.page.render import ReportParts, render

    tables = (metrics, curves, comparison, explanations or {}, headline)
    tuned, drawn = tuned_parts(tuning_result, tuning_trials, tuning_pictures, recipe, learner)
    parts = ReportParts(
        title=ledger["title"],
        paper=ledger["paper"],
        statement=metrics["data"]["statement"],
        metrics=metrics,
        curves=curves,
        comparison=comparison,
        certificate=certificate,
        ledger=ledger,
        cohort=cohort_tables,
        run=run,
        explanations=explanations,
        galleries=galleries,
        histories=histories,
        paper_tables=paper_tables,
        charts=charts_of_run(*tables, histories, paper_figures or (), under_test) | drawn,
        headline=learner_of(headline, metrics, under_test),
        **tuned,
    )
    page = render(parts)
    logger.info("report: %.1f MB", len(page) / 1e6)
    return page


def write_model_card(
    metrics: dict[str, Any],
    certificate: dict[str, Any],
    ledger: dict[str, Any],
    cohort_tables: dict[str, Any],
    run: dict[str, Any],
    human_input: dict[str, Any],
    splitting: SplittingConfig,
    preprocessing: PreprocessingConfig,
    explanations: dict[str, Any] | None = None,
) -> tuple[str, dict[str, Any]]:
    """The model card: what the run can answer, what a person answered, and what nobody has yet.

    Args:
        metrics: of the evaluation.
        certificate: of the leak checks.
        ledger: the paper's claims beside ours.
        cohort_tables: who was studied.
        run: command, versions, hashes.
        human_input: what only a person knows.
        splitting: the folds.
        preprocessing: the image size.
        explanations: their summary; None = none were made.

    Returns:
        Markdown for people and the same as data.
    """
    from osteon.reporting.card.model_card import model_card, to_markdown
    from osteon.reporting.contents import artefacts_of

    card = model_card(
        paper=ledger["paper"],
        metrics=metrics,
        certificate=certificate,
        ledger=ledger,
        cohort=cohort_tables,
        run=run,
        explanations=explanations,
        human=human_input,
        parameters={
            "splitting": splitting.model_dump(mode="json"),
            "preprocessing": preprocessing.model_dump(mode="json"),
        },
        artefacts=artefacts_of(ledger["paper"], metrics["training"]),
    )
    return to_markdown(card), card


def list_contents(
    run: dict[str, Any],
    certificate: dict[str, Any],
    model_card_data: dict[str, Any],
    **parts: Any,
) -> dict[str, Any]:
    """What belongs together: the pages of one run with their hashes, and what they were made from.

    Args:
        run: command, versions, hashes.
        certificate: of the leak checks.
        model_card_data: the machine-readable card.
        parts: pages by name, as text, and the charts.

    Returns:
        see `osteon.reporting.contents.contents`.
    """
    from osteon.reporting.contents import contents

    return contents(run, certificate, model_card_data, parts)


def write_audit_report(
    split_gap: dict[str, Any], certificate: dict[str, Any], cohort: CohortConfig
) -> str:
    """A short page for an audit of the split.

    Args:
        split_gap: the audit's figures beside the honest ones.
        certificate: of the image-level folds.
        cohort: where the patients come from.

    Returns:
        HTML.
    """
    from osteon.reporting.page.render import ReportParts, render
    from osteon.reporting.run import run_facts

    return render(
        ReportParts(
            title="Audit: what an image-level split reads",
            statement=STATEMENTS[cohort.source],
            certificate=certificate,
            split_gap=split_gap,
            run=run_facts(sys.argv, {}),
        )
    )
