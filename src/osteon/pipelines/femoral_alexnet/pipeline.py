"""Wiring of the AlexNet-BN paper: two networks, the ablations, a permuted control, two protocols.

A learner is a name here and a block of the same name in `parameters_femoral_alexnet.yml`.
"""

from kedro.pipeline import Pipeline

from osteon.pipelines import splitting
from osteon.pipelines.femoral_alexnet import nodes
from osteon.pipelines.rows import create_row

PAPER = "femoral_alexnet"
HEADLINE, REFERENCE = "alexnet_bn", "googlenet"
LEARNERS = [
    *(HEADLINE, REFERENCE, "alexnet_no_bn", "alexnet_bn_all"),
    *("alexnet_torchvision", "googlenet_torchvision", "alexnet_bn_permuted"),
]
HOLDOUT = [f"{HEADLINE}_holdout", f"{REFERENCE}_holdout"]


def create_pipeline() -> Pipeline:
    """Cross-validation: the paper's two networks on identical folds and crops, and ablations."""
    return create_row(
        PAPER,
        LEARNERS,
        reference=REFERENCE,
        headline=HEADLINE,
        tabulate=nodes.tabulate_as_published,
    )


def create_holdout_pipeline() -> Pipeline:
    """The paper's other protocol: one part for training, one for testing (300 and 200 patients)."""
    headline, reference = HOLDOUT
    return create_row(
        PAPER,
        HOLDOUT,
        reference=reference,
        headline=headline,
        tabulate=nodes.tabulate_as_published,
        report=f"{PAPER}.holdout",
        splits=splitting.create_holdout_pipeline(),
        protocol="holdout",
    )
