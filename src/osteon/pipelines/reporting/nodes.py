"""Steps of reporting: tables and pictures in, pages out."""

import hashlib
import logging
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.pipelines.evaluation.nodes import STATEMENTS
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.splitting import SplittingConfig

if TYPE_CHECKING:
    from osteon.reporting.figures.charts import Chart

logger = logging.getLogger(__name__)

CHARTS = (
    "roc",
    "precision_recall",
    "forest",
    "forest_auroc",
    "bars",
    "confusion",
    "scores",
    "reliability",
    "calibration",
    "decision",
    "subgroups",
    "age_matched",
    "learning_curves",
    "clinical_attributions",
)
"""Charts that are datasets of their own, in the order of the outputs of `draw_charts`."""


def tabulate_cohort(
    patients: pd.DataFrame,
    images: pd.DataFrame,
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    flow: dict[str, Any],
    missingness: dict[str, Any],
    quarantine: pd.DataFrame,
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
        clinical=recipe.root.clinical.model_dump(mode="json"),
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
    explanations: dict[str, Any],
    cohort: CohortConfig,
    splitting: SplittingConfig,
    preprocessing: PreprocessingConfig,
) -> tuple[dict[str, Any], str]:
    """The paper's printed numbers beside ours, with a verdict by rule.

    Args:
        metrics: of the evaluation.
        explanations: their summary, for the printed ratio of gradients.
        cohort: where the patients come from.
        splitting: the folds.
        preprocessing: the image size.

    Returns:
        the ledger, and the same as Markdown.
    """
    from osteon.claims.ledger import ledger, to_markdown

    protocol = {
        "cohort": cohort.model_dump(mode="json", include={"source", "classes", "modalities"}),
        "splitting": splitting.model_dump(mode="json"),
        "preprocessing": preprocessing.model_dump(mode="json"),
    }
    paper = metrics["data"]["paper"]
    settled = ledger(paper, metrics, explanations, cohort.source, protocol)
    return settled, to_markdown(settled)


def draw_charts(
    metrics: dict[str, Any],
    curves: dict[str, Any],
    comparison: pd.DataFrame,
    explanations: dict[str, Any],
    headline: pd.DataFrame,
    **histories: pd.DataFrame,
) -> tuple[Any, ...]:
    """Every chart as pictures, and those of `CHARTS` as interactive figures.

    Args:
        metrics: of the evaluation.
        curves: of the evaluation.
        comparison: one row a learner.
        explanations: their summary.
        headline: predictions of the learner under test, for the distribution of its scores.
        histories: learning curves of each learner.

    Returns:
        file name → matplotlib figure of every chart that has data, then a plotly figure for each of
        `CHARTS`; one without data says so.
    """
    from osteon.reporting.figures import draw, interactive

    charts = _charts(metrics, curves, comparison, explanations, headline, histories)
    pictures = {f"{name}.png": draw.figure(chart) for name, chart in charts.items()}
    return pictures, *(interactive.figure(charts.get(name) or _absent(name)) for name in CHARTS)


def _absent(name: str) -> "Chart":
    from osteon.reporting.figures.charts import Chart

    return Chart(name, f"{name}: no data in this run", "", "", ())


def write_report(
    metrics: dict[str, Any],
    curves: dict[str, Any],
    comparison: pd.DataFrame,
    certificate: dict[str, Any],
    ledger: dict[str, Any],
    cohort_tables: dict[str, Any],
    run: dict[str, Any],
    explanations: dict[str, Any],
    galleries: list[dict[str, Any]],
    paper_table: pd.DataFrame,
    headline: pd.DataFrame,
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
        explanations: their summary.
        galleries: cases with their pictures.
        paper_table: the paper's own table, cells of text.
        headline: predictions of the learner under test.
        histories: learning curves of each learner.

    Returns:
        HTML.
    """
    from osteon.measures.table1 import CAPTION
    from osteon.reporting.page.render import ReportParts, render

    title = "The paper's table, in its own layout"
    table = {"title": title, "note": CAPTION, "table": paper_table.fillna("")}
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
        paper_tables=[table],
        charts=_charts(metrics, curves, comparison, explanations, headline, histories),
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
    explanations: dict[str, Any],
    human_input: dict[str, Any],
    splitting: SplittingConfig,
    preprocessing: PreprocessingConfig,
) -> tuple[str, dict[str, Any]]:
    """The model card: what the run can answer, what a person answered, and what nobody has yet.

    Args:
        metrics: of the evaluation.
        certificate: of the leak checks.
        ledger: the paper's claims beside ours.
        cohort_tables: who was studied.
        run: command, versions, hashes.
        explanations: their summary.
        human_input: what only a person knows.
        splitting: the folds.
        preprocessing: the image size.

    Returns:
        Markdown for people and the same as data.
    """
    from osteon.reporting.card.model_card import model_card, to_markdown

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
        artefacts=_artefacts(ledger["paper"], metrics["training"]),
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
        command, code, hashes of data and split, SHA-256 of every page, names of the charts, whether
        the certificate passed, and how many items of the card wait for a person.
    """
    pages = {name: text for name, text in parts.items() if isinstance(text, str)}
    return {
        **{name: run[name] for name in ("command", "osteon", "commit", "dirty", "hashes")},
        "leak_certificate_passed": certificate["passed"],
        "missing_human_input": len(model_card_data["missing_human_input"]),
        "pages_sha256": {
            name: hashlib.sha256(text.encode()).hexdigest() for name, text in pages.items()
        },
        "charts": [name.removeprefix("chart_") for name in parts if name.startswith("chart_")],
    }


def _artefacts(paper: str, records: dict[str, Any]) -> dict[str, str]:
    """Where the weights of every fold lie, and their SHA-256."""
    return {
        f"data/06_models/{paper}/{name}/model/<version>/model/fold{fold['fold']}.safetensors": fold[
            "sha256"
        ]
        for name, record in records.items()
        for fold in record["folds"]
    }


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


def _charts(
    metrics: dict[str, Any],
    curves: dict[str, Any],
    comparison: pd.DataFrame,
    explanations: dict[str, Any],
    headline: pd.DataFrame,
    histories: dict[str, pd.DataFrame],
) -> "dict[str, Chart]":
    from osteon.claims.published import read_published
    from osteon.measures.table1 import printed
    from osteon.reporting.figures.charts import build_charts

    published = read_published(metrics["data"]["paper"])
    theirs = {**printed(published, "resnet18"), **printed(published, "resnet50")}
    return build_charts(metrics, curves, comparison, histories, explanations, theirs, headline)
