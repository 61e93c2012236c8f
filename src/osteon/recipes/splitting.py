"""Configuration of splitting."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SplittingConfig(BaseModel):
    """How samples are divided.

    Attributes:
        protocol: `folds`, cross-validation; `holdout`, one part that is trained on and one that is
            judged. Ignored when the cohort fixes train and test.
        folds: number of cross-validation folds.
        test_share: share of each class's patients that a hold-out judges.
        seed: of the shuffle.
        near_duplicates: what to do about one picture under two patients: stop the run (`fail`), or
            keep the patients concerned in one fold (`group`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    protocol: Literal["folds", "holdout"] = "folds"
    folds: int = Field(5, ge=2, le=50)
    test_share: float = Field(0.3, gt=0, lt=1)
    seed: int = Field(0, ge=0)
    near_duplicates: Literal["fail", "group"] = "fail"
