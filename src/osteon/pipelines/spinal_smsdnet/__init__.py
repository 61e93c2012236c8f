"""SMSDNet: spinal osteosarcoma or giant cell tumour of bone on CT."""

from osteon.pipelines.spinal_smsdnet.pipeline import create_pair_pipeline, create_pipeline

__all__ = ["create_pair_pipeline", "create_pipeline"]
