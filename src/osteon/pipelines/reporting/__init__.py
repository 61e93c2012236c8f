"""Reporting: from tables and galleries to pages."""

from osteon.pipelines.reporting.pipeline import create_audit_pipeline, create_pipeline

__all__ = ["create_audit_pipeline", "create_pipeline"]
