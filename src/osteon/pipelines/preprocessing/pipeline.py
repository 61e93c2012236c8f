"""Wiring of preprocessing, to be placed in a paper's namespace."""

from kedro.pipeline import Pipeline, node

from osteon.pipelines.preprocessing import nodes


def create_pipeline() -> Pipeline:
    """Archive → chosen slices and regions → image store; tables → samples."""
    return Pipeline(
        [
            node(
                nodes.choose_images,
                ["archive", "images", "params:preprocessing", "params:cohort"],
                ["chosen", "choice"],
                name="choose_images",
            ),
            node(
                nodes.prepare_images,
                ["archive", "chosen", "params:preprocessing"],
                "prepared",
                name="prepare_images",
            ),
            node(
                nodes.describe_preparation,
                ["choice", "prepared", "params:preprocessing"],
                "preparation",
                name="describe_preparation",
            ),
            node(
                nodes.prepare_samples,
                ["chosen", "patients", "params:cohort", "params:recipe", "prepared"],
                ["samples", "missingness"],
                name="prepare_samples",
            ),
        ],
        tags="preprocessing",
    )
