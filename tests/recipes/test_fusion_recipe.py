"""Recipes: typed, ordered, cheap to import; learners override; fingerprints are stable."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from osteon.recipes import FusionLearner, FusionRecipe, Learner, Recipe, TrainingConfig
from osteon.recipes.fusion import INPUTS

subsets = st.lists(st.sampled_from(INPUTS), unique=True)


def test_importing_recipes_costs_no_torch() -> None:
    program = (
        "import sys, osteon.recipes;"
        "print([m for m in ('torch', 'torchvision', 'sklearn', 'scipy', 'pandas', 'numpy',"
        " 'lightning_fabric') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


@given(subsets)
def test_inputs_have_one_order_and_one_fingerprint(inputs: list[str]) -> None:
    recipe = FusionRecipe(inputs=inputs)
    assert recipe.inputs == tuple(name for name in INPUTS if name in inputs)
    assert recipe.fingerprint() == FusionRecipe(inputs=inputs[::-1]).fingerprint()


def test_defaults_are_the_papers_protocol() -> None:
    training = FusionRecipe().training
    assert (training.epochs, training.batch, training.optimiser) == (50, 256, "sgd")
    rates = [training.learning_rate(epoch) for epoch in (0, 19, 20, 34, 35, 44, 45, 49)]
    assert rates == pytest.approx([1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5], rel=1e-12)
    assert FusionRecipe().hidden == 512


@pytest.mark.parametrize(
    ("weights", "asked", "frozen"), [("none", None, 0), ("imagenet", None, 5), ("imagenet", 2, 2)]
)
def test_pretrained_backbones_are_frozen_for_five_epochs(weights, asked, frozen) -> None:
    recipe = FusionRecipe(weights=weights, training={"freeze_backbone_epochs": asked})
    assert recipe.resolved_training().freeze_backbone_epochs == frozen


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"epoch": 3}, "epoch"),
        ({"training": {"learning_rate": 1}}, "training.learning_rate"),
        ({"training": {"micro_batch": 1}}, "training.micro_batch"),
        ({"training": {"milestones": [5, 3]}}, "training.milestones"),
        ({"training": {"precision": "8-bit"}}, "training.precision"),
        ({"training": {"early_stop": {"patience": 1, "fraction": 0.9}}}, "fraction"),
        ({"inputs": ["age", "age"]}, "inputs"),
        ({"inputs": ["crp"]}, "inputs"),
        ({"backbone": "resnet19"}, "backbone"),
        ({"dropout": 1.0}, "dropout"),
        ({"clinical": {"alp_range": [125, 45]}}, "clinical.alp_range"),
    ],
)
def test_a_wrong_parameter_is_named(wrong: dict, key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Recipe.model_validate(wrong)
    assert key in str(caught.value)


def test_a_typo_in_a_learners_training_stops_at_once() -> None:
    with pytest.raises(ValidationError, match="epoch"):
        Learner.model_validate({"training": {"epochss": 3}})
    with pytest.raises(ValidationError, match="input"):
        Learner.model_validate({"input": ["age"]})


def test_a_learner_changes_only_what_it_names() -> None:
    paper = Recipe.model_validate({"width": 0.25, "training": {"epochs": 7, "lr": 0.1}})
    learner = Learner.model_validate(
        {"backbone": "resnet34", "inputs": ["ldh", "age"], "training": {"lr": 0.5}}
    )
    recipe = paper.for_learner(learner)
    assert recipe == FusionRecipe(
        backbone="resnet34", inputs=("age", "ldh"), width=0.25, training={"epochs": 7, "lr": 0.5}
    )
    baseline = paper.for_learner(Learner.model_validate({"inputs": []}))
    assert baseline.inputs == ()
    assert paper.for_learner(Learner(FusionLearner())) == paper.root


def test_sixteen_learners_have_sixteen_fingerprints() -> None:
    variants = ["", "gender", "age", "gender age", "ldh", "alp", "alp ldh", "gender age alp ldh"]
    recipes = [
        FusionRecipe(backbone=backbone, inputs=names.split())
        for backbone in ("resnet18", "resnet50")
        for names in variants
    ]
    assert len({recipe.fingerprint() for recipe in recipes}) == 16


@pytest.mark.parametrize("where", [{"device": "cpu"}, {"device_count": 2}, {"fold_workers": 3}])
def test_where_it_runs_is_no_part_of_the_fingerprint(where: dict) -> None:
    assert FusionRecipe(training=where).fingerprint() == FusionRecipe().fingerprint()


@pytest.mark.parametrize(
    "other",
    [
        {"labels": "permuted"},
        {"training": {"seed": 1}},
        {"training": {"early_stop": {"patience": 1, "fraction": 0.1}}},
        {"clinical": {"missing": "indicator"}},
        {"dropout": 0.5},
    ],
)
def test_what_changes_the_weights_changes_the_fingerprint(other: dict) -> None:
    assert FusionRecipe(**other).fingerprint() != FusionRecipe().fingerprint()


def test_a_weights_file_counts_by_content(tmp_path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(b"one")
    first = FusionRecipe(weights=str(file))
    before = first.fingerprint()
    file.write_bytes(b"two")
    assert first.fingerprint() != before
    assert str(tmp_path) not in str(first.describe())


def cache(folder: Path, monkeypatch, content: bytes) -> None:
    """Lay a file where torch would keep the ImageNet weights of a ResNet18."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(folder))
    (folder / "checkpoints").mkdir(exist_ok=True)
    (folder / "checkpoints" / "resnet18-f37072fd.pth").write_bytes(content)


def test_auto_weights_follow_the_local_cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    auto = FusionRecipe(weights="auto")
    absent = auto.fingerprint()
    assert auto.resolved_training().freeze_backbone_epochs == 0
    cache(tmp_path, monkeypatch, b"one")
    first = auto.fingerprint()
    assert auto.resolved_training().freeze_backbone_epochs == 5
    cache(tmp_path, monkeypatch, b"two")
    assert len({absent, first, auto.fingerprint(), FusionRecipe().fingerprint()}) == 4
    narrow = FusionRecipe(weights="auto", width=0.5)
    assert narrow.resolved_training().freeze_backbone_epochs == 0
    assert FusionRecipe(weights="auto", backbone="resnet50").resolved_training() == (
        narrow.resolved_training()
    )
    assert auto.describe()["weights"] == "auto"


def test_a_described_recipe_reads_back() -> None:
    recipe = FusionRecipe(inputs=["alp"], training={"early_stop": {"patience": 2, "fraction": 0.2}})
    assert Recipe.model_validate(recipe.describe()).root == recipe


def test_columns_follow_the_inputs() -> None:
    recipe = FusionRecipe(inputs=["ldh", "gender"], clinical={"missing": "indicator"})
    assert recipe.required_columns == ("sex", "ldh", "ldh_low", "ldh_high")
    assert recipe.clinical_columns == ("gender", "ldh_norm", "ldh_missing")


def test_absent_labs_are_a_reason_to_skip() -> None:
    samples = pd.DataFrame({"alp_missing": [True, True], "age_missing": [True, False]})
    assert "alp" in (FusionRecipe(inputs=["age", "alp"]).skip_reason(samples) or "")
    assert FusionRecipe(inputs=["age"]).skip_reason(samples) is None
    drop = FusionRecipe(inputs=["age"], clinical={"missing": "drop"})
    assert drop.usable(samples).tolist() == [False, True]
    assert FusionRecipe(inputs=["age"]).usable(samples).all()


def test_training_bounds_are_generous_to_odd_batches() -> None:
    assert TrainingConfig(batch=8, micro_batch=64).micro_batch == 64
