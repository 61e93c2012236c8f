"""Parts of a configuration: typos stop, what has to fit together is left to the whole."""

import pytest
from pydantic import ValidationError

from osteon.recipes.base import TrainingConfig
from osteon.recipes.image import Network
from osteon.recipes.parts import refuse_typos
from osteon.recipes.spinal_wff_sequence import SequenceNetworkConfig


@pytest.mark.parametrize(
    ("wanted", "part", "named"),
    [
        (TrainingConfig, {"epoch": 3}, "epoch"),
        (TrainingConfig, {"epochs": "many"}, "epochs"),
        (TrainingConfig, {"epochs": 0}, "epochs"),
        (TrainingConfig, {"milestones": [3, 1], "bach": 2}, "bach"),
        (SequenceNetworkConfig, {"arch": "resnext4d"}, "arch"),
        (Network, {"name": "smsdnet", "grwth": 3}, "grwth"),
    ],
)
def test_a_wrong_name_or_type_is_named(wanted, part, named) -> None:
    with pytest.raises(ValidationError, match=named):
        refuse_typos(wanted, part)


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        (TrainingConfig, {}),
        (TrainingConfig, {"epochs": 3}),
        # Refused of a whole recipe, but the rest of it may set momentum or milestones right.
        (TrainingConfig, {"nesterov": True, "optimiser": "adam"}),
        (TrainingConfig, {"steps": 100}),
        (SequenceNetworkConfig, {"width": 0.25}),
    ],
)
def test_what_has_to_fit_together_is_left_to_the_whole(wanted, part) -> None:
    refuse_typos(wanted, part)
