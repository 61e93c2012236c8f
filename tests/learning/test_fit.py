"""The fit loop: it learns, freezes, follows the schedule, accumulates, and stops early."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from osteon.learning.batches import ImageCases
from osteon.learning.checkpoint import load_tensors
from osteon.learning.config import TrainingConfig
from osteon.learning.fit import fit, lay_out
from osteon.learning.objectives import SigmoidObjective, SoftmaxObjective
from osteon.learning.predict import predict
from osteon.learning.setup import build_fabric, seed_torch
from tests.tiny_cohort import QUICK, make_recipe


def run(cases, folder: Path, network=None, train=None, validation=None, judged=None, **training):
    recipe = make_recipe(training=training)
    seed_torch(0)
    network = network or recipe.build_network()
    config = recipe.resolved_training()
    train = np.arange(len(cases.labels)) if train is None else train
    history = fit(
        build_fabric(config),
        network,
        recipe.build_objective(),
        cases,
        train,
        config,
        fold=0,
        checkpoint=folder / "checkpoint.safetensors",
        validation=validation,
        judged=judged,
    )
    return network, history


class Linear(nn.Module):
    """No batch statistics: accumulation can be compared exactly."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(32 * 32 * 3, 2)

    def forward(self, image: torch.Tensor, clinical: torch.Tensor) -> torch.Tensor:
        return self.layer(image.flatten(1))


@pytest.mark.parametrize("out_dim", [1, 2])
@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_overfits_eight_cases(cases, tmp_path, out_dim, optimiser) -> None:
    recipe = make_recipe(out_dim=out_dim)
    seed_torch(1)
    network, eight = recipe.build_network(), np.arange(0, 48, 6) + np.tile([0, 3], 4)
    config = TrainingConfig(
        **QUICK | {"epochs": 25, "optimiser": optimiser, "milestones": []}
        | {"lr": 0.05 if optimiser == "sgd" else 0.005}
    )  # fmt: skip
    objective, fabric = recipe.build_objective(), build_fabric(config)
    file = tmp_path / "checkpoint.safetensors"
    history = fit(fabric, network, objective, cases, eight, config, fold=0, checkpoint=file)
    assert history[-1]["loss"] < 0.1 * history[0]["loss"]
    assert history[-1]["accuracy"] == 1
    found = predict(network, objective, cases, eight, fabric.device)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-12)


def test_history_tells_each_epoch(cases, tmp_path) -> None:
    _, history = run(cases, tmp_path, epochs=4, milestones=[1, 3], lr=0.05)
    assert [entry["epoch"] for entry in history] == [0, 1, 2, 3]
    assert [e["lr"] for e in history] == pytest.approx([0.05, 0.005, 0.005, 0.0005])
    assert all(0 <= entry["accuracy"] <= 1 for entry in history)
    assert all(entry["seconds"] > 0 and entry["images_per_second"] > 0 for entry in history)


def test_schedule_is_torchs_multistep() -> None:
    config = TrainingConfig()
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=config.lr)
    theirs = torch.optim.lr_scheduler.MultiStepLR(optimiser, list(config.milestones), config.gamma)
    for epoch in range(config.epochs):
        assert config.learning_rate(epoch) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)
        optimiser.step()
        theirs.step()


@given(st.integers(0, 50))
def test_warm_up_rises_evenly_from_near_0_and_ends(steps) -> None:
    config = TrainingConfig(warmup_steps=steps)
    rise = np.array([config.warmth(step) for step in range(steps + 1)])
    np.testing.assert_allclose(np.diff(rise), 1 / (steps + 1))
    assert rise[0] == pytest.approx(1 / (steps + 1)) and rise[-1] == 1
    assert config.warmth(steps + 1) == config.warmth(10_000) == 1


@pytest.fixture
def rates(monkeypatch) -> list[float]:
    """The learning rate of every optimiser step."""
    found: list[float] = []
    honest = torch.optim.SGD.step

    def watched(self, *args, **kwargs):
        found.append(self.param_groups[0]["lr"])
        return honest(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.SGD, "step", watched)
    return found


def test_steps_warm_up_over_epochs_and_a_resumed_run_goes_on(cases, tmp_path, rates) -> None:
    plan = {"batch": 16, "lr": 0.05, "milestones": [1], "warmup_steps": 4}
    wanted = [0.05 * share for share in (0.2, 0.4, 0.6)] + [0.005 * s for s in (0.8, 1, 1)]
    _, history = run(cases, tmp_path, network=Linear(), epochs=2, **plan)
    assert rates == pytest.approx(wanted)
    assert [entry["lr"] for entry in history] == pytest.approx([0.05, 0.005])
    rates.clear()
    (tmp_path / "halves").mkdir()
    for epochs in (1, 2):
        run(cases, tmp_path / "halves", network=Linear(), epochs=epochs, **plan)
    assert rates == pytest.approx(wanted)


def test_without_warm_up_every_step_has_the_epochs_rate(cases, tmp_path, rates) -> None:
    run(cases, tmp_path, network=Linear(), epochs=2, batch=16, lr=0.05, milestones=[1])
    assert rates == pytest.approx([0.05] * 3 + [0.005] * 3)


def test_warm_up_is_part_of_what_was_learned_from() -> None:
    found = [TrainingConfig(warmup_steps=steps).learned_from() for steps in (0, 5)]
    assert found[0] != found[1]
    with pytest.raises(ValueError, match="warmup_steps"):
        TrainingConfig(warmup_steps=-1)


def test_frozen_backbone_stands_still_and_then_moves(cases, tmp_path) -> None:
    seed_torch(0)
    first = {k: v.clone() for k, v in make_recipe().build_network().state_dict().items()}
    frozen, _ = run(cases, tmp_path, epochs=2, freeze_backbone_epochs=2)
    after = frozen.state_dict()
    moved = {name for name in first if not torch.equal(first[name], after[name])}
    assert moved == {name for name in first if name.startswith("head.")}
    assert all(value.requires_grad for value in frozen.parameters())
    # One more epoch from the same checkpoint: weights and running statistics of the backbone move.
    freed, _ = run(cases, tmp_path, epochs=3, freeze_backbone_epochs=2)
    after = freed.state_dict()
    assert not torch.equal(first["encoder.conv1.weight"], after["encoder.conv1.weight"])
    assert not torch.equal(first["encoder.bn1.running_mean"], after["encoder.bn1.running_mean"])


def test_no_gradient_passes_a_frozen_backbone(cases, tmp_path, monkeypatch) -> None:
    seen = []
    seed_torch(0)
    network = make_recipe().build_network()
    network.head[0].register_forward_hook(lambda m, x, y: seen.append(x[0].requires_grad))
    run(cases, tmp_path, network=network, epochs=2, freeze_backbone_epochs=1)
    assert seen == [False] * 6 + [True] * 6


@pytest.mark.parametrize("micro", [2, 3, 5])
def test_micro_batches_take_the_step_of_the_whole_batch(cases, tmp_path, micro) -> None:
    found = []
    for number, size in enumerate((None, micro)):
        torch.manual_seed(3)
        folder = tmp_path / str(number)
        folder.mkdir()
        network, history = run(
            cases, folder, network=Linear(), micro_batch=size, batch=10, clip_norm=0.5, lr=0.01
        )
        found.append((network.layer.weight, history[-1]["loss"]))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-4, atol=1e-6)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-5)


def test_clipping_bounds_the_step(cases, tmp_path) -> None:
    torch.manual_seed(0)
    network = Linear()
    before = network.layer.weight.detach().clone()
    run(
        cases, tmp_path, network=network, epochs=1, batch=48, lr=1.0, clip_norm=1e-3, momentum=0,
        weight_decay=0,
    )  # fmt: skip
    assert 0 < (network.layer.weight - before).norm() <= 1e-3 * 1.001


def test_early_stop_restores_the_best_epoch(cases, tmp_path) -> None:
    train, validation = np.arange(24), np.arange(24, 48)
    network, history = run(
        cases, tmp_path, train=train, validation=validation, epochs=40, lr=0.3, milestones=[],
        early_stop={"patience": 2, "fraction": 0.5},
    )  # fmt: skip
    losses = [entry["validation_loss"] for entry in history]
    best = int(np.argmin(losses))
    assert len(history) < 40
    assert len(history) == best + 1 + 2
    assert all(0 <= entry["validation_auroc"] <= 1 for entry in history)
    found = predict(network, SoftmaxObjective(), cases, validation, torch.device("cpu"))
    chosen = found[np.arange(24), cases.labels[validation]]
    assert -np.log(chosen).mean() == pytest.approx(losses[best], rel=1e-4)


@dataclass(frozen=True)
class Chancy(ImageCases):
    """Notes what is read, in whichever role."""

    log: list[tuple[str, int]] = field(default_factory=list)
    role: str = "judged"

    def read(self, index):
        self.log.extend((self.role, int(one)) for one in index)
        return super().read(index)


def test_validation_reads_the_cases_that_are_free_of_training_s_chance(cases, tmp_path) -> None:
    judged = Chancy(**cases.__dict__)
    chancy = replace(judged, role="training")
    train, validation = np.arange(24), np.arange(24, 48)
    run(
        chancy, tmp_path, network=Linear(), train=train, validation=validation, judged=judged,
        epochs=1,
    )  # fmt: skip
    assert {index for role, index in judged.log if role == "training"} == set(range(24))
    assert {index for role, index in judged.log if role == "judged"} == set(range(24, 48))
    judged.log.clear()
    (tmp_path / "alone").mkdir()
    run(chancy, tmp_path / "alone", network=Linear(), train=train, validation=validation, epochs=1)
    assert {role for role, _ in judged.log} == {"training"}


class Deep(nn.Module):
    """A 3D network with a 2D part."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Conv3d(4, 2, (1, 30, 30))

    def forward(self, image: torch.Tensor, clinical: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(image)[:, :, None]).flatten(1)


def test_images_networks_get_channels_last_and_3d_networks_stay(cases, tmp_path) -> None:
    flat, deep = nn.Conv2d(3, 4, 3), Deep()
    lay_out(flat)
    assert flat.weight.is_contiguous(memory_format=torch.channels_last)
    assert not flat.weight.is_contiguous()
    lay_out(deep)
    assert deep.first.weight.is_contiguous() and deep.second.weight.is_contiguous()
    perceptron = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    lay_out(perceptron)
    assert perceptron[1].weight.is_contiguous()
    network, history = run(cases, tmp_path, network=deep, epochs=1)
    assert network.second.weight.is_contiguous() and history[0]["accuracy"] <= 1


class Silent(SoftmaxObjective):
    """An objective that cannot say in training what is right."""

    def right(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return torch.tensor(torch.nan)


def test_an_unknown_accuracy_is_none_and_no_number(cases, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("osteon.recipes.FusionRecipe.build_objective", lambda self: Silent())
    _, history = run(cases, tmp_path, network=Linear(), epochs=1)
    assert history[0]["accuracy"] is None and history[0]["loss"] > 0


def test_a_resumed_run_ends_as_an_uninterrupted_one(cases, tmp_path) -> None:
    for name in ("whole", "halves"):
        (tmp_path / name).mkdir()
    plan = {"optimiser": "adamw", "lr": 0.01, "freeze_backbone_epochs": 1, "milestones": [2]}
    whole, _ = run(cases, tmp_path / "whole", epochs=4, **plan)
    for epochs in (1, 2, 3, 4):
        # What the network starts from must not matter once there is a checkpoint.
        halves, history = run(cases, tmp_path / "halves", epochs=epochs, **plan)
    assert len(history) == 4
    for name, value in whole.state_dict().items():
        assert torch.equal(value, halves.state_dict()[name]), name


def test_bfloat16_learns(cases, tmp_path) -> None:
    _, history = run(cases, tmp_path, epochs=6, precision="bf16-mixed", milestones=[])
    assert history[-1]["loss"] < history[0]["loss"]


def test_half_precision_without_a_gpu_is_refused() -> None:
    with pytest.raises(ValueError, match="precision is 16-mixed; without a GPU"):
        build_fabric(TrainingConfig(device="cpu", precision="16-mixed"))


def test_a_lost_loss_stops_and_is_never_saved(cases, tmp_path) -> None:
    network = Linear()
    nn.init.constant_(network.layer.weight, float("inf"))
    with pytest.raises(FloatingPointError, match="fold 0, epoch 0: loss is nan; lower lr"):
        run(cases, tmp_path, network=network)
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_checkpoints_hold_no_pickle(cases, tmp_path, monkeypatch) -> None:
    import pickle

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("pickle was used")

    run(cases, tmp_path, epochs=1)
    for module, name in [(torch, "load"), (torch, "save"), (pickle, "load"), (pickle, "loads")]:
        monkeypatch.setattr(module, name, refuse)
    run(cases, tmp_path, epochs=2)
    tensors, metadata = load_tensors(tmp_path / "checkpoint.safetensors")
    assert {name.split("/")[0] for name in tensors} == {"network", "optimiser"}
    assert len(metadata["history"]) == 2


def test_losses_against_each_other() -> None:
    logit = torch.tensor([[0.3], [-1.2], [2.0]])
    two = torch.cat([torch.zeros_like(logit), logit], dim=1)
    target = torch.tensor([1, 0, 1])
    one, pair = SigmoidObjective(), SoftmaxObjective()
    torch.testing.assert_close(one.loss(logit, target), pair.loss(two, target))
    torch.testing.assert_close(one.probabilities(logit), pair.probabilities(two))


def test_the_store_is_read_only(cases: ImageCases) -> None:
    cases.read(np.array([0]))
    assert not cases._store.flags.writeable
