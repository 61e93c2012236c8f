"""Pretraining: layer by layer, resumed after a kill at any moment, cleared away at the end."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from osteon.learning import checkpoint, folds, pretraining
from osteon.learning.checkpoint import load_tensors
from osteon.learning.folds import run_folds, train_fold
from osteon.learning.objectives import SoftmaxObjective
from osteon.learning.pretraining import Stage, pretrain
from osteon.learning.setup import build_fabric, seed_torch
from osteon.learning.tasks import ANSWERS, CHECKPOINT, RECORD, WEIGHTS, FoldResult, is_finished
from tests.learning.test_folds import child, kill_at_call
from tests.tiny_cohort import names
from tests.tiny_slices import PATCH, PLAN, SIDE, Outliner, make_slices, outlining_tasks, quick

RECIPE = Outliner(training=quick(early_stop={"patience": 2, "fraction": 0.3}))


def timeless(history: list) -> list:
    return [{k: v for k, v in entry.items() if "second" not in k} for entry in history]


def trained(tmp_path, recipe: Outliner, name: str, **changes) -> FoldResult:
    return train_fold(outlining_tasks(tmp_path, recipe, work=tmp_path / name, **changes)[0])


# Two stages of two epochs and two epochs of training: six checkpoints.
MOMENTS = [
    (torch.optim.Adam, "step", 1, True),  # within the first stage
    (os, "fsync", 1, False),  # its first checkpoint written, not yet in place
    (checkpoint, "sync_folder", 1, True),
    (checkpoint, "sync_folder", 2, True),  # the first stage done, the second not begun
    (checkpoint, "sync_folder", 3, False),  # within the second
    (checkpoint, "sync_folder", 4, True),  # both done, training not begun
    (pretraining, "fit", 2, True),
    (os, "fsync", 9, False),  # training's first checkpoint written, not yet in place
    (checkpoint, "sync_folder", 5, True),
    (checkpoint, "sync_folder", 6, True),  # after the last epoch
    (folds, "predict", 1, True),
    (checkpoint, "write_atomically", 8, True),  # weights and answers there, no record
]


def test_killed_at_any_moment_it_ends_with_the_same_weights(tmp_path) -> None:
    whole = trained(tmp_path, RECIPE, "whole")
    assert not whole.resumed
    stages = [entry["stage"] for entry in whole.pretraining]
    assert stages == ["layer1", "layer1", "layer2", "layer2"]
    for number, moment in enumerate(MOMENTS):
        (task, _) = outlining_tasks(tmp_path, RECIPE, work=tmp_path / f"killed{number}")

        def die(task=task, moment=moment) -> None:
            kill_at_call(*moment)
            train_fold(task)

        assert os.WTERMSIG(child(die)) == signal.SIGKILL, moment
        assert not is_finished(task.workspace)
        result = train_fold(task)
        assert result.resumed == (number > 1), moment
        assert result.sha256 == whole.sha256, moment
        np.testing.assert_array_equal(result.probabilities, whole.probabilities)
        assert timeless(result.history) == timeless(whole.history)
        assert timeless(result.pretraining) == timeless(whole.pretraining), moment
        assert names(task.workspace) == [ANSWERS, RECORD, WEIGHTS]


def test_nothing_is_fitted_twice(tmp_path, monkeypatch) -> None:
    (task, _) = outlining_tasks(tmp_path, RECIPE)

    def die() -> None:
        kill_at_call(checkpoint, "sync_folder", 5, True)
        train_fold(task)

    child(die)
    assert CHECKPOINT in names(task.workspace)
    monkeypatch.setattr(pretraining, "fit", lambda *a, **k: pytest.fail("pretrained again"))
    result = train_fold(task)
    assert len(result.pretraining) == 4
    assert result.seconds == pytest.approx(
        sum(entry["seconds"] for entry in result.pretraining + result.history)
    )
    again = train_fold(task)
    assert again.reused and again.pretraining == result.pretraining


def test_layers_learn_to_give_back_their_input_and_training_starts_from_them(tmp_path) -> None:
    recipe = Outliner(pretraining=quick(epochs=25, lr=0.02))
    cases = make_slices(tmp_path, patches=PLAN)
    patches, train = cases.expand(np.arange(12), (0,))
    fabric = build_fabric(recipe.training)
    seed_torch(0)
    network = recipe.build_network()
    before = {name: one.clone() for name, one in network.state_dict().items()}
    history = pretrain(fabric, recipe.stages(network), patches, train, 0, tmp_path)
    for stage in ("layer1", "layer2"):
        losses = [entry["loss"] for entry in history if entry["stage"] == stage]
        assert len(losses) == 25 and losses[-1] < 0.9 * losses[0]
        assert all(entry["accuracy"] is None for entry in history)
    moved = {name for name, one in network.state_dict().items() if not one.equal(before[name])}
    assert moved == {name for name in before if not name.startswith("head")}
    # The second stage leaves the first stage's layer where it was.
    kept = load_tensors(tmp_path / "pretraining-layer1.safetensors")[0]
    first = network.state_dict()["hidden.0.0.weight"]
    assert any(value.equal(first) for value in kept.values())


def test_a_recipe_without_stages_is_trained_as_before(tmp_path) -> None:
    plain = trained(tmp_path, Outliner(pretrained=False), "plain")
    assert plain.pretraining == []
    assert plain.sha256 != trained(tmp_path, Outliner(), "pretrained").sha256
    other = Outliner(pretraining=quick(epochs=3))
    assert trained(tmp_path, other, "more").sha256 != trained(tmp_path, Outliner(), "p2").sha256


def test_maps_and_patches_are_answered_as_bytes_and_patients_stay_together(tmp_path) -> None:
    (task, _) = outlining_tasks(tmp_path, RECIPE)
    result = train_fold(task)
    patches = len(PLAN.grid(SIDE, SIDE))
    assert result.probabilities.shape == (len(task.test), SIDE * SIDE + patches)
    assert result.probabilities.dtype == np.uint8
    assert result.fitted_probabilities.shape == (0, 0)
    whose = dict(zip(task.cases.samples, task.cases.patients, strict=True))
    held = {whose[one] for one in result.held_back}
    assert len(held) == 1
    assert held.isdisjoint(whose[one] for one in set(result.fitted) - set(result.held_back))
    assert all(entry["validation_auroc"] is None for entry in result.history)


def test_folds_of_patches_run_side_by_side_and_are_small_to_send(tmp_path) -> None:
    tasks = outlining_tasks(tmp_path, RECIPE)
    first, second = run_folds(tasks, workers=1)
    assert (first.fold, second.fold) == (0, 1) and first.sha256 != second.sha256
    again = run_folds(outlining_tasks(tmp_path, RECIPE))
    assert [one.reused for one in again] == [True, True]


@pytest.mark.parametrize("balance", ["class_weight", "sampler"])
def test_balances_of_patches_reach_the_weights(tmp_path, balance) -> None:
    own = replace(RECIPE, training=RECIPE.training.model_copy(update={"balance": balance}))
    found = trained(tmp_path, own, "own")
    assert found.sha256 != trained(tmp_path, RECIPE, "plain").sha256
    assert all(np.isfinite(entry["validation_loss"]) for entry in found.history)


def test_two_processes_pretrain_what_one_pretrains(tmp_path) -> None:
    # 130 patches in equal steps: a short one is dealt with otherwise by two. No mean activation,
    # which each process forms by itself.
    plan = {"batch": 26, "optimiser": "sgd"}
    recipes = [
        Outliner(quick(**plan, device_count=count), quick(**plan), beta=0) for count in (1, 2)
    ]
    alone, pair = (trained(tmp_path, one, f"w{at}") for at, one in enumerate(recipes))
    ours, theirs = (load_tensors(result.weights)[0] for result in (alone, pair))
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-5, msg=name)
    for one, other in zip(alone.pretraining, pair.pretraining, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)


def test_steps_of_a_stage_become_epochs(tmp_path) -> None:
    recipe = Outliner(pretraining=quick(steps=20, batch=32))
    cases = make_slices(tmp_path, patches=PLAN)
    patches, train = cases.expand(np.arange(12), (0,))
    fabric = build_fabric(recipe.training)
    stages = recipe.stages(recipe.build_network())[:1]
    history = pretrain(fabric, stages, patches, train, 0, tmp_path)
    steps = -(-len(train) // 32)
    assert (len(history) - 1) * steps < 20 <= len(history) * steps


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"name": "layer/1"}, "name is 'layer/1'; allowed are letters"),
        ({"config": RECIPE.training}, "stage one: early_stop is given; allowed is null"),
        ({"config": quick(balance="offline")}, "stage one: balance is offline; allowed are none"),
    ],
)
def test_a_stage_refuses_what_it_does_not_have(changes, match) -> None:
    given = {"name": "one", "objective": SoftmaxObjective(), "config": quick()}
    with pytest.raises(ValueError, match=match):
        Stage(network=nn.Linear(PATCH, 2), **(given | changes))


def test_stages_of_one_name_are_refused(tmp_path) -> None:
    one = Stage("one", nn.Linear(2, 2), SoftmaxObjective(), quick())
    with pytest.raises(ValueError, match=r"stages are named \['one', 'one'\]; names must differ"):
        pretrain(
            build_fabric(quick()), [one, one], make_slices(tmp_path), np.arange(4), 0, tmp_path
        )
