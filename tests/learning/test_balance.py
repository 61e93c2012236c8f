"""Balance is made of training cases only, and does what its name says."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from osteon.learning.balance import (
    TURNS,
    TurnedCopies,
    copies,
    drawn_evenly,
    prepare_training,
    turn_image,
)
from osteon.learning.batches import plan_epoch
from osteon.learning.config import TrainingConfig
from osteon.learning.folds import train_fold
from osteon.learning.objectives import SoftmaxObjective, Weighted
from tests.tiny_cohort import VIEWS, make_cases, make_recipe, make_tasks

LABELS = np.array([0] * 30 + [1] * 10 + [2] * 4)


@given(st.integers(0, 99))
def test_copies_fill_every_class_up_and_come_from_training_cases(seed) -> None:
    train = np.flatnonzero(np.arange(44) % 4 != 0)
    made = copies(train, LABELS[train], 44, (seed,))
    assert set(made % 44) <= set(train)
    assert (made // 44 >= 1).all() and (made // 44 < TURNS).all()
    together = Counter(LABELS[np.concatenate([train, made % 44])].tolist())
    assert len(set(together.values())) == 1
    often = Counter((made % 44)[LABELS[made % 44] == 1].tolist())
    assert max(often.values()) - min(often.values()) <= 1


def test_turns_are_the_eight_symmetries_of_the_square() -> None:
    image = torch.arange(9).reshape(3, 3)
    turned = [turn_image(image, turn) for turn in range(TURNS)]
    assert torch.equal(turned[0], image)
    assert len({tuple(one.flatten().tolist()) for one in turned}) == 8
    assert torch.equal(turned[1], torch.rot90(image, 1, (0, 1)))
    colour = torch.stack([image, image + 9, image + 18], dim=-1)
    for turn in range(TURNS):
        assert torch.equal(turn_image(colour, turn)[..., 1], turn_image(image + 9, turn))


def test_turned_copies_read_the_case_in_its_turn(tmp_path) -> None:
    cases = make_cases(tmp_path)
    turned, count = TurnedCopies(cases), len(cases.labels)
    index = np.array([3, 3 + 5 * count, 7 + 2 * count])
    image, clinical, labels = turned.read(index)
    plain = cases.read(np.array([3, 3, 7]))
    assert torch.equal(image[0], plain[0][0])
    assert torch.equal(image[1], turn_image(plain[0][1], 5))
    assert torch.equal(image[2], turn_image(plain[0][2], 2))
    assert torch.equal(clinical, plain[1]) and torch.equal(labels, plain[2])
    np.testing.assert_array_equal(turned.labels[index], cases.labels[[3, 3, 7]])


def test_turned_copies_are_cases_like_their_inner_ones(tmp_path) -> None:
    cases = make_cases(tmp_path)
    turned, count = TurnedCopies(cases), len(cases.labels)
    index = np.array([0, count + 3, 6 * count + 5])
    np.testing.assert_array_equal(turned.patients[index], cases.patients[[0, 3, 5]])
    np.testing.assert_array_equal(turned.samples[index], cases.samples[[0, 3, 5]])
    assert len(turned.patients) == len(turned.samples) == len(turned.labels) == TURNS * count
    other = turned.with_labels(1 - cases.labels)
    np.testing.assert_array_equal(other.labels[index], 1 - cases.labels[[0, 3, 5]])
    assert list(turned.content()) == list(cases.content())


@pytest.mark.parametrize("balance", ["none", "class_weight", "sampler", "offline"])
def test_training_meets_the_cases_with_their_chances(tmp_path, monkeypatch, balance) -> None:
    cases = make_cases(tmp_path)
    chancy = replace(cases, normalisation="unit")
    monkeypatch.setattr(type(cases), "in_training", lambda self: chancy)
    config = TrainingConfig(balance=balance)
    train = np.arange(len(cases.labels))
    found = prepare_training(cases, train, SoftmaxObjective(), config, (0,)).cases
    assert (found.inner if balance == "offline" else found) is chancy
    assert TurnedCopies(cases).in_training().inner is chancy


def test_drawing_evenly_takes_each_class_as_often_and_follows_its_seed() -> None:
    train = np.arange(len(LABELS))
    drawn = np.concatenate([drawn_evenly(train, LABELS, (0, 0, epoch)) for epoch in range(200)])
    shares = np.bincount(LABELS[drawn]) / len(drawn)
    np.testing.assert_allclose(shares, 1 / 3, atol=0.03)
    np.testing.assert_array_equal(
        drawn_evenly(train, LABELS, (1, 2)), drawn_evenly(train, LABELS, (1, 2))
    )
    part = np.array([1, 5, 31])
    assert set(drawn_evenly(part, LABELS, (0,))) <= set(part)


def test_class_weights_are_those_of_the_training_part(tmp_path) -> None:
    cases = make_cases(tmp_path)
    train = np.concatenate(
        [np.flatnonzero(cases.labels == 0)[:9], np.flatnonzero(cases.labels)[:3]]
    )
    config = TrainingConfig(balance="class_weight")
    found = prepare_training(cases, train, SoftmaxObjective(), config, (0,))
    assert isinstance(found.objective, Weighted)
    assert found.objective.weights == pytest.approx((12 / 18, 12 / 6))
    assert found.cases is cases and found.train is train


@pytest.mark.parametrize("balance", ["none", "offline"])
def test_steps_become_enough_epochs(tmp_path, balance) -> None:
    cases = make_cases(tmp_path)
    train = np.flatnonzero(np.arange(len(cases.labels)) % 5 != 0)
    config = TrainingConfig(steps=100, batch=8, milestones=(), balance=balance)
    found = prepare_training(cases, train, SoftmaxObjective(), config, (0,))
    steps = len(plan_epoch(found.train, 8, None, (0,)))
    assert (found.config.epochs - 1) * steps < 100 <= found.config.epochs * steps


@pytest.mark.parametrize(
    "own",
    [
        {"balance": "class_weight"},
        {"balance": "sampler"},
        {"balance": "offline"},
        {"augmentation": {"hflip": 0.5}},
        {"nesterov": True},
        {"steps": 1, "milestones": []},
    ],
    ids=lambda own: "-".join(own),
)
def test_each_setting_reaches_the_weights(tmp_path, own) -> None:
    labels = np.repeat([0] * 12 + [1] * 4, VIEWS)  # unequal in the training part of fold 0 too

    def sha(name: str, **training: Any) -> str:
        (tmp_path / name).mkdir()
        recipe = make_recipe(training={"epochs": 2, "milestones": [], **training})
        return train_fold(make_tasks(tmp_path / name, recipe, cases={"labels": labels})[0]).sha256

    assert sha("plain") != sha("own", **own)


@pytest.mark.parametrize("balance", ["class_weight", "sampler", "offline"])
def test_a_fold_trains_balanced_and_names_what_it_was_fitted_on(tasks, balance) -> None:
    labels = {"labels": np.array([0] * 30 + [1] * 18)}
    training = {"balance": balance, "augmentation": {"hflip": 0.5, "rotate": 10}, "epochs": 2}
    task = tasks(training=training)[0]
    task = type(task)(**{**task.__dict__, "cases": type(task.cases)(**{
        name: getattr(task.cases, name)
        for name in ("images", "rows", "clinical", "patients", "samples")
    }, **labels)})  # fmt: skip
    result = train_fold(task)
    assert sorted(result.fitted) == sorted(task.cases.samples[task.train])
    assert result.fitted_probabilities.shape == (len(task.train), 2)
    np.testing.assert_allclose(result.fitted_probabilities.sum(1), 1)
    again = train_fold(type(task)(**{**task.__dict__, "fresh": True}))
    assert again.sha256 == result.sha256
