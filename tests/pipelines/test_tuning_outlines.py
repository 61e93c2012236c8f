"""What a trial of the segmentation row trains, and that its Dice is the evaluator's."""

import json
import pickle
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.choosing import CROP
from osteon.cohorts.errors import CohortError
from osteon.learning import folds
from osteon.learning.folds import train_fold
from osteon.measures.segmentation import overlap
from osteon.pipelines.spinal_penn.outlining import outline
from osteon.pipelines.tuning.outlines import FoldMaps, OutlineTunable, by_patient, seeded
from osteon.pipelines.tuning.seen import SEEN, read_seen
from osteon.pipelines.tuning.trials import NetworkTrial
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_penn import SegmentationLearner
from tests.pipelines import penn_slices as cohort
from tests.pipelines.penn_cohort import COHORT, Labelled
from tests.tiny_slices import PATIENTS, SIDE, SLICES

COUNT = PATIENTS * SLICES
TWICE = np.ones((2, 2), np.uint8)
SPACE = {
    "network.layers": 1,
    "network.nodes": 5,
    "network.sparsity.rho": 0.2,
    "network.sparsity.beta": 0.3,
    "network.sparsity.lambda_": 1e-5,
    "network.stride": 2,
    "patches.stride": 2,
    "patches.fraction": 0.6,
    "patches.share": 0.5,
    "pretraining.training.epochs": 1,
    "training.lr": 0.02,
    "training.batch": 64,
    "postprocess.threshold": 0.4,
    "postprocess.least_px": 5,
}
RECIPE = Recipe.model_validate(
    cohort.RECIPE.model_dump() | {"postprocess": {"least_px": 8, "threshold": 0.5}}
)


def samples() -> pd.DataFrame:
    """Slices twice as fine in the archive, in another order there."""
    table = cohort.samples()
    whole = dict(zip(CROP, (0, 0, 2 * SIDE, 2 * SIDE), strict=True))
    return table.assign(archive_row=COUNT - 1 - table["row"], **whole)


def tunable(folder, **changes) -> OutlineTunable:
    prepared = folder / "store"
    if not prepared.is_dir():
        cohort.store(prepared)
    masks = [np.kron(one, TWICE) for one in np.load(prepared / "masks.npy")[::-1]]
    given = {
        "samples": samples(),
        "splits": cohort.splits(),
        "prepared": prepared,
        "archive": Labelled(masks),
        "cohort": COHORT,
        "preprocessing": cohort.PREPROCESSING,
        "recipe": RECIPE,
        "learner": SegmentationLearner(),
    } | changes
    return OutlineTunable(**given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("outlines")


@pytest.fixture(scope="module")
def plain(folder):
    """The configuration as it is, trained."""
    one = tunable(folder)
    return one, [train_fold(task) for task in one.folds({}, folder / "trial-0")]


def test_every_path_of_the_space_reaches_the_recipe(folder):
    full = tunable(folder).full(SPACE)
    for path, value in SPACE.items():
        found = full
        for part in path.split("."):
            found = getattr(found, part)
        assert found == value, path
    tasks = tunable(folder).folds(SPACE, folder / "trial-9")
    assert all(task.recipe == full for task in tasks)


def test_what_the_learner_says_itself_is_tuned_there(folder):
    learner = SegmentationLearner(network={"name": "penn", "nodes": 3})
    one = tunable(folder, learner=learner)
    assert one.full({}).network.nodes == 3
    assert one.full({"network.nodes": 7}).network.nodes == 7


def test_the_dice_is_the_evaluator_s(folder, plain):
    one, results = plain
    run = cohort.train(folder, recipe=RECIPE)
    scored = outline(
        run.maps,
        run.judged,
        one.samples,
        one.archive,
        one.prepared,
        COHORT,
        cohort.PREPROCESSING,
        RECIPE,
    )[0].set_index("patient_id")
    found = one.patients(results, {}).set_index("patient_id")
    assert sorted(found.index) == [f"P{k}" for k in range(PATIENTS)]
    np.testing.assert_array_equal(found["dice"], scored.loc[found.index, "dice"])
    assert (found["fold"] == scored.loc[found.index, "fold"]).all()
    assert found["dice"].between(0, 1).all() and found["dice"].nunique() > 1
    assert found["label"].tolist() == [1] * PATIENTS


def test_a_fold_judges_patients_it_was_not_fitted_on(plain):
    one, results = plain
    of = dict(zip(one.samples["sample_id"], one.samples["patient_id"], strict=True))
    for result in results:
        judged = {of[name] for name in result.samples}
        assert judged and not judged & {of[name] for name in result.fitted}


def test_the_threshold_and_the_cleaning_are_the_trial_s_own(plain):
    one, results = plain
    masks = np.load(one.prepared / "masks.npy")
    drawn = [masks[[int(name[1:]) for name in result.samples]] == 1 for result in results]
    # 100 of 255 beside the target, 200 on it.
    said = [
        replace(result, probabilities=(100 + 100 * own).astype(np.uint8).reshape(len(own), -1))
        for result, own in zip(results, drawn, strict=True)
    ]
    dice = {
        threshold: one.patients(said, {"postprocess.threshold": threshold})["dice"]
        for threshold in (0.3, 0.6, 0.9)
    }
    assert dice[0.6].min() > 0.9 and (dice[0.9] == 0).all()
    everywhere = [float(np.mean(own)) for own in drawn]
    assert dice[0.3].mean() == pytest.approx(np.mean([2 * p / (1 + p) for p in everywhere]), 0.1)
    values = {"postprocess.threshold": 0.6, "postprocess.least_px": 4 * SIDE**2}
    assert (one.patients(said, values)["dice"] == 0).all()


def test_patients_without_target_and_outline_have_no_dice():
    rows = [("A", 0, 3, 1, 0), ("A", 0, 0, 0, 2), ("B", 1, 0, 0, 0), ("C", 1, 0, 4, 0)]
    table = pd.DataFrame(rows, columns=["patient_id", "fold", "tp", "fp", "fn"])
    found = by_patient(table).set_index("patient_id")
    assert found["label"].to_dict() == {"A": 1, "B": 0, "C": 0}
    assert found.loc["A", "dice"] == overlap(3, 1, 2)["dice"] == pytest.approx(6 / 9)
    assert np.isnan(found.loc["B", "dice"]) and found.loc["C", "dice"] == 0


def test_a_threshold_alone_changes_no_fold(folder):
    one = tunable(folder)
    first = one.folds({"postprocess.threshold": 0.5}, folder / "study" / "trial-0")
    again = one.folds({"postprocess.threshold": 0.3}, folder / "study" / "trial-1")
    assert first[0].folder == again[0].folder
    assert first[0].folder.parent == folder / "study" / "shared"
    with_rate = {"postprocess.threshold": 0.3, "training.lr": 0.02}
    own = one.folds(with_rate, folder / "study" / "trial-2")
    assert own[0].folder.parent == folder / "study" / "trial-2"
    assert not first[0].workspace.exists() and not own[0].workspace.exists()


def test_two_trials_at_once_train_the_shared_maps_once(folder, monkeypatch):
    learned, found = [], {}
    learn = folds._learn
    monkeypatch.setattr(
        folds,
        "_learn",
        lambda fabric, task, **more: learned.append(0) or learn(fabric, task, **more),
    )
    trial = NetworkTrial(tunable(folder), "dice", folder / "both")

    def go(number):
        values = {"postprocess.threshold": (0.4, 0.6)[number]}
        found[number] = trial(values, lambda step, value: None, number)

    both = [threading.Thread(target=go, args=(number,)) for number in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(learned) == 2 and sorted(found) == [0, 1]
    assert found[0].facts["seen"] == found[1].facts["seen"]


def test_what_a_trial_sees_is_on_record_before_shared_maps_are_trained(folder, monkeypatch):
    def die(fabric, task, **more):
        raise MemoryError

    monkeypatch.setattr(folds, "_learn", die)
    trial = NetworkTrial(tunable(folder), "dice", folder / "dead")
    with pytest.raises(MemoryError):
        trial({"postprocess.threshold": 0.4}, lambda step, value: None, 0)
    (seen,) = read_seen(folder / "dead" / SEEN).values()
    assert [one["fold"] for one in seen] == [0, 1]


def test_a_seed_changes_training_and_pretraining_and_nothing_else(folder):
    one = tunable(folder)
    full, other = one.full({}), one.full({}, seed=7)
    assert (other.training.seed, other.pretraining.training.seed) == (7, 7)
    assert seeded(other, full.training.seed) == full
    bare = tunable(folder, learner=SegmentationLearner(pretraining="none")).full({}, seed=7)
    assert bare.pretraining is None and bare.training.seed == 7
    tasks = [one.folds({}, folder / "seeds", seed)[0] for seed in (None, 7)]
    assert tasks[0].folder != tasks[1].folder


def test_it_travels_to_another_process(plain):
    one, results = plain
    again = pickle.loads(pickle.dumps(one))  # noqa: S301 - our own bytes
    pd.testing.assert_frame_equal(again.patients(results, {}), one.patients(results, {}))


def test_one_division_into_training_part_and_outer_part(folder):
    people = cohort.splits()["patient_id"].isin(["P4", "P5"])
    fixed = cohort.splits().assign(fold=0, split=np.where(people, "test", "train"))
    one = tunable(folder, splits=fixed)
    (task,) = one.folds({}, folder / "outer")
    assert set(one.patients([train_fold(task)], {})["patient_id"]) == {"P4", "P5"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"patches.fraction": 1.5}, "fraction"),
        ({"postprocess.threshold": 2.0}, "threshold"),
        ({"network.patch": 32}, "patch: 32 px found, at most size 24 px allowed"),
        ({"network.stride": 9}, "stride: 9 found; allowed are 1 to patch, 8"),
        ({"pretraining.training.epochs": 0}, "epochs"),
        ({"training.rate": 0.1}, "rate"),
    ],
)
def test_values_that_make_no_recipe_are_refused(folder, values, words):
    with pytest.raises(ValueError, match=words):
        tunable(folder).full(values)


def test_slices_cut_by_the_outline_are_refused(folder):
    drawn = PreprocessingConfig(size=SIDE, masks=True, region={"mode": "box_margin"})
    with pytest.raises(CohortError, match=r"preprocessing\.region"):
        tunable(folder, preprocessing=drawn).folds({}, folder / "drawn")


def test_a_slice_without_label_map_is_named(folder, plain):
    one, results = plain
    archive = Labelled([None] * COUNT)
    blind = OutlineTunable(**(vars_of(one) | {"archive": archive}))
    with pytest.raises(CohortError, match="was judged and has no label map"):
        blind.patients(results, {})


def vars_of(one: OutlineTunable) -> dict:
    return {name: getattr(one, name) for name in OutlineTunable.__dataclass_fields__}


def test_maps_of_folds_are_read_slice_by_slice(plain):
    _, results = plain
    maps = FoldMaps(results, SIDE)
    assert maps.get("map", "nobody") is None
    last = results[1]
    found = maps.get("map", last.samples[-1])
    assert found.shape == (SIDE, SIDE) and found.dtype == np.uint8
    np.testing.assert_array_equal(found.ravel(), last.probabilities[-1, : SIDE * SIDE])
    assert last.probabilities.shape[1] > SIDE * SIDE
    assert json.dumps(maps.methods) == '["map"]'
