"""Differences of a learner are laid on the paper's recipe; what cannot be is refused by name."""

import pytest
from pydantic import ValidationError

from osteon.recipes import ImageLearner, ImageRecipe, Learner, Recipe

BASE = {
    "kind": "image_classifier",
    "network": {"name": "smsdnet", "growth": 8, "layers": 3, "colour": "rgb"},
    "training": {"epochs": 4, "momentum": 0.9},
}


def _recipe(**own: object) -> Recipe:
    return Recipe.model_validate(BASE | own)


def test_a_learner_changes_single_fields_of_the_same_network() -> None:
    learner = Learner.model_validate({"network": {"name": "smsdnet", "layers": 2}})
    full = _recipe().for_learner(learner)
    assert (full.network.growth, full.network.layers, full.network.colour) == (8, 2, "rgb")


def test_another_network_stands_alone() -> None:
    learner = Learner.model_validate({"network": {"name": "alexnet", "width": 0.5}})
    network = _recipe().for_learner(learner).network
    assert network.name == "alexnet" and network.width == 0.5 and network.dropout == 0.6


@pytest.mark.parametrize("block", [{}, {"labels": "permuted"}, {"training": {"epochs": 9}}])
def test_a_learner_that_names_no_network_is_of_the_recipe_s_kind(block) -> None:
    full = _recipe().for_learner(Learner.model_validate(block))
    assert isinstance(full, ImageRecipe)
    assert full.labels == block.get("labels", "true")
    assert full.training.epochs == block.get("training", {}).get("epochs", 4)


def test_parts_are_judged_together_and_not_against_defaults() -> None:
    learner = Learner.model_validate({"network": {"name": "smsdnet", "standardise": "fold"}})
    assert _recipe().for_learner(learner).network.standardise == "fold"
    with pytest.raises(ValidationError, match="must be 'none'"):
        _recipe(network={"name": "smsdnet"}).for_learner(learner)


@pytest.mark.parametrize(
    ("block", "named"),
    [
        ({"network": {"name": "smsdnet", "grwth": 8}}, "grwth"),
        ({"network": {"name": "smsdnot"}}, "smsdnot"),
        ({"network": {"name": "smsdnet", "layers": "many"}}, "layers"),
        ({"network": {"name": "smsdnet"}, "training": {"epoch": 3}}, "epoch"),
        ({"network": {"name": "smsdnet"}, "hed": "softmax"}, "hed"),
    ],
)
def test_a_typo_is_named(block, named) -> None:
    with pytest.raises(ValidationError, match=named):
        Learner.model_validate(block)


def test_classes_and_size_come_from_the_cohort() -> None:
    fitted = _recipe().root.fitted_to(("a", "b", "c"), 48)
    assert (fitted.classes, fitted.size) == (3, 48)
    sigmoid = _recipe(head="sigmoid", positive=0).root
    assert sigmoid.fitted_to(("a", "b"), 48).positive == 0
    with pytest.raises(ValueError, match="head is sigmoid with classes 3"):
        sigmoid.fitted_to(("a", "b", "c"), 48)


def test_heads_decide_outputs_and_objective() -> None:
    softmax, sigmoid = _recipe().root, _recipe(head="sigmoid", positive=0).root
    assert softmax.fitted_to(("a", "b", "c"), 32).build_network()(_image()).shape == (1, 3)
    assert sigmoid.fitted_to(("a", "b"), 32).build_network()(_image()).shape == (1, 1)
    assert sigmoid.build_objective().positive == 0
    with pytest.raises(ValidationError, match="positive is for a sigmoid head"):
        _recipe(positive=1)
    with pytest.raises(ValidationError, match="freeze_backbone_epochs is 3"):
        _recipe(training={"freeze_backbone_epochs": 3})


def _image() -> object:
    import torch

    return torch.rand(1, 3, 32, 32)


def test_what_is_described_is_read_back() -> None:
    full = _recipe().for_learner(Learner(ImageLearner(network={"name": "googlenet"})))
    assert Recipe.model_validate(full.describe()).root == full
    assert full.fingerprint() != _recipe().root.fingerprint()
