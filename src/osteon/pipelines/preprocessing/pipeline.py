"""Wiring of preprocessing, to be placed in a paper's namespace."""

from kedro.pipeline import Pipeline, node

from osteon.pipelines.preprocessing import nodes


def create_pipeline() -> Pipeline:
    """Archive → image store; tables → samples."""
    return Pipeline(
        [
            node(
                nodes.prepare_images,
                ["archive", "images", "params:preprocessing"],
                "prepared",
                name="prepare_images",
            ),
            node(
                nodes.prepare_samples,
                ["images", "patients", "params:cohort", "params:recipe"],
                ["samples", "missingness"],
                name="prepare_samples",
            ),
        ],
        tags="preprocessing",
    )
