"""Training: one template for every learner of every paper."""

from osteon.pipelines.training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
