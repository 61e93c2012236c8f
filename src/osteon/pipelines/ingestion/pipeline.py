"""Wiring of ingestion, to be placed in a paper's namespace."""

from kedro.pipeline import Pipeline, node

from osteon.pipelines.ingestion import nodes


def create_pipeline() -> Pipeline:
    """Cohort folder → archive → tables."""
    return Pipeline(
        [
            node(nodes.locate_cohort, "params:cohort", "cohort", name="locate_cohort"),
            node(
                nodes.ingest_cohort,
                ["cohort", "params:cohort", "pseudonym_key", "linkage"],
                "archive",
                name="ingest_cohort",
            ),
            node(
                nodes.describe_cohort,
                "archive",
                ["patients", "readers", "quarantine", "cohort_flow"],
                name="describe_cohort",
            ),
            node(
                nodes.accept_cohort,
                ["archive", "cohort_flow", "params:cohort"],
                "images",
                name="accept_cohort",
            ),
        ],
        tags="ingestion",
    )
