"""Preprocessing: one memory-mapped image store and one table of samples a paper."""

from osteon.pipelines.preprocessing.pipeline import create_pipeline

__all__ = ["create_pipeline"]
