"""The audit of a split by patch: the same patches divided in two ways, one of them by patient."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from osteon.cohorts.errors import CohortError
from osteon.learning import folds
from osteon.pipelines.spinal_penn.auditing import HALF, _counts, _parts, audit_patch_split
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_penn import AuditConfig
from tests.pipelines import penn_slices as cohort
from tests.tiny_slices import PATIENTS, SLICES, make_slices

AUDIT = AuditConfig(patches=200, folds=2, rounds=50, seed=4)


def audited(folder, recipe=cohort.RECIPE, audit=AUDIT, preprocessing=cohort.PREPROCESSING):
    prepared = folder / "store"
    if not prepared.is_dir():
        cohort.store(prepared)
    work = folder / "models" / "spinal_penn" / "audit" / "work"
    return audit_patch_split(
        cohort.samples(), cohort.splits(), prepared, work, cohort.COHORT, preprocessing, recipe,
        audit,
    )  # fmt: skip


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """The audit's figures, and the two trainings and their tasks behind them."""
    folder, kept = tmp_path_factory.mktemp("audit"), {}

    def watching(tasks, *more):
        kept["tasks"] = tasks
        kept["results"] = run_folds(tasks, *more)
        return kept["results"]

    run_folds = folds.run_folds
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(folds, "run_folds", watching)
        found = audited(folder)
    return found, kept["tasks"], kept["results"], folder


def test_both_splits_judge_every_patch_once(watched):
    found, tasks, _, _ = watched
    assert [one.fold for one in tasks] == [0, 1, 2, 3]
    by_patch, by_patient = tasks[:2], tasks[2:]
    judged = [np.concatenate([one.test for one in half]) for half in (by_patch, by_patient)]
    for one in judged:
        assert len(np.unique(one)) == len(one) == found["patches"] == AUDIT.patches
    np.testing.assert_array_equal(*map(np.sort, judged))
    for one in tasks:
        assert sorted([*one.train, *one.test]) == sorted(judged[0])


def test_patients_are_apart_in_the_honest_split_alone(watched):
    _, tasks, _, _ = watched
    patients = tasks[0].cases.patients
    for one in tasks[2:]:
        assert not set(patients[one.train]) & set(patients[one.test])
    for one in tasks[:2]:
        assert set(patients[one.train]) & set(patients[one.test])


def test_numbers_add_up(watched):
    found, tasks, results, _ = watched
    patients = tasks[0].cases.patients
    for name, half in (("audit", results[:2]), ("honest", results[2:])):
        counts = _counts(half, patients)
        assert counts.sum() == found["patches"]
        assert len(counts) == found["patients"][name]
        tp, _, fn, tn = counts.sum(axis=0)
        said = {key: one[name] for key, one in found["metrics"].items()}
        assert said["accuracy"] == pytest.approx((tp + tn) / counts.sum())
        assert said["recall"] == pytest.approx(tp / (tp + fn))
    labels = tasks[0].cases.labels
    taken = np.concatenate([tasks[0].train, tasks[0].test])
    assert found["target_share"] == pytest.approx((labels[taken] == 1).mean())
    assert 0.25 < found["target_share"] < 0.55  # balanced: about 40 % are the target
    assert found["paired"] and found["folds"] == 2 and "never quote them" in found["warning"]


def test_more_folds_than_patients_are_refused(tmp_path):
    with pytest.raises(CohortError, match=r"audit\.folds: 50 found"):
        audited(tmp_path, audit=AUDIT.model_copy(update={"folds": 50}))


def test_the_network_is_asked_about_patches_and_pretrained(watched):
    _, _, results, _ = watched
    for one in results:
        # A patch of 8 px is its own map, and one patch behind it.
        assert one.probabilities.shape == (len(one.test), 8 * 8 + 1)
        assert {entry["stage"] for entry in one.pretraining} == {"layer1", "layer2"}
    assert cohort.RECIPE.root.network.patch == 8


def test_it_is_the_same_again_and_trains_nothing(watched):
    found, _, results, folder = watched
    files = sorted(folder.rglob("weights.safetensors"))
    before = {file: file.stat().st_mtime_ns for file in files}
    assert len(files) == 4 and audited(folder) == found
    assert {file: file.stat().st_mtime_ns for file in files} == before
    assert not any(one.reused for one in results)


def test_another_seed_draws_other_patches(watched, tmp_path):
    found = watched[0]
    other = audited(tmp_path, audit=AUDIT.model_copy(update={"seed": 5}))
    assert other["patches"] == found["patches"] and other != found


def test_fewer_patches_than_asked_for_are_all_taken(tmp_path):
    everything = audited(tmp_path, audit=AUDIT.model_copy(update={"patches": 100_000}))
    table = make_slices(tmp_path, patches=cohort.RECIPE.root.plan(1, (2,)))
    wanted = table.expand(np.arange(PATIENTS * SLICES), (4, 0xAD))[1]
    assert everything["patches"] == len(wanted) > AUDIT.patches


def test_a_row_on_slices_has_nothing_to_audit(tmp_path):
    recipe = Recipe.model_validate({"kind": "segmentation", "network": {"name": "unet"}})
    assert audited(tmp_path, recipe=recipe) == {}


def test_patches_that_do_not_fit_are_refused(tmp_path):
    small = PreprocessingConfig(size=16, masks=True)
    block = cohort.RECIPE.model_dump()
    block["network"]["patch"] = 24
    with pytest.raises(ValueError, match=r"network\.patch: 24 px found, at most size 16 px allow"):
        audited(tmp_path, recipe=Recipe.model_validate(block), preprocessing=small)


@given(
    st.lists(st.integers(0, 6), min_size=12, max_size=60),
    st.integers(2, 4),
    st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_parts_judge_each_patch_once_and_keep_patients_whole(people, folds, seed):
    patients, taken = np.array(people), np.arange(0, len(people))[::2]
    assume(len(np.unique(patients[taken])) >= folds)
    parts = _parts(taken, patients, folds, np.random.default_rng(seed))
    assert [one.fold for one in parts] == [*range(2 * folds)]
    for half in (parts[:folds], parts[folds:]):
        assert sorted(np.concatenate([one.test for one in half])) == taken.tolist()
        for one in half:
            assert sorted([*one.train, *one.test]) == taken.tolist()
            assert len(one.train) and len(one.test)
    for one in parts[folds:]:
        assert not set(patients[one.train]) & set(patients[one.test])


def test_counts_are_by_patient_and_called_from_half_on():
    said = [HALF, HALF - 1, 255, 0, HALF, 0]
    result = SimpleNamespace(
        probabilities=np.array([[0, one] for one in said], np.uint8),
        labels=np.array([1, 1, 0, 0, 1, 2]),
        test=np.array([0, 1, 2, 3, 4, 5]),
    )
    patients = np.array([7, 7, 7, 3, 3, 3])
    # tp, fp, fn, tn; other tissue (2) is no target.
    assert _counts([result], patients).tolist() == [[1, 0, 0, 2], [1, 1, 1, 0]]
