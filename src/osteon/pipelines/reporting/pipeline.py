"""Wiring of reporting: cohort tables, ledger, charts, the page and the model card of a report."""

from collections.abc import Iterable
from functools import partial

from kedro.pipeline import Pipeline, node

from osteon.pipelines.reporting import nodes


def create_pipeline(
    paper: str, report: str, learners: Iterable[str], headline: str, paper_table: str
) -> Pipeline:
    """Everything that a reader sees of an evaluation.

    Args:
        paper: namespace the learners live in.
        report: namespace of the results, which is also their folder under `data/08_reporting`.
        learners: names in the paper's namespace.
        headline: the learner under test.
        paper_table: name of the dataset with the paper's own table, in the report's namespace.
    """
    predictions = f"{paper}.{headline}.predictions"
    histories = {name: f"{paper}.{name}.history" for name in learners}
    judged = {name: f"{report}.{name}" for name in ("metrics", "curves", "comparison")}
    step = partial(node, namespace=report)
    steps = [
        step(
            nodes.tabulate_cohort,
            {
                "patients": f"{paper}.patients",
                "images": f"{paper}.images",
                "samples": f"{paper}.samples",
                "splits": f"{paper}.splits",
                "flow": f"{paper}.cohort_flow",
                "missingness": f"{paper}.missingness",
                "quarantine": f"{paper}.quarantine",
                "cohort": f"params:{paper}.cohort",
                "recipe": f"params:{paper}.recipe",
            },
            f"{report}.cohort_tables",
            name="tabulate_cohort",
        ),
        step(
            nodes.record_run,
            f"{report}.metrics",
            f"{report}.run",
            name="record_run",
        ),
        step(
            nodes.settle_claims,
            {
                "metrics": f"{report}.metrics",
                "explanations": f"{report}.explanations",
                "cohort": f"params:{paper}.cohort",
                "splitting": f"params:{paper}.splitting",
                "preprocessing": f"params:{paper}.preprocessing",
            },
            [f"{report}.ledger", f"{report}.ledger_page"],
            name="settle_claims",
        ),
        step(
            nodes.draw_charts,
            {
                **judged,
                "explanations": f"{report}.explanations",
                "headline": predictions,
                **histories,
            },
            [f"{report}.figures", *(f"{report}.chart_{name}" for name in nodes.CHARTS)],
            name="draw_charts",
        ),
        step(
            nodes.write_report,
            {
                **judged,
                "certificate": f"{report}.leak_certificate",
                "ledger": f"{report}.ledger",
                "cohort_tables": f"{report}.cohort_tables",
                "run": f"{report}.run",
                "explanations": f"{report}.explanations",
                "galleries": f"{report}.galleries",
                "paper_table": f"{report}.{paper_table}",
                "headline": predictions,
                **histories,
            },
            f"{report}.report",
            name="write_report",
        ),
        step(
            nodes.write_model_card,
            {
                "metrics": f"{report}.metrics",
                "certificate": f"{report}.leak_certificate",
                "ledger": f"{report}.ledger",
                "cohort_tables": f"{report}.cohort_tables",
                "run": f"{report}.run",
                "explanations": f"{report}.explanations",
                "human_input": f"{paper}.human_input",
                "splitting": f"params:{paper}.splitting",
                "preprocessing": f"params:{paper}.preprocessing",
            },
            [f"{report}.model_card", f"{report}.model_card_data"],
            name="write_model_card",
        ),
        step(
            nodes.list_contents,
            {
                "run": f"{report}.run",
                "certificate": f"{report}.leak_certificate",
                **{name: f"{report}.{name}" for name in ("report", "model_card", "table1")},
                "ledger": f"{report}.ledger_page",
                "model_card_data": f"{report}.model_card_data",
                **{f"chart_{name}": f"{report}.chart_{name}" for name in nodes.CHARTS},
            },
            f"{report}.contents",
            name="list_contents",
        ),
    ]
    return Pipeline(steps, tags="reporting")


def create_audit_pipeline(paper: str, report: str) -> Pipeline:
    """A short page for an audit of the split: the gap, its warning and the certificate.

    Args:
        paper: namespace of the cohort.
        report: namespace of the results.
    """
    page = node(
        nodes.write_audit_report,
        [f"{report}.split_gap", f"{report}.leak_certificate", f"params:{paper}.cohort"],
        f"{report}.report",
        name="write_audit_report",
        namespace=report,
    )
    return Pipeline([page], tags="reporting")
