"""A trial trains the inner folds under watch, is taken up again, and sees nothing else."""

import json
import multiprocessing
import os
import pickle
import signal

import numpy as np
import pytest
import torch

from osteon.cohorts.errors import CohortError
from osteon.measures.tuning import score
from osteon.pipelines.tuning.dividing import divide_training_part, take_training_part
from osteon.pipelines.tuning.nodes import tune_images
from osteon.pipelines.tuning.searching import search, study_digest
from osteon.pipelines.tuning.seen import SEEN, read_seen
from osteon.pipelines.tuning.trials import TRIALS, NetworkTrial
from osteon.recipes import Learner
from osteon.recipes.parallel import ParallelConfig
from osteon.recipes.tuning import SpaceError
from tests.pipelines import tuning_cohort as cohort

VALUES = {"training.lr": 0.03, "dropout": 0.25}
torch.set_num_threads(1)  # a child is forked, which a pool of threads would not survive


class Behind(Exception):
    """What a pruner raises."""


class Told(list):
    """Takes down what is reported."""

    def __call__(self, step: int, value: float) -> None:
        self.append((step, value))


def tunable(folder, **changes):
    """The row on the training part and its inner folds."""
    samples, splits = changes.pop("cohort", (cohort.samples(), cohort.splits()))
    inside, _ = take_training_part(samples, splits, cohort.tuning())
    inner = divide_training_part(inside, cohort.NO_PAIRS, cohort.tuning())
    store = cohort.prepared(folder) if "store" not in changes else changes.pop("store")
    return cohort.tunable(store, inside, inner, **changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted trial: its folder, outcome and reports."""
    folder, told = tmp_path_factory.mktemp("whole"), Told()
    trial = NetworkTrial(tunable(folder), "auroc", folder / "study")
    return folder, trial(VALUES, told, 3), told


def test_every_epoch_of_every_inner_fold_is_reported_once(whole) -> None:
    _, outcome, told = whole
    assert [step for step, _ in told] == [0, 1, 2, 3]
    # The last epoch's network is the one that judges: images there, patients in the outcome.
    assert all(0 <= value <= 1 for _, value in told)
    assert len(outcome.facts["fold_values"]) == 2 and outcome.facts["epochs"] == 4


def test_a_trial_says_what_it_found_and_what_it_saw(whole) -> None:
    folder, outcome, _ = whole
    assert outcome.facts["inner"]["value"] == outcome.value
    assert outcome.facts["inner"]["patients"] == 12 and outcome.facts["seconds"] > 0
    assert json.loads(json.dumps(outcome.facts)) == outcome.facts
    records = read_seen(folder / "study" / SEEN)
    assert list(records) == [outcome.facts["seen"]]
    inside, held = take_training_part(cohort.samples(), cohort.splits(), cohort.tuning())
    for fold in records[outcome.facts["seen"]]:
        assert sorted(fold["fitted"] + fold["judged"]) == sorted(inside["sample_id"])
        assert not set(fold["fitted"] + fold["judged"]) & set(held["sample_id"])
    assert not list((folder / "study" / TRIALS).iterdir())


def test_the_same_seed_gives_the_same_values_and_another_seed_others(whole, tmp_path) -> None:
    _, outcome, told = whole
    again, row = Told(), tunable(tmp_path)
    found = NetworkTrial(row, "auroc", tmp_path / "study")(VALUES, again, 0)
    assert found.value == outcome.value and again == told
    assert row.full(VALUES, seed=7).training.seed == 7 and row.full(VALUES).training.seed == 0
    assert row.full(VALUES).dropout == 0.25
    own, other = row.folds(VALUES, tmp_path / "a"), row.folds(VALUES, tmp_path / "a", seed=7)
    assert own[0].folder != other[0].folder


def test_what_is_changed_in_the_outer_part_changes_no_trial(whole, tmp_path) -> None:
    _, outcome, told = whole
    samples, splits = cohort.samples(), cohort.splits()
    outer = splits["fold"].to_numpy() == 0
    store = cohort.prepared(tmp_path)
    images = np.load(store / "images.npy")
    images[samples.loc[outer, "row"]] = 255 - images[samples.loc[outer, "row"]]
    np.save(store / "images.npy", images)
    samples.loc[outer, "label"] = 1 - samples.loc[outer, "label"]
    samples.loc[outer, "content_hash"] = "f" * 64
    honest = tunable(tmp_path / "honest")
    changed, again = tunable(tmp_path, cohort=(samples, splits), store=store), Told()
    assert NetworkTrial(changed, "auroc", tmp_path / "s")(VALUES, again, 0).value == outcome.value
    assert again == told
    config = cohort.tuning()
    same = [study_digest(row, row.prepared, config) for row in (honest, changed)]
    assert same[0] == same[1]
    images[samples.loc[~outer, "row"].iloc[0]] += 1
    np.save(store / "images.npy", images)
    assert study_digest(changed, store, config) != same[0]


def test_more_trials_go_on_with_a_study_and_another_space_begins_one(tmp_path) -> None:
    row = tunable(tmp_path)
    digests = {
        name: study_digest(row, row.prepared, cohort.tuning(**changes))
        for name, changes in {
            "as it is": {},
            "longer": {"trials": 50, "seeds": 3, "retries": 0, "storage": "journal"},
            "other seed": {"seed": 1},
            "other space": {"space": {"dropout": {"low": 0.0, "high": 0.5}}},
        }.items()
    }
    assert digests["longer"] == digests["as it is"]
    assert len(set(digests.values())) == 3


def test_a_killed_trial_goes_on_from_its_checkpoint(whole, tmp_path) -> None:
    _, outcome, told = whole
    row, report = tunable(tmp_path), Told()
    trial = NetworkTrial(row, "auroc", tmp_path / "study")

    def until_killed(step: int, value: float) -> None:
        if step == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    context = multiprocessing.get_context("fork")
    process = context.Process(target=trial, args=(VALUES, until_killed, 5))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    folder = tmp_path / "study" / TRIALS / "trial-5"
    assert list(folder.glob("*/fold0/result.json")) and list(folder.glob("*/fold1/check*"))
    assert read_seen(tmp_path / "study" / SEEN)  # on record although it never ended
    resumed: list[bool] = []
    honest = row.patients
    object.__setattr__(trial, "tunable", _Watched(row, honest, resumed))
    found = trial(VALUES, report, 5)
    assert resumed == [True, True]
    assert found.value == outcome.value and report == told
    assert not folder.exists()


class _Watched:
    """A Tunable that takes down which folds were reused or resumed."""

    def __init__(self, row, honest, resumed):
        self.row, self.honest, self.resumed = row, honest, resumed

    def folds(self, *given):
        return self.row.folds(*given)

    def patients(self, results, values):
        self.resumed += [one.reused or one.resumed for one in results]
        return self.honest(results, values)


@pytest.mark.parametrize("error", [Behind, MemoryError, FloatingPointError])
def test_of_a_trial_that_is_given_up_or_fails_the_record_alone_stays(tmp_path, error) -> None:
    trial = NetworkTrial(tunable(tmp_path), "auroc", tmp_path / "study")

    def stop(step: int, value: float) -> None:
        raise error

    with pytest.raises(error):
        trial(VALUES, stop, 1)
    assert not (tmp_path / "study" / TRIALS / "trial-1").exists()
    assert len(read_seen(tmp_path / "study" / SEEN)) == 1


def test_a_trial_stopped_by_hand_keeps_its_folder(tmp_path) -> None:
    trial = NetworkTrial(tunable(tmp_path), "auroc", tmp_path / "study")

    def stop(step: int, value: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trial(VALUES, stop, 1)
    assert (tmp_path / "study" / TRIALS / "trial-1").is_dir()


def test_a_trial_travels_without_its_images(tmp_path) -> None:
    trial = NetworkTrial(tunable(tmp_path), "auroc", tmp_path / "study")
    assert len(pickle.dumps(trial)) < 50_000
    copy = pickle.loads(pickle.dumps(trial))  # noqa: S301 - it was written here
    assert copy.tunable.full(VALUES).training.lr == 0.03


def test_a_patient_is_judged_by_the_mean_of_its_images(tmp_path) -> None:
    from osteon.learning.folds import run_folds

    row = tunable(tmp_path)
    results = run_folds(row.folds({}, tmp_path / "work"))
    found = row.patients(results, {})
    assert found["patient_id"].is_unique and len(found) == 12
    one = found.iloc[0]
    of = dict(zip(row.samples["sample_id"], row.samples["patient_id"], strict=True))
    chances = [
        chance
        for result in results
        for sample, chance in zip(result.samples, result.probabilities[:, 1], strict=True)
        if of[sample] == one["patient_id"]
    ]
    assert len(chances) == 2 and one["score"] == pytest.approx(np.mean(chances))
    assert one["label"] == int(one["patient_id"][1:]) % 2
    assert 0 <= score(found, "auroc") <= 1


def test_a_learner_without_its_inputs_is_refused_by_name(tmp_path) -> None:
    samples = cohort.samples().assign(alp_missing=True)
    learner = Learner.model_validate({"backbone": "resnet18", "inputs": ["alp"]})
    row = tunable(tmp_path, cohort=(samples, cohort.splits()), learner=learner)
    with pytest.raises(CohortError, match="value of: alp; tune a learner"):
        row.folds({}, tmp_path)
    given = (row.samples, row.splits, row.prepared, tmp_path / "tuning", cohort.COHORT)
    with pytest.raises(CohortError, match="value of: alp"):
        tune_images(
            *given, cohort.PREPROCESSING, cohort.RECIPE, learner, cohort.tuning(),
            ParallelConfig(backend="sequential"), name="row",
        )  # fmt: skip
    assert not (tmp_path / "tuning").exists()


@pytest.mark.parametrize(
    "space, words",
    [
        ({"training.learning_rate": {"low": 0.1, "high": 1.0}}, "learning_rate"),
        ({"dropout": {"low": 0.1, "high": 1.5}}, r"dropout: 1\.5"),
    ],
)
def test_a_wrong_path_or_range_stops_before_the_first_trial(tmp_path, space, words) -> None:
    config, parallel = cohort.tuning(space=space), ParallelConfig(backend="sequential")
    row = tunable(tmp_path)
    with pytest.raises(SpaceError, match=words):
        search(row, tmp_path / "tuning", row.prepared, config, parallel, "row")
    assert not (tmp_path / "tuning").exists()


def test_an_altered_record_is_refused(whole, tmp_path) -> None:
    folder = whole[0] / "study" / SEEN
    (file,) = folder.glob("*.json")
    (tmp_path / file.name).write_text(file.read_text().replace("I04", "I99"))
    with pytest.raises(ValueError, match="damaged or was altered"):
        read_seen(tmp_path)
