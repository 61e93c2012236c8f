"""How predictions are judged: the parameters of every evaluation, cheap to import."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]


class EvaluationConfig(BaseModel):
    """Parameters of the one evaluator.

    Attributes:
        rounds: bootstrap resamples of patients. Report with 2,000 or more: fewer are for trial runs
            and the metrics say so.
        seed: of the resamples.
        interval: of the bootstrap; BCa is the default because the percentile interval of an AUROC
            or an accuracy covers too little at 60 patients (see `osteon.measures.evaluator`).
        prevalences: shares of positives at which predictive values are stated.
        level: which level the headline figures are read at.
        reference: the learner that all others are tested against: its name or the ending of it, so
            that one setting serves every backbone.
        alpha: family-wise error of the Holm-adjusted tests.
        small_sample: fewer positives or negatives than this put a warning beside the figures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rounds: int = Field(default=2000, ge=50, le=100_000)
    seed: int = Field(default=0, ge=0)
    interval: Literal["bca", "percentile"] = "bca"
    prevalences: tuple[Share, ...] = (0.01, 0.1, 0.5)
    level: Literal["patient", "image"] = "patient"
    reference: str = "baseline"
    alpha: Share = 0.05
    small_sample: int = Field(default=30, ge=2)
