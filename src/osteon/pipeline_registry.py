"""The grid: rows are papers, columns are stages, and both are pipelines by name."""

from kedro.pipeline import Pipeline

from osteon.pipelines import (
    femoral_alexnet,
    osteosarcoma_fusion,
    spinal_penn,
    spinal_smsdnet,
    spinal_wff,
)
from osteon.pipelines.tuning import pipeline as tuning

COLUMNS = (
    "ingestion",
    "preprocessing",
    "training",
    "evaluation",
    "explainability",
    "reporting",
)


def register_pipelines() -> dict[str, Pipeline]:
    """All pipelines by name.

    Returns:
        rows (`osteosarcoma_fusion`, ...), columns over the main rows (`ingestion`, ...), the
        extra rows of a paper (`..._resnet50`, `..._audit`), and `__default__`, all main rows.
        Tuning is asked for by name: `tuning`, and its cells `<paper>_tuning`, belong to no row.
    """
    rows = {
        "osteosarcoma_fusion": osteosarcoma_fusion.create_pipeline(),
        "spinal_smsdnet": spinal_smsdnet.create_pipeline(),
        "femoral_alexnet": femoral_alexnet.create_pipeline(),
        "spinal_wff": spinal_wff.create_pipeline(),
        "spinal_penn": spinal_penn.create_pipeline(),
    }
    extra_rows = {
        "osteosarcoma_fusion_resnet50": osteosarcoma_fusion.create_resnet50_pipeline(),
        "osteosarcoma_fusion_audit": osteosarcoma_fusion.create_audit_pipeline(),
        "spinal_smsdnet_pair": spinal_smsdnet.create_pair_pipeline(),
        "femoral_alexnet_holdout": femoral_alexnet.create_holdout_pipeline(),
        "spinal_penn_grid": spinal_penn.create_grid_pipeline(),
    }
    cells = {
        "osteosarcoma_fusion": tuning.create_image_cell("osteosarcoma_fusion"),
        "spinal_smsdnet": tuning.create_image_cell("spinal_smsdnet"),
        "femoral_alexnet": tuning.create_image_cell("femoral_alexnet"),
        "spinal_wff": tuning.create_fusion_cell("spinal_wff"),
        "spinal_penn": tuning.create_outline_cell("spinal_penn"),
    }
    studies = {f"{paper}_tuning": cell for paper, cell in cells.items()}
    studies["tuning"] = sum(cells.values(), start=Pipeline([]))
    everything = sum(rows.values(), start=Pipeline([]))
    columns = {column: everything.only_nodes_with_tags(column) for column in COLUMNS}
    return {"__default__": everything, **rows, **extra_rows, **columns, **studies}
