"""Configuration of preprocessing: the image store."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PreprocessingConfig(BaseModel):
    """How kept images become network input.

    Attributes:
        size: side length in px.
        resize: `stretch` ignores the aspect ratio, as the late-fusion paper does; `letterbox` pads.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(224, ge=16, le=4096)
    resize: Literal["stretch", "letterbox"] = "stretch"
