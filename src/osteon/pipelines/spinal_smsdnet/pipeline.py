"""Wiring of the SMSDNet paper: its network, the ablations, a permuted control, the pair of models.

A learner is a name here and a block of the same name in `parameters_spinal_smsdnet.yml`.
"""

from kedro.pipeline import Pipeline, node

from osteon.pipelines.explainability.nodes import map_attention
from osteon.pipelines.rows import FIGURES, create_row
from osteon.pipelines.spinal_smsdnet import nodes

PAPER = "spinal_smsdnet"
HEADLINE, REFERENCE = "smsdnet", "densenet"
LEARNERS = [
    *(HEADLINE, REFERENCE, "attention_only", "multiscale_only", "smsdnet_rgb", "densenet121"),
    "smsdnet_permuted",
]
PAIR = ["pair_osteosarcoma", "pair_giant_cell_tumor"]


def create_pipeline() -> Pipeline:
    """The network of the paper beside its ablations, a plain DenseNet and DenseNet-121."""
    attention = node(
        map_attention,
        {
            "samples": f"{PAPER}.samples",
            "predictions": f"{PAPER}.{HEADLINE}.predictions",
            "prepared": f"{PAPER}.prepared",
            "model": f"{PAPER}.{HEADLINE}.model",
        },
        f"{PAPER}.{FIGURES}",
        name="map_attention",
        namespace=PAPER,
        tags="explainability",
    )
    return create_row(
        PAPER,
        LEARNERS,
        reference=REFERENCE,
        headline=HEADLINE,
        tabulate=nodes.tabulate_as_published,
        figures=[attention],
    )


def create_pair_pipeline() -> Pipeline:
    """Two models, one a class: how the two rows of the paper's Table 1 may have come about."""
    osteosarcoma, giant_cell_tumor = PAIR
    return create_row(
        PAPER,
        PAIR,
        reference=giant_cell_tumor,
        headline=osteosarcoma,
        tabulate=nodes.tabulate_as_published,
        report=f"{PAPER}.pair",
    )
