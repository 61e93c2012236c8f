"""How predictions are judged: the parameters of every evaluation, cheap to import."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from osteon.measures.columns import SUBGROUPS

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
        level: which level the headline figures are read at; `sequence` needs a `sequence_id`.
        reference: the learner that all others are tested against: its name or the ending of it, so
            that one setting serves every backbone; of several the first that a report has.
        alpha: family-wise error of the Holm-adjusted tests.
        small_sample: fewer positives or negatives than this put a warning beside the figures.
        subgroups: columns of the predictions by whose values patients are judged apart; `age` in
            bands. Columns that a table lacks are passed over.
        age_caliper: years by which positive and negative of an age-matched pair may differ.
        decision_range: lowest and highest threshold probability of the decision curve.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rounds: int = Field(default=2000, ge=50, le=100_000)
    seed: int = Field(default=0, ge=0)
    interval: Literal["bca", "percentile"] = "bca"
    prevalences: tuple[Share, ...] = (0.01, 0.1, 0.5)
    level: Literal["patient", "sequence", "image"] = "patient"
    reference: str | tuple[str, ...] = "baseline"
    alpha: Share = 0.05
    small_sample: int = Field(default=30, ge=2)
    subgroups: tuple[str, ...] = SUBGROUPS
    age_caliper: float = Field(default=2.0, ge=0, le=20)
    decision_range: tuple[Share, Share] = (0.01, 0.99)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        low, high = self.decision_range
        if low >= high:
            raise ValueError(f"decision_range: {low} to {high} found, the first must be lower")
        return self
