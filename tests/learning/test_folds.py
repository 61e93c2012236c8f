"""Folds: resumed after a kill at any moment, reused, cleared away, the same in any process."""

import os
import pickle
import signal
from collections.abc import Callable
from dataclasses import replace

import joblib
import numpy as np
import pytest
import torch

from osteon.learning import checkpoint, folds
from osteon.learning import tasks as tasks_module
from osteon.learning.batches import ImageCases
from osteon.learning.checkpoint import load_tensors
from osteon.learning.folds import run_folds, train_fold
from osteon.learning.tasks import ANSWERS, RECORD, WEIGHTS, code_digest
from osteon.recipes import FusionRecipe
from tests.tiny_cohort import make_recipe, make_tasks, names


def child(work: Callable[[], object]) -> int:
    """Run in a forked process; its wait status."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(7)
    return os.waitpid(pid, 0)[1]


def kill_at_call(owner: object, name: str, number: int, after: bool = False) -> None:
    """SIGKILL this process at the n-th call of a function, before or after it ran."""
    original, calls = getattr(owner, name), [0]

    def deadly(*args: object, **kwargs: object) -> object:
        calls[0] += 1
        if calls[0] == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if calls[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)


MOMENTS = [
    (torch.optim.SGD, "step", 1, False),  # before anything was learned
    (torch.optim.SGD, "step", 5, True),  # within the second epoch
    (torch.optim.SGD, "step", 9, True),  # the last step
    (os, "fsync", 1, False),  # first checkpoint written, not yet in place
    (os, "fsync", 3, False),  # second one
    (checkpoint, "sync_folder", 1, False),  # just in place
    (checkpoint, "sync_folder", 3, True),  # after the last epoch
    (folds, "predict", 1, True),
    (os, "fsync", 7, False),  # weights written, not yet in place
    (tasks_module, "write_atomically", 1, False),  # weights there, no record
    (os, "fsync", 9, False),  # record written, not yet in place
    (tasks_module, "write_atomically", 1, True),  # record there, checkpoint not yet gone
]


@pytest.mark.parametrize("training", [{}, {"early_stop": {"patience": 2, "fraction": 0.3}}])
def test_killed_at_any_moment_it_ends_with_the_same_weights(tmp_path, training) -> None:
    recipe = make_recipe(dropout=0.3, training=training)
    whole = train_fold(make_tasks(tmp_path, recipe, work=tmp_path / "whole")[0])
    assert not whole.resumed and not whole.reused
    for number, moment in enumerate(MOMENTS):
        (task, _) = make_tasks(tmp_path, recipe, work=tmp_path / f"killed{number}")

        def die(task=task, moment=moment) -> None:
            kill_at_call(*moment)
            train_fold(task)

        assert os.WTERMSIG(child(die)) == signal.SIGKILL, moment
        result = train_fold(task)
        assert result.sha256 == whole.sha256, moment
        np.testing.assert_array_equal(result.probabilities, whole.probabilities)
        timeless = [{k: v for k, v in e.items() if "second" not in k} for e in result.history]
        assert timeless == [
            {k: v for k, v in e.items() if "second" not in k} for e in whole.history
        ]
        assert names(task.workspace) == [ANSWERS, RECORD, WEIGHTS]


def test_many_kills_in_a_row_still_end_well(tmp_path) -> None:
    recipe = make_recipe()
    whole = train_fold(make_tasks(tmp_path, recipe, work=tmp_path / "whole")[0])
    (task, _) = make_tasks(tmp_path, recipe, work=tmp_path / "killed")
    for _ in range(2):

        def die() -> None:
            kill_at_call(checkpoint, "sync_folder", 1)
            train_fold(task)

        assert os.WTERMSIG(child(die)) == signal.SIGKILL
    result = train_fold(task)
    assert result.resumed
    assert result.sha256 == whole.sha256


def test_a_finished_fold_is_reused_and_a_fresh_one_is_not(tmp_path, monkeypatch) -> None:
    recipe = make_recipe()
    first = run_folds(make_tasks(tmp_path, recipe))
    monkeypatch.setattr(folds, "fit", lambda *a, **k: pytest.fail("trained again"))
    again = run_folds(make_tasks(tmp_path, recipe))
    assert [result.reused for result in again] == [True, True]
    for one, other in zip(first, again, strict=True):
        assert one.sha256 == other.sha256
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
        assert one.history == other.history
    monkeypatch.undo()
    fresh = run_folds(make_tasks(tmp_path, recipe, fresh=True))
    assert [result.reused for result in fresh] == [False, False]
    assert [r.sha256 for r in fresh] == [r.sha256 for r in first]


def test_an_altered_fold_is_trained_again(tmp_path) -> None:
    (task, _) = make_tasks(tmp_path, make_recipe(training={"epochs": 1}))
    first = train_fold(task)
    first.weights.write_bytes(first.weights.read_bytes()[:-4] + b"\0\0\0\0")
    second = train_fold(task)
    assert not second.reused
    assert second.sha256 == first.sha256


def test_finished_work_that_is_outdated_goes_when_the_learner_is_done(tmp_path) -> None:
    others = [tmp_path / "work" / "notes", tmp_path / "work" / "sixteen-letters-"]
    for folder in others:
        folder.mkdir(parents=True)
    run_folds(make_tasks(tmp_path, make_recipe(training={"epochs": 1})))
    run_folds(make_tasks(tmp_path, make_recipe(training={"epochs": 2})))
    left = [folder for folder in (tmp_path / "work").iterdir() if folder not in others]
    assert len(left) == 1
    assert all(folder.is_dir() for folder in others)
    assert len(run_folds(make_tasks(tmp_path, make_recipe(training={"epochs": 2})))[0].history) == 2


# During the first fold's last epoch, between the two folds, and during the second.
@pytest.mark.parametrize("checkpoint_number", [3, 6, 9])
def test_an_interrupted_run_survives_another_one(tmp_path, checkpoint_number) -> None:
    long, quick = make_recipe(), make_recipe(training={"epochs": 1})

    def die() -> None:
        kill_at_call(checkpoint, "sync_folder", checkpoint_number)
        run_folds(make_tasks(tmp_path, long))

    assert os.WTERMSIG(child(die)) == signal.SIGKILL
    before = {p: p.read_bytes() for p in (tmp_path / "work").rglob("*") if p.is_file()}
    run_folds(make_tasks(tmp_path, quick))
    assert {p: p.read_bytes() for p in before if p.is_file()} == before
    results = run_folds(make_tasks(tmp_path, long))
    assert any(result.resumed or result.reused for result in results)


def test_a_checkpoint_beside_a_result_keeps_the_work(tmp_path) -> None:
    (task, _) = make_tasks(tmp_path, make_recipe(training={"epochs": 1}))
    run_folds(make_tasks(tmp_path, make_recipe(training={"epochs": 1})))
    (task.workspace / "checkpoint.safetensors").write_bytes(b"killed before it was cleared away")
    run_folds(make_tasks(tmp_path, make_recipe(training={"epochs": 2})))
    assert (task.workspace / "result.json").is_file()


def test_a_run_beside_does_not_lose_its_finished_folds(tmp_path, monkeypatch) -> None:
    long, quick = make_recipe(), make_recipe(training={"epochs": 1})
    train, done = folds.train_fold, []

    def interleaved(task):
        result = train(task)
        monkeypatch.undo()
        if not done:  # while the second fold waits, another run begins and ends
            done.append(run_folds(make_tasks(tmp_path, quick)))
        return result

    monkeypatch.setattr(folds, "train_fold", interleaved)
    results = run_folds(make_tasks(tmp_path, long))
    assert done and all(result.weights.is_file() for result in results)


def test_fingerprint_covers_all_that_weights_depend_on(tmp_path, monkeypatch) -> None:
    recipe = make_recipe()

    def name(**changes: object) -> str:
        changed = changes.pop("recipe", recipe)
        return make_tasks(tmp_path, changed, **changes)[0].folder.name

    same = name()
    assert name() == same
    assert name(recipe=make_recipe(training={"fold_workers": 2})) == same
    others = [
        name(data_hash="other"),
        name(split_hash="other"),
        name(recipe=make_recipe(training={"seed": 1})),
        name(recipe=make_recipe(labels="permuted")),
        name(cases={"clinical": np.ones((48, 4), np.float32)}),
        name(cases={"labels": np.repeat(np.arange(16) // 8, 3)}),
        name(cases={"rows": np.arange(48)[::-1].copy()}),
        name(cases={"normalisation": "unit"}),
        name(cases={"samples": np.array([f"other{n}" for n in range(48)])}),
    ]
    monkeypatch.setattr(torch, "__version__", "0.1")
    others.append(name())
    monkeypatch.undo()
    monkeypatch.setattr(folds, "code_digest", lambda recipe: "changed")
    others.append(name())
    assert len({same, *others}) == 1 + len(others)


def test_folds_are_the_same_side_by_side(tmp_path) -> None:
    recipe = make_recipe(training={"epochs": 2})
    alone = run_folds(make_tasks(tmp_path, recipe, work=tmp_path / "alone"), workers=1)
    # Any joblib backend may be chosen from outside; this one forks and so starts at once.
    with joblib.parallel_config(backend="multiprocessing"):
        together = run_folds(make_tasks(tmp_path, recipe, work=tmp_path / "pair"), workers=2)
    assert [result.fold for result in together] == [0, 1]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=1e-4, atol=1e-5)
        assert other.threads == max(1, joblib.cpu_count() // 2)


def test_tasks_are_small_to_send(tasks) -> None:
    (task, _) = tasks()
    task.cases.read(np.array([0]))
    assert len(pickle.dumps(task)) < 20_000


@pytest.mark.parametrize("frozen", [0, 1])
def test_two_processes_learn_what_one_learns(tmp_path, frozen) -> None:
    training = {"epochs": 2, "batch": 8, "micro_batch": 4, "freeze_backbone_epochs": frozen}
    one = make_recipe(training=training | {"lr": 0.01})
    two = make_recipe(training=training | {"lr": 0.01, "device_count": 2})
    alone = train_fold(make_tasks(tmp_path, one, work=tmp_path / "one")[0])
    pair = train_fold(make_tasks(tmp_path, two, work=tmp_path / "two")[0])
    ours, theirs = (load_tensors(result.weights)[0] for result in (alone, pair))
    for name, value in ours.items():
        # Running statistics are the first process's own; the weights are shared.
        if "running" not in name and "tracked" not in name:
            torch.testing.assert_close(value, theirs[name], rtol=1e-3, atol=1e-4, msg=name)
    losses = [[entry["loss"] for entry in result.history] for result in (alone, pair)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("early_stop", [None, {"patience": 1, "fraction": 0.3}])
def test_nothing_of_the_judged_fold_is_seen_before_it_is_judged(
    tasks, monkeypatch, early_stop
) -> None:
    (task, _) = tasks(training={"early_stop": early_stop})
    seen: set[int] = set()
    read, predict = ImageCases.read, folds.predict

    def watched(self: ImageCases, index: np.ndarray) -> object:
        seen.update(index.tolist())
        return read(self, index)

    judged: list[object] = []

    def judge(*args: object, **kwargs: object) -> object:
        if not judged:  # the first to be predicted are those that are judged
            assert not seen & set(task.test.tolist())
            np.testing.assert_array_equal(args[3], task.test)
        judged.append(args)
        return predict(*args, **kwargs)

    monkeypatch.setattr(ImageCases, "read", watched)
    monkeypatch.setattr(folds, "predict", judge)
    result = train_fold(task)
    assert set(task.test.tolist()) <= seen
    assert sorted(result.fitted) == sorted(task.cases.samples[task.train])
    assert not set(result.fitted) & set(result.samples)
    assert bool(result.held_back) == bool(early_stop)
    assert set(result.held_back) <= set(result.fitted)
    whose = dict(zip(task.cases.samples, task.cases.patients, strict=True))
    fitted_only = set(result.fitted) - set(result.held_back)
    assert not {whose[s] for s in result.held_back} & {whose[s] for s in fitted_only}


def test_permuted_labels_are_learned_and_judged(tasks) -> None:
    plain, permuted = tasks()[0], tasks(labels="permuted", training={"epochs": 1})[0]
    assert not np.array_equal(plain.cases.labels, permuted.cases.labels)
    for patient in np.unique(plain.cases.patients):
        assert len(set(permuted.cases.labels[plain.cases.patients == patient])) == 1
    result = train_fold(permuted)
    np.testing.assert_array_equal(result.labels, permuted.cases.labels[permuted.test])


class Reticent(FusionRecipe):
    @property
    def judges_training(self) -> bool:
        return False


def test_a_recipe_that_does_not_judge_its_training_part_is_asked_for_the_test_part_alone(
    tmp_path, monkeypatch
) -> None:
    asked, honest = [], folds.predict

    def watched(network, objective, cases, index, *args):
        asked.append(index.tolist())
        return honest(network, objective, cases, index, *args)

    monkeypatch.setattr(folds, "predict", watched)
    plain = make_recipe(training={"epochs": 1})
    (task, _) = make_tasks(tmp_path, Reticent(**plain.model_dump()))
    result = train_fold(task)
    assert len(result.fitted_probabilities) == 0
    assert [one for one in asked if one] == [task.test.tolist()]
    assert result.probabilities.shape == (24, 2)
    assert sorted(result.fitted) == sorted(task.cases.samples[task.train])
    np.testing.assert_array_equal(train_fold(task).fitted_labels, task.cases.labels[task.train])


def test_chance_plays_in_training_and_not_where_anything_is_judged(tasks, monkeypatch) -> None:
    (task, _) = tasks(training={"epochs": 1, "early_stop": {"patience": 1, "fraction": 0.3}})
    chancy, given, judged = replace(task.cases, normalisation="unit"), [], []
    fit, predict = folds.fit, folds.predict

    def watched_fit(fabric, network, objective, cases, *args, **named):
        given.append((cases, named["judged"]))
        return fit(fabric, network, objective, cases, *args, **named)

    def watched_predict(network, objective, cases, *args):
        judged.append(cases)
        return predict(network, objective, cases, *args)

    monkeypatch.setattr(ImageCases, "in_training", lambda self: chancy)
    monkeypatch.setattr(folds, "fit", watched_fit)
    monkeypatch.setattr(folds, "predict", watched_predict)
    train_fold(task)
    assert given[0][0] is chancy and given[0][1] is task.cases
    assert all(one is task.cases for one in judged) and len(judged) == 2


def test_nobody_asked_gives_no_rows(cases) -> None:
    network = make_recipe().build_network()
    objective, device = make_recipe().build_objective(), torch.device("cpu")
    assert folds.predict(network, objective, cases, np.arange(0), device).shape == (0, 0)
    assert not network.training


def test_result_is_complete(tasks) -> None:
    (task, _) = tasks(training={"epochs": 2})
    result = train_fold(task)
    assert result.probabilities.shape == (24, 2)
    assert result.probabilities.dtype == np.float64
    np.testing.assert_allclose(result.probabilities.sum(1), 1)
    assert result.samples == task.cases.samples[task.test].tolist()
    assert (result.device, result.threads) == ("cpu", torch.get_num_threads())
    assert result.weights_origin == "none: trained from scratch"
    assert result.code_digest == code_digest(task.recipe)
    assert train_fold(task).code_digest == result.code_digest
    assert result.seconds > 0


def test_training_leaves_the_callers_chance_alone(tasks) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_fold(tasks(training={"epochs": 1})[0])
    assert torch.equal(torch.rand(3), expected)
