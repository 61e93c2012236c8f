"""The weighted fusion framework: benign or malignant spinal tumours on MRI, by patient."""

from osteon.pipelines.spinal_wff.pipeline import create_answers_pipeline, create_pipeline

__all__ = ["create_answers_pipeline", "create_pipeline"]
