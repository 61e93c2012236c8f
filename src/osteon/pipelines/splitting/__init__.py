"""Splitting: which patient is judged in which fold, as a table."""

from osteon.pipelines.splitting.pipeline import (
    create_holdout_pipeline,
    create_image_level_pipeline,
    create_pipeline,
)

__all__ = ["create_holdout_pipeline", "create_image_level_pipeline", "create_pipeline"]
