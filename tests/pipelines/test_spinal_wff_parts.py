"""Inner folds and the final one: who is fitted on, who is judged, and what is written of it."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.cohorts.errors import CohortError
from osteon.pipelines.spinal_wff import parts
from tests.pipelines import wff_cohort

# A test patient's fold is 0, as that of the first inner fold: only the split tells them apart.
CASES = pd.DataFrame(
    {
        "patient_id": ["A", "A", "T", "B", "C", "C", "T", "B", "D"],
        "split": ["cv", "cv", "test", "cv", "cv", "cv", "test", "cv", "cv"],
        "fold": [0, 0, 0, 1, 2, 2, 0, 1, 0],
        "fitted": [True, False, True, True, False, True, True, True, True],
        "judged": [True, True, True, True, True, False, True, False, False],
    }
)


def by_fold(cases: pd.DataFrame) -> dict[int, tuple[list[int], list[int]]]:
    return {f: (train.tolist(), test.tolist()) for f, train, test in parts.divisions(cases)}


def test_inner_folds_and_then_the_final_one_as_positions() -> None:
    assert by_fold(CASES) == {
        0: ([3, 5, 7], [0, 1]),
        1: ([0, 5, 8], [3]),
        2: ([0, 3, 7, 8], [4]),
        3: ([0, 3, 5, 7, 8], [2, 6]),
    }


def test_positions_and_not_labels_of_rows() -> None:
    assert by_fold(CASES.set_axis(range(100, 109))) == by_fold(CASES)


def test_a_fold_with_nothing_to_fit_or_to_judge_is_left_out() -> None:
    nobody = CASES.assign(judged=CASES["judged"] & (CASES["fold"] != 2))
    assert sorted(by_fold(nobody)) == [0, 1, 3]
    alone = CASES.assign(fitted=CASES["fitted"] & (CASES["fold"] == 1))
    assert sorted(by_fold(alone)) == [0, 2, 3]


def test_an_inner_fold_never_stands_for_the_final_one() -> None:
    for none in (
        CASES.assign(judged=CASES["judged"] & (CASES["split"] == "cv")),
        CASES.assign(fitted=CASES["fitted"] & (CASES["split"] == "test")),
        CASES[CASES["split"] == "test"],
    ):
        with pytest.raises(CohortError, match="1 or more of both needed"):
            parts.divisions(none)


@given(st.data())
def test_nobody_is_fitted_on_and_judged_and_the_test_part_is_never_fitted_on(data) -> None:
    patients = data.draw(st.lists(st.integers(0, 8), min_size=4, max_size=40))
    place = [(0, "test") if p % 3 == 0 else (p % 3 - 1, "cv") for p in patients]
    flags = st.lists(st.booleans(), min_size=len(patients), max_size=len(patients))
    cases = pd.DataFrame(place, columns=["fold", "split"]).assign(
        patient=patients, fitted=data.draw(flags), judged=data.draw(flags)
    )
    training = cases["split"] == "cv"
    if not (training & cases["fitted"]).any() or not (~training & cases["judged"]).any():
        with pytest.raises(CohortError, match="1 or more of both needed"):
            parts.divisions(cases)
        return
    made = parts.divisions(cases)
    judged = [position for _, _, test in made for position in test]
    assert len(judged) == len(set(judged))
    for fold, train, test in made:
        rows = cases.iloc[train]
        assert not set(rows["patient"]) & set(cases.iloc[test]["patient"])
        assert (rows["split"] == "cv").all() and rows["fitted"].all()
        assert cases.iloc[test]["judged"].all()
        final = fold > cases.loc[cases["split"] == "cv", "fold"].max()
        assert (cases.iloc[test]["split"] == ("test" if final else "cv")).all()


def test_every_slice_is_placed_in_its_patient_s_part() -> None:
    outer, inner = wff_cohort.splits()
    table = wff_cohort.samples().assign(fold=99)
    found = parts.place(table, outer, inner)
    assert len(found) == len(table)
    where = wff_cohort.placed().set_index("patient_id")
    for name, rows in found.groupby("patient_id"):
        assert set(zip(rows["fold"], rows["split"], strict=True)) == {tuple(where.loc[name])}
    assert set(found["split"]) == {"cv", "test"}
    assert found["sample_id"].tolist() == table["sample_id"].tolist()


def test_a_patient_in_no_part_is_left_out_and_one_in_two_stops() -> None:
    outer, inner = wff_cohort.splits()
    table = wff_cohort.samples()
    found = parts.place(table, outer, inner[inner["patient_id"] != "P00"])
    assert "P00" not in set(found["patient_id"])
    twice = pd.concat([inner, inner[inner["patient_id"] == "P00"].assign(fold=2)])
    with pytest.raises(pd.errors.MergeError):
        parts.place(table, outer, twice)


def results() -> list[SimpleNamespace]:
    return [
        SimpleNamespace(fold=0, train=np.array([3, 5]), test=np.array([0, 1])),
        SimpleNamespace(fold=3, train=np.array([0, 5]), test=np.array([6, 2])),
    ]


def test_judged_rows_follow_the_results_order() -> None:
    found = parts.judged_rows(results(), CASES.assign(n=range(9)), ["n", "split"])
    assert found["n"].tolist() == [0, 1, 6, 2]
    assert list(found.columns) == ["n", "split"] and found.index.tolist() == [0, 1, 2, 3]


def test_all_images_of_what_was_fitted_on_are_named_once() -> None:
    cases = CASES.assign(case=list("aatbcctbd"))
    members = pd.DataFrame(
        {
            "case": list("aabccx"),
            "sample_id": ["a1", "a2", "b1", "c1", "c2", "x1"],
            "patient_id": list("AABCCX"),
        }
    )
    found = parts.fitted_rows(results(), cases, members, "detector")
    assert (found["learner"] == "detector").all()
    rows = {key: own["sample_id"].tolist() for key, own in found.groupby(["split", "fold"])}
    # The final network is told by what it judges: the test part's split and fold.
    assert rows == {("cv", 0): ["b1", "c1", "c2"], ("test", 0): ["a1", "a2", "c1", "c2"]}
    twice = parts.fitted_rows(results(), cases, pd.concat([members, members]), "detector")
    assert len(twice) == len(found)


def test_learner_and_paper_are_read_off_the_workspace() -> None:
    folder = Path("data/06_models/spinal_wff/detector/work")
    assert parts.names_of(folder) == ("detector", "spinal_wff")


def test_the_record_counts_and_names_what_was_trained() -> None:
    one = SimpleNamespace(
        fold=2, samples=["a"], fitted=["b", "c"], held_back=[],
        history=[{"loss": 2.0}, {"loss": 1.0}],
        seconds=3.0, device="cpu", threads=1, parameters=7, weights_origin="none", sha256="s",
        resumed=False, reused=True, code_digest="digest",
    )  # fmt: skip
    recipe = SimpleNamespace(describe=lambda: {"kind": "x"})
    found = parts.record_of(recipe, [one], {"data": "d", "split": "e"})
    assert found["status"] == "trained" and found["recipe"] == {"kind": "x"}
    assert (found["data_hash"], found["split_hash"], found["code_digest"]) == ("d", "e", "digest")
    (fold,) = found["folds"]
    assert (fold["judged_samples"], fold["fitted_samples"], fold["epochs"]) == (1, 2, 2)
    assert fold["final_loss"] == 1.0 and fold["reused"]
    one.history = []
    assert parts.record_of(recipe, [one], {})["folds"][0]["final_loss"] is None
