"""Values lie where a configuration would say them, and nowhere else; wrong paths are named."""

import pytest

from osteon.recipes import Learner, Recipe
from osteon.recipes.laying import laid_over
from osteon.recipes.spinal_penn import SegmentationLearner
from osteon.recipes.spinal_wff import FusionLearner, SequenceLearner
from osteon.recipes.tuned_values import (
    changes,
    check_space,
    current_values,
    full_recipe,
    tuned_blocks,
    tuned_recipe,
)
from osteon.recipes.tuning_space import Choices, Range, Simplex, SpaceError

FUSION = Recipe.model_validate({"kind": "late_fusion", "training": {"epochs": 3}})
FUSING = Learner.model_validate({"backbone": "resnet18", "inputs": []})
IMAGE = Recipe.model_validate({"network": {"name": "alexnet", "width": 0.5}})
SEGMENTATION = Recipe.model_validate({"kind": "segmentation", "patches": {}, "pretraining": {}})
WFF = Recipe.model_validate({"kind": "weighted_fusion"})


@pytest.mark.parametrize(
    ("path", "words"),
    [("trainin.lr", "no trainin found; allowed are .*training"), ("kind.lr", "lr found inside")],
)
def test_a_path_that_leads_nowhere_is_named(path: str, words: str) -> None:
    with pytest.raises(SpaceError, match=f"{path}: {words}"):
        tuned_recipe(FUSION, FUSING, {path: 1})


@pytest.mark.parametrize(
    ("recipe", "learner", "values", "ours", "theirs"),
    [
        (FUSION, FUSING, {"training.lr": 0.1}, {"training": {"lr": 0.1}}, {}),
        (FUSION, FUSING, {"backbone": "resnet34"}, {}, {"backbone": "resnet34"}),
        (FUSION, FUSING, {"weights": "none"}, {"weights": "none"}, {}),
        (
            FUSION,
            Learner.model_validate({"training": {"epochs": 2}}),
            {"training.lr": 0.1, "dropout": 0.5},
            {"dropout": 0.5},
            {"training": {"lr": 0.1}},
        ),
        (
            IMAGE,
            Learner.model_validate({"network": {"name": "alexnet"}}),
            {"network.dropout": 0.4, "training.augmentation.rotate": 5.0},
            {"training": {"augmentation": {"rotate": 5.0}}},
            {"network": {"name": "alexnet", "dropout": 0.4}},
        ),
        (
            IMAGE,
            Learner.model_validate({"network": None, "labels": "true"}),
            {"network.dropout": 0.4},
            {"network": {"name": "alexnet", "dropout": 0.4}},
            {},
        ),
        (
            SEGMENTATION,
            SegmentationLearner(),
            {"network.sparsity.rho": 0.2, "pretraining.training.epochs": 5},
            {
                "network": {"name": "penn", "sparsity": {"rho": 0.2}},
                "pretraining": {"training": {"epochs": 5}},
            },
            {},
        ),
        (
            WFF,
            FusionLearner(),
            {"weights": (0.5, 0.25, 0.25), "age.bin_width": 5, "sequence.slices": 4},
            {"age": {"bin_width": 5}, "sequence": {"slices": 4}},
            {"weights": [0.5, 0.25, 0.25]},
        ),
        (
            WFF,
            SequenceLearner(slices=8),
            {"sequence.side": 48, "sequence.network.dropout": 0.2},
            {"sequence": {"side": 48, "network": {"dropout": 0.2}}},
            {},
        ),
    ],
)
def test_values_go_where_they_are_said_now(recipe, learner, values, ours, theirs) -> None:
    assert changes(recipe, learner, values) == (ours, theirs)
    full = tuned_recipe(recipe, learner, values)
    both, own = tuned_blocks(recipe, learner, values)
    reread = type(learner).model_validate(own)
    assert full_recipe(Recipe.model_validate(both), reread) == full
    kept = recipe.model_dump(mode="json", exclude_unset=True)
    assert both == laid_over(kept, ours)


def test_a_value_under_something_of_the_learner_s_has_no_effect_and_is_named() -> None:
    with pytest.raises(SpaceError, match=r"sequence.slices: 4 laid in, but 8 found"):
        tuned_recipe(WFF, SequenceLearner(slices=8), {"sequence.slices": 4})


def test_a_part_that_the_learner_switched_off_is_named() -> None:
    without = SegmentationLearner(pretraining="none")
    with pytest.raises(SpaceError, match="pretraining is 'none'; allowed is a block"):
        changes(SEGMENTATION, without, {"pretraining.training.lr": 0.1})


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (
            {"dropout": Range(low=0, high=1)},
            r"dropout: 1.0 found; late_fusion.dropout: .*less than",
        ),
        ({"hidden": Range(low=16, high=32)}, r"hidden: 21.09\d* found; .*hidden: .*integer"),
        ({"hiden": Range(low=16, high=32)}, "hiden: no hiden found; allowed are .*hidden"),
        (
            {"training.augmentation.rotat": Range(low=0, high=9)},
            r"training.augmentation.rotat: 0.0 found; .*augmentation.rotat: Extra",
        ),
        (
            {"training.optimiser": Choices(choices=("sgd", "rmsprop"))},
            r"training.optimiser: 'rmsprop' found; .*'sgd', 'adam'",
        ),
        (
            {
                "training.nesterov": Choices(choices=(True,)),
                "training.momentum": Range(low=0, high=1),
            },
            r"training.momentum: 1.0 found; .*less than 1",
        ),
        ({"training": Choices(choices=({"lr": 1},))}, "training: a block without epochs found"),
        ({"inputs": Simplex(simplex=2)}, r"inputs: \[1.0, 0.0\] found; .*'gender'"),
    ],
)
def test_a_space_that_the_recipe_does_not_take_is_named(space: dict, words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        check_space(lambda values: tuned_recipe(FUSION, FUSING, values), space)


def test_every_end_and_choice_is_tried_alone() -> None:
    tried: list[dict] = []
    space = {
        "a": Range(low=1, high=3, whole=True),
        "b": Choices(choices=("x", None)),
        "c": Simplex(simplex=2),
    }
    check_space(tried.append, space)
    ends = [{"a": 1}, {"a": 3}, {"b": "x"}, {"b": None}, {"c": (1.0, 0.0)}, {"c": (0.0, 1.0)}]
    assert all(one in tried for one in ends)
    assert all(len(one) == 1 for one in tried)


def test_the_configuration_s_own_values_begin_where_they_lie_in_the_space() -> None:
    space = {
        "training.lr": Range(low=1e-4, high=0.1, log=True),
        "training.epochs": Range(low=10, high=20, whole=True),
        "training.freeze_backbone_epochs": Range(low=0, high=5, whole=True),
        "training.milestones": Choices(choices=([20, 35, 45], [])),
        "training.augmentation.rotate": Range(low=0, high=9),
    }
    assert current_values(FUSION, FUSING, space) == {
        "training.lr": 0.01,
        "training.freeze_backbone_epochs": 0,
        "training.milestones": "[20, 35, 45]",
    }
    assert current_values(FUSION, FUSING, {"training.lr": Range(low=1, high=2)}) is None
    weights = {"weights": Simplex(simplex=3)}
    assert current_values(WFF, FusionLearner(), weights) is None
    given_weights = current_values(WFF, FusionLearner(weights=(0.5, 0.5, 0.0)), weights)
    assert list(given_weights) == ["weights.u0", "weights.u1", "weights.u2"]
