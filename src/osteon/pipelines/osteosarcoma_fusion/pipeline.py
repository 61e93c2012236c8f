"""Wiring of the late-fusion paper: eight learners of Table 1, a permuted control, the audit.

A learner is a name here and a block of the same name in `parameters_osteosarcoma_fusion.yml`.
"""

from kedro.pipeline import Pipeline

from osteon.pipelines import evaluation, reporting, splitting, training
from osteon.pipelines.osteosarcoma_fusion import nodes
from osteon.pipelines.rows import TABLES, create_cohort, create_row, in_paper

PAPER = "osteosarcoma_fusion"
INPUTS = ("baseline", "gender", "age", "gender_age", "ldh", "alp", "alp_ldh", "all")
RESNET18 = [f"resnet18_{inputs}" for inputs in INPUTS]
RESNET50 = [f"resnet50_{inputs}" for inputs in INPUTS]
AUDITED = ["resnet18_baseline", "resnet18_all"]


def create_pipeline() -> Pipeline:
    """The row of Table 1: eight inputs on ResNet18, and `all` on permuted labels."""
    return _row("resnet18", RESNET18, PAPER)


def create_resnet50_pipeline() -> Pipeline:
    """The same on ResNet50 (the paper's Fig. 6)."""
    return _row("resnet50", RESNET50, f"{PAPER}.resnet50")


def create_audit_pipeline() -> Pipeline:
    """What the paper's likely image-level split reads, beside the patient-level figure."""
    audited = [f"{learner}_image_level" for learner in AUDITED]
    row = (
        create_cohort()
        + splitting.create_image_level_pipeline()
        + training.create_pipeline(AUDITED)
        + training.create_pipeline(audited, splits="image_level_splits")
    )
    report = f"{PAPER}.audit"
    pairs = dict(zip(AUDITED, audited, strict=True))
    return (
        in_paper(PAPER, row)
        + evaluation.create_audit_pipeline(PAPER, report, pairs)
        + reporting.create_audit_pipeline(PAPER, report)
    )


def _row(backbone: str, variants: list[str], report: str) -> Pipeline:
    """From the cohort to the report for the eight inputs of a backbone and its permuted control."""
    return create_row(
        PAPER,
        [*variants, f"{backbone}_permuted"],
        reference=variants[0],
        headline=variants[-1],
        tabulate=nodes.tabulate_as_published,
        tables=(*TABLES, "table1_cells"),
        report=report,
    )
