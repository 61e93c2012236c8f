"""Wiring of reporting: cohort tables, ledger, charts, the page and the model card of a report."""

from collections.abc import Iterable
from functools import partial

from kedro.pipeline import Node, Pipeline, node

from osteon.pipelines.naming import fixed
from osteon.pipelines.reporting import nodes
from osteon.reporting.contents import CHARTS, SEGMENTATION_CHARTS

MADE = {"run": "run", "certificate": "leak_certificate"}
"""Argument → dataset of the report: how the run was made, and what was checked."""
TUNING = ["tuning_result", "tuning_trials", "tuning_pictures"]
"""Datasets of the paper's namespace that load None where no study was made."""


def create_pipeline(
    paper: str,
    report: str,
    learners: Iterable[str],
    headline: str,
    paper_figures: bool = False,
    splits: str = "splits",
    splitting: str = "splitting",
    trained: Iterable[str] = (),
    predictions: bool = True,
    explanations: bool = True,
    tuned: bool = False,
) -> Pipeline:
    """Everything that a reader sees of an evaluation.

    Args:
        paper: namespace the learners live in.
        report: namespace of the results, which is also their folder under `data/08_reporting`.
        learners: names in the paper's namespace.
        headline: the learner under test.
        paper_figures: whether the report's namespace has figures of the paper's own.
        splits: the table of parts that the learners are judged by, in the paper's namespace.
        splitting: the block of parameters that it was made with.
        trained: whose learning curves are drawn, if not the learners' own.
        predictions: whether the learners leave a table of predictions; those that outline leave
            maps, and their report has other charts (`SEGMENTATION_CHARTS`).
        explanations: whether the report's namespace has a summary of explanations.
        tuned: whether the page shows the result of the paper's study, once there is one.
    """
    maps = _of(report, *(["explanations"] * explanations))
    drawn = {
        **_of(report, "metrics", "curves", "comparison"),
        **maps,
        **_of(report, *(["paper_figures"] * paper_figures)),
        **dict([("headline", f"{paper}.{headline}.predictions")] * predictions),
        **{name: f"{paper}.{name}.history" for name in (trained or learners)},
    }
    charts = (SEGMENTATION_CHARTS, CHARTS)[predictions]
    return Pipeline(
        [
            *_tables(paper, report, splits, splitting, maps),
            *_drawn(report, headline, drawn, charts),
            *_pages(
                paper, report, headline, splitting, drawn, maps, _study(paper, headline, tuned)
            ),
            _contents(report, charts),
        ],
        tags="reporting",
    )


def _drawn(
    report: str, headline: str, drawn: dict[str, str], charts: tuple[str, ...]
) -> list[Node]:
    """The charts; `drawn`: what they are made from."""
    return [
        node(
            fixed(nodes.draw_charts, under_test=headline),
            drawn,
            [f"{report}.figures", *(f"{report}.chart_{name}" for name in charts)],
            name="draw_charts",
            namespace=report,
        )
    ]


def _pages(
    paper: str,
    report: str,
    headline: str,
    splitting: str,
    drawn: dict[str, str],
    maps: dict[str, str],
    study: dict[str, str],
) -> list[Node]:
    """The page and the model card; `drawn`: what the charts are made from."""
    told = {
        **_of(report, "ledger", "cohort_tables"),
        **{argument: f"{report}.{name}" for argument, name in MADE.items()},
    }
    step = partial(node, namespace=report)
    return [
        step(
            fixed(nodes.write_report, under_test=headline),
            {**drawn, **told, **_of(report, "paper_tables", "galleries"), **study},
            f"{report}.report",
            name="write_report",
        ),
        step(
            nodes.write_model_card,
            {
                **_of(report, "metrics"),
                **maps,
                **told,
                **_of(paper, "human_input"),
                **_parameters(paper, "preprocessing"),
                "splitting": f"params:{paper}.{splitting}",
            },
            [f"{report}.model_card", f"{report}.model_card_data"],
            name="write_model_card",
        ),
    ]


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


def _tables(
    paper: str, report: str, splits: str, splitting: str, maps: dict[str, str]
) -> list[Node]:
    """Who was studied, what the run was, and the paper's claims beside ours."""
    step = partial(node, namespace=report)
    cohort = ("patients", "images", "samples", "missingness", "quarantine", "preparation")
    return [
        step(
            nodes.tabulate_cohort,
            {
                **_of(paper, *cohort),
                "flow": f"{paper}.cohort_flow",
                "splits": f"{paper}.{splits}",
                **_parameters(paper, "cohort", "recipe"),
            },
            f"{report}.cohort_tables",
            name="tabulate_cohort",
        ),
        step(nodes.record_run, f"{report}.metrics", f"{report}.run", name="record_run"),
        step(
            nodes.settle_claims,
            {
                **_of(report, "metrics"),
                **maps,
                **_parameters(paper, "cohort", "preprocessing"),
                "splitting": f"params:{paper}.{splitting}",
            },
            [f"{report}.ledger", f"{report}.ledger_page"],
            name="settle_claims",
        ),
    ]


def _contents(report: str, charts: tuple[str, ...]) -> Node:
    """The list of what belongs together."""
    return node(
        nodes.list_contents,
        {
            **{argument: f"{report}.{name}" for argument, name in MADE.items()},
            **_of(report, "report", "model_card", "model_card_data", "paper_tables_page"),
            "ledger": f"{report}.ledger_page",
            **_of(report, *(f"chart_{name}" for name in charts)),
        },
        f"{report}.contents",
        name="list_contents",
        namespace=report,
    )


def _study(paper: str, headline: str, tuned: bool) -> dict[str, str]:
    """What the page shows of tuning; nothing of a report that is not the tuned learner's."""
    return {
        **_of(paper, *(TUNING * tuned)),
        **_parameters(paper, *(["recipe"] * tuned)),
        **dict([("learner", f"params:{paper}.{headline}.learner")] * tuned),
    }


def _of(owner: str, *names: str) -> dict[str, str]:
    """Argument → dataset of the same name in a namespace."""
    return {name: f"{owner}.{name}" for name in names}


def _parameters(paper: str, *names: str) -> dict[str, str]:
    return {name: f"params:{paper}.{name}" for name in names}
