"""Wiring of training: the same node once a learner, each in its own namespace."""

from collections.abc import Iterable

from kedro.pipeline import Pipeline, node

from osteon.pipelines.training import nodes

TEMPLATE = [
    node(
        nodes.train_learner,
        [
            "samples",
            "splits",
            "prepared",
            "workspace",
            "params:cohort",
            "params:preprocessing",
            "params:recipe",
            "params:learner",
        ],
        ["predictions", "model", "history", "fitted", "training_record"],
        name="train",
    )
]


def create_pipeline(learners: Iterable[str], splits: str = "splits") -> Pipeline:
    """Cross-validate every learner on the same samples, folds and pixels.

    Args:
        learners: names; each has a parameter block `<paper>.<name>.learner`.
        splits: name of the splits table.

    Returns:
        the sum of the learners' pipelines, to be placed in the paper's namespace.
    """
    return sum(
        (
            Pipeline(
                TEMPLATE,
                namespace=learner,
                inputs={"samples": "samples", "splits": splits, "prepared": "prepared"},
                parameters={"params:cohort", "params:preprocessing", "params:recipe"},
                tags="training",
            )
            for learner in learners
        ),
        start=Pipeline([]),
    )
