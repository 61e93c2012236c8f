"""Ingestion: a hospital export, a public set or a phantom becomes an archive of no identifiers."""

from osteon.pipelines.ingestion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
