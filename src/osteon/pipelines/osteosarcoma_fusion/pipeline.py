"""Wiring of the late-fusion paper: eight learners of Table 1, a permuted control, the audit.

A learner is a name here and a block of the same name in `parameters_osteosarcoma_fusion.yml`.
"""

from kedro.pipeline import Pipeline, node

from osteon.pipelines import evaluation, ingestion, preprocessing, splitting, training
from osteon.pipelines.osteosarcoma_fusion import nodes

PAPER = "osteosarcoma_fusion"
INPUTS = ("baseline", "gender", "age", "gender_age", "ldh", "alp", "alp_ldh", "all")
RESNET18 = [f"resnet18_{inputs}" for inputs in INPUTS]
RESNET50 = [f"resnet50_{inputs}" for inputs in INPUTS]
AUDITED = ["resnet18_baseline", "resnet18_all"]


def create_pipeline() -> Pipeline:
    """The row of Table 1: eight inputs on ResNet18, and `all` on permuted labels."""
    learners = [*RESNET18, "resnet18_permuted"]
    return _in_paper(_cohort() + training.create_pipeline(learners)) + _judged(PAPER, learners)


def create_resnet50_pipeline() -> Pipeline:
    """The same on ResNet50 (the paper's Fig. 6)."""
    learners = [*RESNET50, "resnet50_permuted"]
    row = _in_paper(_cohort() + training.create_pipeline(learners))
    return row + _judged(f"{PAPER}.resnet50", learners)


def create_audit_pipeline() -> Pipeline:
    """What the paper's likely image-level split reads, beside the patient-level figure."""
    audited = [f"{learner}_image_level" for learner in AUDITED]
    row = (
        _cohort()
        + splitting.create_image_level_pipeline()
        + training.create_pipeline(AUDITED)
        + training.create_pipeline(audited, splits="image_level_splits")
    )
    return _in_paper(row) + evaluation.create_audit_pipeline(
        PAPER, f"{PAPER}.audit", dict(zip(AUDITED, audited, strict=True))
    )


def _cohort() -> Pipeline:
    return (
        ingestion.create_pipeline() + preprocessing.create_pipeline() + splitting.create_pipeline()
    )


def _in_paper(row: Pipeline) -> Pipeline:
    return Pipeline(row, namespace=PAPER, inputs={"pseudonym_key"})


def _judged(report: str, learners: list[str]) -> Pipeline:
    table1 = node(
        nodes.tabulate_as_published,
        f"{report}.metrics",
        f"{report}.table1",
        name="tabulate_as_published",
        namespace=report,
        tags="evaluation",
    )
    return evaluation.create_pipeline(PAPER, report, learners) + Pipeline([table1])
