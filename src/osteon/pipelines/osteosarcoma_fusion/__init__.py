"""Osteosarcoma on knee X-rays with age, sex, ALP and LDH: late fusion on ResNet."""

from osteon.pipelines.osteosarcoma_fusion.pipeline import (
    create_audit_pipeline,
    create_pipeline,
    create_resnet50_pipeline,
)

__all__ = ["create_audit_pipeline", "create_pipeline", "create_resnet50_pipeline"]
