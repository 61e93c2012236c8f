"""Configuration of splitting."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SplittingConfig(BaseModel):
    """How samples are divided.

    Attributes:
        folds: number of cross-validation folds; ignored when the cohort fixes train and test.
        seed: of the shuffle.
        near_duplicates: what to do about one picture under two patients: stop the run (`fail`), or
            keep the patients concerned in one fold (`group`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folds: int = Field(5, ge=2, le=50)
    seed: int = Field(0, ge=0)
    near_duplicates: Literal["fail", "group"] = "fail"
