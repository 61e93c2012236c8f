"""Evaluation: from prediction tables to numbers; no model is read."""

from osteon.pipelines.evaluation.pipeline import create_audit_pipeline, create_pipeline

__all__ = ["create_audit_pipeline", "create_pipeline"]
