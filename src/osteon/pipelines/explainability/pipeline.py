"""Wiring of explainability: a template a learner, then one summary and the galleries a report."""

from collections.abc import Iterable

from kedro.pipeline import Pipeline, node

from osteon.pipelines.explainability import galleries, nodes
from osteon.reporting.choice import NAMES

TEMPLATE = [
    node(
        nodes.explain_learner,
        [
            "samples",
            "predictions",
            "prepared",
            "archive",
            "model",
            "params:preprocessing",
            "params:explainability",
        ],
        ["saliency", "explanation_scores", "clinical_attributions"],
        name="explain",
    )
]


def create_pipeline(paper: str, report: str, reference: str, headline: str) -> Pipeline:
    """Explain two learners of a paper, and set their maps side by side.

    Args:
        paper: namespace the learners live in.
        report: namespace of the results.
        reference: learner that the others are tested against.
        headline: learner under test.
    """
    learners = (reference, headline)
    explained = sum((_learner(paper, name) for name in learners), start=Pipeline([]))
    return explained + Pipeline(
        [
            node(
                nodes.summarise_explanations,
                {
                    "config": f"params:{paper}.explainability",
                    **_each(paper, learners, "scores", "explanation_scores"),
                    **_each(paper, learners, "attributions", "clinical_attributions"),
                },
                f"{report}.explanations",
                name="summarise_explanations",
                namespace=report,
            ),
            node(
                galleries.draw_galleries,
                {
                    "archive": f"{paper}.archive",
                    "images": f"{paper}.images",
                    "samples": f"{paper}.samples",
                    "prepared": f"{paper}.prepared",
                    "config": f"params:{paper}.explainability",
                    "cohort": f"params:{paper}.cohort",
                    "preprocessing": f"params:{paper}.preprocessing",
                    "reference": f"{paper}.{reference}.predictions",
                    "headline": f"{paper}.{headline}.predictions",
                    "reference_maps": f"{paper}.{reference}.saliency",
                    "headline_maps": f"{paper}.{headline}.saliency",
                },
                [f"{report}.galleries", *(f"{report}.gallery_{name}" for name in NAMES)],
                name="draw_galleries",
                namespace=report,
            ),
        ],
        tags="explainability",
    )


def _learner(paper: str, learner: str) -> Pipeline:
    template = Pipeline(
        TEMPLATE,
        namespace=learner,
        inputs={"samples", "prepared", "archive"},
        parameters={"params:preprocessing", "params:explainability"},
        tags="explainability",
    )
    return Pipeline(template, namespace=paper)


def _each(paper: str, learners: Iterable[str], what: str, dataset: str) -> dict[str, str]:
    """Argument → dataset, one a learner, for a node that takes any number of them."""
    return {f"{what}__{name}": f"{paper}.{name}.{dataset}" for name in learners}
