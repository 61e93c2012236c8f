"""Wiring of the late-fusion paper: eight learners of Table 1, a permuted control, the audit.

A learner is a name here and a block of the same name in `parameters_osteosarcoma_fusion.yml`.
"""

from kedro.pipeline import Pipeline, node

from osteon.pipelines import (
    evaluation,
    explainability,
    ingestion,
    preprocessing,
    reporting,
    splitting,
    training,
)
from osteon.pipelines.osteosarcoma_fusion import nodes

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
        _cohort()
        + splitting.create_image_level_pipeline()
        + training.create_pipeline(AUDITED)
        + training.create_pipeline(audited, splits="image_level_splits")
    )
    report = f"{PAPER}.audit"
    pairs = dict(zip(AUDITED, audited, strict=True))
    return (
        _in_paper(row)
        + evaluation.create_audit_pipeline(PAPER, report, pairs)
        + reporting.create_audit_pipeline(PAPER, report)
    )


def _cohort() -> Pipeline:
    return (
        ingestion.create_pipeline() + preprocessing.create_pipeline() + splitting.create_pipeline()
    )


def _in_paper(row: Pipeline) -> Pipeline:
    return Pipeline(row, namespace=PAPER, inputs={"pseudonym_key"})


def _row(backbone: str, variants: list[str], report: str) -> Pipeline:
    """From the cohort to the report for the eight inputs of a backbone and its permuted control."""
    learners = [*variants, f"{backbone}_permuted"]
    baseline, everything = variants[0], variants[-1]
    table1 = node(
        nodes.tabulate_as_published,
        f"{report}.metrics",
        [f"{report}.table1", f"{report}.table1_cells"],
        name="tabulate_as_published",
        namespace=report,
        tags="evaluation",
    )
    return (
        _in_paper(_cohort() + training.create_pipeline(learners))
        + evaluation.create_pipeline(PAPER, report, learners)
        + Pipeline([table1])
        + explainability.create_pipeline(PAPER, report, baseline, everything)
        + reporting.create_pipeline(PAPER, report, learners, everything, "table1_cells")
    )
