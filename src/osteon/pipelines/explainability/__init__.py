"""Explainability: what the networks looked at, scored and checked."""

from osteon.pipelines.explainability.pipeline import create_pipeline

__all__ = ["create_pipeline"]
