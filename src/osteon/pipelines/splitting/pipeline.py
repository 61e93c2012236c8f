"""Wiring of splitting, to be placed in a paper's namespace."""

from kedro.pipeline import Pipeline, node

from osteon.pipelines.splitting import nodes


def create_pipeline() -> Pipeline:
    """Samples → folds by patient, refused when a near-duplicate crosses them."""
    return Pipeline(
        [
            node(
                nodes.find_near_duplicates,
                "chosen",
                "near_duplicates",
                name="find_near_duplicates",
            ),
            node(
                nodes.split_patients,
                ["samples", "near_duplicates", "params:splitting"],
                "splits",
                name="split_patients",
            ),
        ],
        tags="preprocessing",
    )


def create_holdout_pipeline() -> Pipeline:
    """A second protocol beside the folds: one part that is trained on, one that is judged."""
    return Pipeline(
        [
            node(
                nodes.split_patients,
                ["samples", "near_duplicates", "params:holdout"],
                "holdout_splits",
                name="hold_out_patients",
            )
        ],
        tags="preprocessing",
    )


def create_image_level_pipeline() -> Pipeline:
    """The papers' likely protocol, for the audit only: images of one patient in several folds."""
    return Pipeline(
        [
            node(
                nodes.split_images,
                ["samples", "params:splitting"],
                "image_level_splits",
                name="split_images",
            )
        ],
        tags="preprocessing",
    )
