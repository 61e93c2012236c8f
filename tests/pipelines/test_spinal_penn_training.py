"""One segmenter cross-validated: neighbours, maps in their order, curves, refusals."""

import re
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.pipelines.spinal_penn.training import (
    _write_maps,
    beside,
    in_order,
    segmentation,
    slice_cases,
    values_of,
)
from osteon.recipes import Recipe
from tests.pipelines import penn_slices as cohort
from tests.tiny_slices import PATIENTS, SIDE, SLICES

COUNT = PATIENTS * SLICES
PLACE = st.tuples(st.integers(0, 2), st.sampled_from(["A", "B", "", None]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("row")


@pytest.fixture(scope="module")
def penn(folder):
    return cohort.train(folder)


@pytest.fixture(scope="module")
def unet(folder):
    return cohort.train(folder, "unet", cohort.UNET)


@given(st.lists(PLACE, min_size=1, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_neighbours_are_the_next_slices_of_the_same_series(places, chance):
    numbers, rows = list(range(len(places))), list(range(100, 100 + len(places)))
    chance.shuffle(numbers)
    chance.shuffle(rows)
    table = pd.DataFrame(places, columns=["patient_id", "series_id"])
    table = table.assign(slice=pd.array(numbers, "Int64"))
    found = beside(table, np.array(rows))
    for at, (patient, series) in enumerate(places):
        own = [k for k, place in enumerate(places) if place == (patient, series)]
        before = [k for k in own if numbers[k] < numbers[at]] if series else []
        after = [k for k in own if numbers[k] > numbers[at]] if series else []
        first = max(before, key=lambda k: numbers[k], default=at)
        last = min(after, key=lambda k: numbers[k], default=at)
        assert found[at].tolist() == [rows[first], rows[last]]


def test_only_a_network_that_looks_beside_a_slice_gets_neighbours(folder, unet):
    table, prepared = in_order(cohort.samples(), cohort.splits()), folder / "store"
    for block, wanted in ((cohort.UNET, False), (cohort.SAU_NET, True)):
        recipe = Recipe.model_validate({"kind": "segmentation", "network": block["network"]}).root
        cases = slice_cases(table, prepared, cohort.COHORT, recipe)
        assert (cases.neighbours is not None) == wanted and cases.patches is None
    # `slice` runs against the store: before row 1 of a series lies row 2.
    assert cases.neighbours[:SLICES].tolist() == [[1, 0], [2, 0], [3, 1], [3, 2]]


def test_slices_come_in_the_order_of_the_store(folder, penn):
    stale = cohort.samples().assign(fold=9, split="old")
    table = in_order(stale, cohort.splits())
    assert table["row"].tolist() == list(range(COUNT)) and set(table["fold"]) == {0, 1}
    cases = slice_cases(table, folder / "store", cohort.COHORT, cohort.RECIPE.root)
    masks = np.load(folder / "store" / "masks.npy")
    assert cases.labels.tolist() == (masks == 1).any((1, 2)).astype(int).tolist()
    assert cases.samples.tolist() == [f"I{row:02d}" for row in range(COUNT)]
    assert cases.patients.tolist() == [row // SLICES for row in range(COUNT)]
    assert cases.target == 1 and cases.patches.others == (2,) and cases.patches.patch == 8


def test_every_slice_is_judged_once_by_a_fold_that_did_not_see_its_patient(penn):
    assert sorted(penn.judged["sample_id"]) == [f"I{row:02d}" for row in range(COUNT)]
    wanted = penn.judged["patient_id"].str[1:].astype(int) % 2
    assert (penn.judged["fold"] == wanted).all() and set(penn.judged["split"]) == {"cv"}
    assert set(penn.judged["learner"]) == {"penn"} and set(penn.judged["paper"]) == {"spinal_penn"}
    for fold, own in penn.judged.groupby("fold"):
        fitted = penn.fitted[penn.fitted["fold"] == fold]
        assert len(fitted) == COUNT - len(own)
        assert not set(fitted["patient_id"]) & set(own["patient_id"])
    # The first slice of each patient shows no target.
    shown = penn.fitted["sample_id"].str[1:].astype(int) % SLICES > 0
    assert (penn.fitted["label"] == shown).all() and set(penn.fitted["learner"]) == {"penn"}


@pytest.mark.parametrize("name", ["penn", "unet"])
def test_each_map_is_what_the_fold_s_network_says_of_that_very_slice(folder, request, name):
    run = request.getfixturevalue(name)
    images = np.load(folder / "store" / "images.npy")
    networks = run.learner.networks
    told = 0
    for row in run.judged.itertuples():
        alone = type(run.learner)(run.learner.recipe, (networks[row.fold],), run.learner.card)
        (wanted,) = alone.maps(images[[int(row.sample_id[1:])]])
        found = run.maps.get("map", row.sample_id)
        np.testing.assert_array_equal(found, np.rint(wanted * 255))
        told += len(np.unique(found))
    assert told > 2 * COUNT  # no map is flat
    assert ("patches" in run.maps.methods) == (name == "penn")


def test_a_network_on_patches_leaves_what_it_says_of_each_patch(penn):
    assert penn.maps.methods == ("map", "patches")
    grid = 1 + (SIDE - 8) // 4
    assert penn.maps.get("patches", "I03").shape == (grid * grid,)
    assert penn.maps.get("map", "I03").shape == (SIDE, SIDE)


def test_curves_tell_pretraining_from_training(penn, unet):
    told = penn.history[["fold", "stage", "epoch"]].to_records(index=False).tolist()
    one = [("layer1", e) for e in range(3)] + [("layer2", e) for e in range(3)]
    one += [("training", e) for e in range(2)]
    assert told == [(fold, *entry) for fold in (0, 1) for entry in one]
    assert penn.history["loss"].notna().all()
    assert list(unet.history["stage"]) == ["training"] * 4


def test_without_pretraining_there_is_one_stage(folder):
    run = cohort.train(folder, "bare", {"pretraining": "none"})
    assert set(run.history["stage"]) == {"training"}


def test_the_record_says_what_was_learned_and_from_what(penn):
    record = penn.record
    assert record["status"] == "trained" and record["recipe"]["network"]["nodes"] == 6
    assert record["recipe"]["pretraining"]["training"]["epochs"] == 3
    assert [one["fold"] for one in record["folds"]] == [0, 1]
    for one in record["folds"]:
        assert (one["judged_samples"], one["fitted_samples"]) == (COUNT / 2, COUNT / 2)
        assert one["epochs"] == 2 and one["held_back_samples"] == 0 and not one["reused"]
        assert one["parameters"] == 8 * 8 * 6 + 6 + 6 * 6 + 6 + 6 * 2 + 2
    assert penn.learner.card["preprocessing"]["size"] == SIDE


def test_a_second_run_learns_nothing_anew_and_agrees(folder, penn):
    again = cohort.train(folder)
    assert all(one["reused"] for one in again.record["folds"])
    pd.testing.assert_frame_equal(again.history, penn.history)
    pd.testing.assert_frame_equal(again.judged, penn.judged)
    np.testing.assert_array_equal(again.maps.get("map", "I07"), penn.maps.get("map", "I07"))


def test_another_way_of_cleaning_maps_trains_nothing_anew_and_is_in_the_artefact(folder, penn):
    block = cohort.RECIPE.model_dump() | {"postprocess": {"least_px": 3}}
    again = cohort.train(folder, recipe=Recipe.model_validate(block))
    assert all(one["reused"] for one in again.record["folds"])
    assert again.learner.recipe.postprocess.least_px == 3
    assert penn.learner.recipe.postprocess.least_px == 64


def test_a_given_split_has_one_fold_and_early_stopping_counts_as_fitting(folder):
    people = cohort.splits()["patient_id"].isin(["P0", "P1"])
    fixed = cohort.splits().assign(fold=0, split=np.where(people, "test", "train"))
    stop = {"training": {"early_stop": {"patience": 1, "fraction": 0.25}}}
    run = cohort.train(folder, "fixed", cohort.UNET | stop, splits=fixed)
    assert set(run.judged["patient_id"]) == {"P0", "P1"} and set(run.judged["fold"]) == {0}
    assert set(run.fitted["patient_id"]) == {"P2", "P3", "P4", "P5"}  # the held back among them
    (record,) = run.record["folds"]
    assert record["held_back_samples"] > 0 and record["fitted_samples"] == 4 * SLICES


def test_without_label_maps_it_stops_and_says_what_to_set(tmp_path):
    store = cohort.store(tmp_path / "store")
    (store / "masks.npy").unlink()
    with pytest.raises(CohortError, match=r"preprocessing\.masks is false: .* set it true"):
        cohort.train(tmp_path)


def test_a_target_on_no_map_is_refused(tmp_path):
    store = cohort.store(tmp_path / "store")
    masks = np.load(store / "masks.npy")
    np.save(store / "masks.npy", np.where(masks == 1, 2, masks))
    with pytest.raises(CohortError, match=f"tumour is on none of {COUNT} label maps; at least one"):
        cohort.train(tmp_path)


def test_a_target_that_no_training_patch_shows_enough_of_is_refused(tmp_path):
    store = cohort.store(tmp_path / "store")
    masks = np.where(np.load(store / "masks.npy") == 1, 2, 0).astype(np.uint8)
    masks[:, :2, :2] = 1
    np.save(store / "masks.npy", masks)
    with pytest.raises(ValueError, match=r"none of \d+ training patches is of the target"):
        cohort.train(tmp_path)


def test_slices_smaller_than_a_patch_are_refused_naming_both(tmp_path):
    large = {"network": {"name": "penn", "patch": 32}}
    with pytest.raises(ValueError, match=r"patch: 32 px found, at most size 24 px allowed"):
        cohort.train(tmp_path, "large", large)


def test_a_recipe_of_another_row_is_refused():
    other = Recipe.model_validate({"kind": "weighted_fusion"})
    with pytest.raises(ValueError, match=r"recipe\.kind: weighted_fusion found, segmentation allo"):
        segmentation(other)


def test_values_of_the_label_maps_follow_the_cohort_s_classes():
    names = ("nothing", "disc", "tumour", "vertebra")
    two = CohortConfig(labelled_by="masks", classes=("other", "tumour"), mask_classes=names)
    assert values_of(two) == (2, (1, 3))
    first = two.model_copy(update={"classes": ("other", "nothing")})
    lost = two.model_copy(update={"classes": ("other", "cyst")})
    for one, name in ((first, "nothing"), (lost, "cyst")):
        with pytest.raises(CohortError, match=re.escape(f"the last of cohort.classes, {name}")):
            values_of(one)


def test_maps_are_written_without_a_second_copy_of_them_all(tmp_path):
    size, patches = 64, 100
    chance = np.random.default_rng(0)
    folds = [
        SimpleNamespace(probabilities=chance.integers(0, 256, (80, size**2 + patches), np.uint8))
        for _ in range(4)
    ]
    judged = pd.DataFrame({"sample_id": [f"I{at:03d}" for at in range(320)]})
    for name in ("imports", "maps"):
        (tmp_path / name).mkdir()
    _write_maps(tmp_path / "imports", judged, folds, size)  # what it imports is no copy
    tracemalloc.start()
    _write_maps(tmp_path / "maps", judged, folds, size)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    whole = np.concatenate([one.probabilities for one in folds])
    assert peak < folds[0].probabilities.nbytes
    np.testing.assert_array_equal(
        np.load(tmp_path / "maps" / "map.npy").reshape(320, -1), whole[:, : size**2]
    )
    np.testing.assert_array_equal(np.load(tmp_path / "maps" / "patches.npy"), whole[:, size**2 :])
