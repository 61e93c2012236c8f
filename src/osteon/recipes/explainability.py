"""How learners are explained: the parameters of every explanation, cheap to import."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from osteon.recipes.clinical import ClinicalConfig, normalise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Method = Literal["grad_cam", "integrated_gradients"]
Share = Annotated[float, Field(gt=0, lt=1)]


class ExplainabilityConfig(BaseModel):
    """Parameters of maps, of their checks and of clinical attributions.

    Attributes:
        methods: that draw a map of every image.
        layer: that Grad-CAM reads, by its name in the network or by a short one that the network
            has for it (`gradcam_layers`); None = the one that the paper names (`features_layer`).
        steps: of integrated gradients, on the image and on clinical values where there are any.
        top_share: of the most salient pixels in the intersection over union.
        randomisations: networks with shuffled weights for each fold; 0 leaves the check out.
        correlation_bound: mean rank correlation with the maps of shuffled weights above which a
            map is called worthless.
        checked_images: how many images of a learner, in equal parts by class, deletion, insertion
            and the costly half of the weight check are computed on.
        deletion_steps: points of these curves beside the first.
        stored_side: maps are kept at this many px a side or fewer.
        cases: in each gallery at most.
        batch: images at once.
        rounds: bootstrap resamples of patients.
        seed: of everything drawn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    methods: tuple[Method, ...] = Field(default=("grad_cam", "integrated_gradients"), min_length=1)
    layer: str | None = None
    steps: int = Field(default=16, ge=1, le=1000)
    top_share: Share = 0.15
    randomisations: int = Field(default=3, ge=0, le=50)
    correlation_bound: Share = 0.5
    checked_images: int = Field(default=120, ge=0)
    deletion_steps: int = Field(default=20, ge=1, le=1000)
    stored_side: int = Field(default=32, ge=1)
    cases: int = Field(default=8, ge=1, le=100)
    batch: int = Field(default=64, ge=1)
    rounds: int = Field(default=2000, ge=50, le=100_000)
    seed: int = Field(default=0, ge=0)


def neutral_values(
    columns: tuple[str, ...], config: ClinicalConfig | None = None
) -> "NDArray[np.float32]":
    """Where integrated gradients of clinical values start: a patient of whom nothing is known.

    Labs in the middle of their reference range, age 50, gender between the two, indicators of a
    missing value at 0.

    Args:
        columns: of the clinical vector (`FusionRecipe.clinical_columns`); config: of the learner.

    Returns:
        (d,) float32.
    """
    import pandas as pd

    row = normalise(pd.DataFrame({"sex": [None]}), config).iloc[0]
    values = [0.0 if name.endswith("_missing") else float(row[name]) for name in columns]
    return pd.Series(values, dtype="float32").to_numpy()
