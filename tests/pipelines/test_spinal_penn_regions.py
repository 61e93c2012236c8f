"""No segmenter sees slices that were chosen, cropped or blackened by what it is to find."""

from typing import Any

import pytest

from osteon.cohorts.errors import CohortError
from osteon.pipelines.spinal_penn.auditing import audit_patch_split
from osteon.pipelines.spinal_penn.training import refuse_drawn_regions, train_segmenter
from osteon.recipes.preprocessing import PreprocessingConfig

NONE: Any = None


@pytest.mark.parametrize("train", [train_segmenter, audit_patch_split])
@pytest.mark.parametrize(
    "region", [{"apply_mask": True}, {"mode": "box_margin"}, {"mode": "fixed"}]
)
def test_a_region_by_the_label_map_is_refused(train, region) -> None:
    shown = PreprocessingConfig.model_validate({"size": 32, "region": region, "masks": True})
    with pytest.raises(CohortError, match=r"preprocessing\.region: mode .* only mode whole"):
        train(NONE, NONE, NONE, NONE, NONE, shown, NONE, NONE)


@pytest.mark.parametrize("train", [train_segmenter, audit_patch_split])
@pytest.mark.parametrize("choice", ["lesion", "largest_lesion"])
def test_slices_chosen_by_the_label_map_are_refused(train, choice) -> None:
    shown = PreprocessingConfig.model_validate(
        {"size": 32, "slices": {"choice": choice}, "masks": True}
    )
    with pytest.raises(CohortError, match=rf"slices: choice {choice} found; .* all or even allow"):
        train(NONE, NONE, NONE, NONE, NONE, shown, NONE, NONE)


def test_slices_of_the_row_as_configured_are_let_through() -> None:
    for slices in ({"choice": "all"}, {"choice": "even", "count": 24}):
        refuse_drawn_regions(PreprocessingConfig.model_validate({"size": 32, "slices": slices}))
