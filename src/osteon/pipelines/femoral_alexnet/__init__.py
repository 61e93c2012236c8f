"""AlexNet with batch normalisation against GoogLeNet on tumours of the femur."""

from osteon.pipelines.femoral_alexnet.pipeline import create_holdout_pipeline, create_pipeline

__all__ = ["create_holdout_pipeline", "create_pipeline"]
