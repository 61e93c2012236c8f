"""Patch-based segmentation of spinal tumours against five rivals."""

from osteon.pipelines.spinal_penn.pipeline import create_grid_pipeline, create_pipeline

__all__ = ["create_grid_pipeline", "create_pipeline"]
