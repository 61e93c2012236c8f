"""Wiring of the segmentation row: PENN, its twin and ablations, five rivals, and two audits of it.

A learner is a name here and a block of the same name in `parameters_spinal_penn.yml`.
"""

from collections.abc import Sequence
from functools import partial

from kedro.pipeline import Node, Pipeline, node

from osteon.pipelines import reporting
from osteon.pipelines.rows import FIGURES, TABLES, create_cohort, in_paper
from osteon.pipelines.spinal_penn import (
    auditing,
    certifying,
    evaluating,
    explaining,
    gradients,
    outlining,
    tabulating,
    training,
)
from osteon.reporting.segmentation_gallery import GALLERIES

PAPER = "spinal_penn"
HEADLINE, REFERENCE = "penn", "unet"
LEARNERS = [
    *(HEADLINE, "sae_plain", "penn_no_pretraining", "penn_conv"),
    *(REFERENCE, "multiresunet", "sau_net", "d_tvnet", "op_convnet"),
]
GRID_REPORT = f"{PAPER}.grid"
GRID = [f"penn_{layers}x{nodes}" for layers in (1, 2, 3) for nodes in (50, 100, 200)]
"""Hidden layers and units of each: the paper's choice of an architecture (Fig. 6)."""
GRID_HEADLINE = "penn_3x200"

TRAINED = ("maps", "judged", "model", "history", "fitted", "training_record")
OUTLINED = ("segmentations", "patch_counts", "slice_scores", "threshold_counts", "outlines")
JUDGED = {
    "segmentations": "segmentations",
    "patches": "patch_counts",
    "thresholds": "threshold_counts",
    "record": "training_record",
}
"""Ending of evaluation's argument → dataset of a learner."""


def create_pipeline() -> Pipeline:
    """Everything from the cohort to the report, with the audit of a split by patch."""
    audit = node(
        auditing.audit_patch_split,
        [
            *_of("samples", "splits", "prepared", "audit.workspace"),
            *_parameters("cohort", "preprocessing", "recipe", "audit"),
        ],
        f"{PAPER}.patch_split",
        name="audit_patch_split",
        namespace=PAPER,
        tags="training",
    )
    return _row(LEARNERS, PAPER, HEADLINE, explanations=True) + Pipeline(
        [audit, _tabulate(), *_showing()]
    )


def create_grid_pipeline() -> Pipeline:
    """PENN with one to three layers of 50 to 200 units, as a report of its own (Fig. 6)."""
    made = node(
        tabulating.tabulate_grid,
        {"metrics": f"{GRID_REPORT}.metrics", **_histories(GRID)},
        [*(f"{GRID_REPORT}.{name}" for name in TABLES), f"{GRID_REPORT}.{FIGURES}"],
        name="tabulate_grid",
        namespace=GRID_REPORT,
        tags="evaluation",
    )
    shown = node(
        explaining.show_nothing,
        f"{GRID_REPORT}.metrics",
        f"{GRID_REPORT}.galleries",
        name="show_nothing",
        namespace=GRID_REPORT,
        tags="explainability",
    )
    return _row(GRID, GRID_REPORT, GRID_HEADLINE, explanations=False) + Pipeline([made, shown])


def _row(learners: Sequence[str], report: str, headline: str, *, explanations: bool) -> Pipeline:
    """Cohort, learners, outlines, figures and pages of one report, with maps or without."""
    nodes = [one for name in learners for one in (_train(name), _outline(name))]
    return (
        in_paper(PAPER, create_cohort())
        + Pipeline([*nodes, _measure(), *_judge(learners, report)])
        + reporting.create_pipeline(
            PAPER,
            report,
            learners,
            headline,
            paper_figures=True,
            predictions=False,
            explanations=explanations,
            tuned=report == PAPER,
        )
    )


def _train(learner: str) -> Node:
    return node(
        training.train_segmenter,
        [
            *_of("samples", "splits", "prepared", f"{learner}.workspace"),
            *_parameters("cohort", "preprocessing", "recipe", f"{learner}.learner"),
        ],
        _of(*(f"{learner}.{name}" for name in TRAINED)),
        name="train",
        namespace=f"{PAPER}.{learner}",
        tags="training",
    )


def _outline(learner: str) -> Node:
    return node(
        outlining.outline,
        [
            *_of(f"{learner}.maps", f"{learner}.judged", "samples", "archive", "prepared"),
            *_parameters("cohort", "preprocessing", "recipe"),
        ],
        _of(*(f"{learner}.{name}" for name in OUTLINED)),
        name="outline",
        namespace=f"{PAPER}.{learner}",
        tags="evaluation",
    )


def _measure() -> Node:
    return node(
        outlining.measure_lesions,
        [*_of("samples", "archive"), *_parameters("cohort", "preprocessing")],
        f"{PAPER}.lesions",
        name="measure_lesions",
        namespace=PAPER,
        tags="evaluation",
    )


def _judge(learners: Sequence[str], report: str) -> list[Node]:
    """The certificate, then the figures that need it."""
    made = partial(node, namespace=report, tags="evaluation")
    fitted = {f"{name}__fitted": f"{PAPER}.{name}.fitted" for name in learners}
    tables = {
        f"{name}__{ending}": f"{PAPER}.{name}.{dataset}"
        for name in learners
        for ending, dataset in JUDGED.items()
    }
    return [
        made(
            certifying.certify_segmentation,
            {**_named("samples", "splits", "near_duplicates"), **fitted},
            f"{report}.leak_certificate",
            name="certify_segmentation",
        ),
        made(
            evaluating.evaluate_segmenters,
            {
                "config": f"params:{PAPER}.evaluation",
                "cohort": f"params:{PAPER}.cohort",
                "flow": f"{PAPER}.cohort_flow",
                "certificate": f"{report}.leak_certificate",
                "lesions": f"{PAPER}.lesions",
                "recipe": f"params:{PAPER}.recipe",
                **tables,
            },
            [f"{report}.{name}" for name in ("metrics", "curves", "comparison")],
            name="evaluate_segmenters",
        ),
    ]


def _tabulate() -> Node:
    return node(
        tabulating.tabulate_as_published,
        {
            "metrics": f"{PAPER}.metrics",
            "patch_split": f"{PAPER}.patch_split",
            **_histories(LEARNERS),
        },
        [*(f"{PAPER}.{name}" for name in TABLES), f"{PAPER}.{FIGURES}"],
        name="tabulate_as_published",
        namespace=PAPER,
        tags="evaluation",
    )


def _showing() -> list[Node]:
    """Cases with outlines, filters of the first layer, gradients, and masks for other programs."""
    made = partial(node, namespace=PAPER, tags="explainability")
    return [
        made(
            gradients.explain_patches,
            {
                **_named("samples", "prepared"),
                "judged": f"{PAPER}.{HEADLINE}.judged",
                "cohort": f"params:{PAPER}.cohort",
                "config": f"params:{PAPER}.explainability",
                "model": f"{PAPER}.{HEADLINE}.model",
            },
            [
                f"{PAPER}.{HEADLINE}.saliency",
                f"{PAPER}.{HEADLINE}.explanation_scores",
                f"{PAPER}.explanations",
            ],
            name="explain_patches",
        ),
        made(
            explaining.show_outlines,
            {
                **_named("samples", "archive"),
                "cohort": f"params:{PAPER}.cohort",
                "config": f"params:{PAPER}.explainability",
                "model": f"{PAPER}.{HEADLINE}.model",
                "slices": f"{PAPER}.{HEADLINE}.slice_scores",
                "outlines": f"{PAPER}.{HEADLINE}.outlines",
                "rival": f"{PAPER}.{REFERENCE}.outlines",
                "prepared": f"{PAPER}.prepared",
                "saliency": f"{PAPER}.{HEADLINE}.saliency",
                "scores": f"{PAPER}.{HEADLINE}.explanation_scores",
                "explained": f"{PAPER}.explanations",
            },
            [
                f"{PAPER}.galleries",
                *(f"{PAPER}.gallery_{name}" for name in (*GALLERIES, "filters", "saliency")),
            ],
            name="show_outlines",
        ),
        made(
            explaining.export_outlines,
            {
                **_named("samples", "archive"),
                "cohort": f"params:{PAPER}.cohort",
                "outlines": f"{PAPER}.{HEADLINE}.outlines",
                "judged": f"{PAPER}.{HEADLINE}.judged",
            },
            f"{PAPER}.{HEADLINE}.exported",
            name="export_outlines",
        ),
    ]


def _of(*names: str) -> list[str]:
    """Datasets of the paper."""
    return [f"{PAPER}.{name}" for name in names]


def _named(*names: str) -> dict[str, str]:
    """Argument → dataset of the paper of the same name."""
    return {name: f"{PAPER}.{name}" for name in names}


def _parameters(*names: str) -> list[str]:
    return [f"params:{PAPER}.{name}" for name in names]


def _histories(learners: Sequence[str]) -> dict[str, str]:
    """`<learner>__history` → learning curves, those of the pretraining among them."""
    return {f"{name}__history": f"{PAPER}.{name}.history" for name in learners}
