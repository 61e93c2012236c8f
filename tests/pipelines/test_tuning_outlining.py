"""A study of the segmentation row from the training part to the one look at the outer part."""

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.errors import CohortError
from osteon.learning import folds
from osteon.pipelines.tuning.certifying import certify_tuning
from osteon.pipelines.tuning.dividing import take_training_part
from osteon.pipelines.tuning.outlining import judge_outlines, tune_outlines
from osteon.pipelines.tuning.studying import finished
from osteon.recipes.parallel import ParallelConfig
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_penn import SegmentationLearner
from osteon.recipes.tuning import SpaceError, TuningConfig
from tests.pipelines import penn_slices as cohort
from tests.pipelines.penn_cohort import COHORT, Labelled
from tests.pipelines.test_tuning_outlines import RECIPE, TWICE, samples
from tests.tiny_slices import SIDE

TUNING = TuningConfig.model_validate(
    {
        "trials": 3,
        "objective": "dice",
        "seeds": 2,
        "held_out": 1,
        "pruner": {"kind": "none"},
        "space": {
            "network.nodes": {"choices": [4, 6]},
            "patches.fraction": {"low": 0.3, "high": 0.6},
            "postprocess.threshold": {"low": 0.3, "high": 0.7},
        },
    }
)
ALONE = ParallelConfig(backend="sequential")
NEAR = pd.DataFrame({"first": [], "second": [], "distance": [], "change": []}).astype(object)


def given(folder, tuning=TUNING, **changes):
    """Arguments of both steps, the training part taken."""
    prepared = folder / "store"
    if not prepared.is_dir():
        cohort.store(prepared)
    whole = samples().assign(label=0, split=None)
    inside, _ = take_training_part(whole, cohort.splits(), tuning)
    place = inside["patient_id"].str[1:].astype(int) // 2
    inner = inside[["sample_id", "patient_id"]].assign(fold=place % 2, split="cv")
    masks = [np.kron(one, TWICE) for one in np.load(prepared / "masks.npy")[::-1]]
    return {
        "tuning_samples": inside,
        "tuning_inner": inner,
        "prepared": prepared,
        "archive": Labelled(masks),
        "tuning_workspace": folder / "work",
        "cohort": COHORT,
        "preprocessing": cohort.PREPROCESSING,
        "recipe": RECIPE,
        "learner": SegmentationLearner(),
        "tuning": tuning,
    } | changes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def study(folder):
    return tune_outlines(**given(folder), parallel=ALONE, name="penn")


def test_every_trial_ends_with_a_dice_over_the_training_part_s_patients(folder, study):
    trials = finished(study)
    assert len(trials) == 3 and {one.state.name for one in trials} == {"COMPLETE"}
    assert all(0 <= one.value <= 1 for one in trials)
    assert {one.user_attrs["inner"]["patients"] for one in trials} == {3}
    assert trials[0].params["network.nodes"] == 6  # the configuration comes first
    left = list((folder / "work" / study.study_name / "trials").glob("trial-*"))
    assert left == []


def test_the_outer_part_is_judged_by_the_chosen_setting(folder, study):
    whole = {"samples": samples(), "splits": cohort.splits()}
    certificate = certify_tuning(
        study,
        folder / "work",
        whole["samples"].assign(label=0),
        whole["splits"],
        given(folder)["tuning_inner"],
        NEAR,
        TUNING,
    )
    found = judge_outlines(study, certificate, **whole, **given(folder), row="penn")
    assert found["outer"]["patients"] == 3 and 0 <= found["outer"]["value"] <= 1
    assert set(found["chosen"]) == set(TUNING.space) and found["learner"] == "penn"
    assert len(found["spread"]["values"]) == 2 and found["held_out"] == 1


def test_thresholds_alone_are_tuned_on_one_set_of_maps(folder, monkeypatch):
    real, told = folds.train_fold, []

    def spied(*given, **named):
        told.append(real(*given, **named))
        return told[-1]

    monkeypatch.setattr(folds, "train_fold", spied)
    space = {"space": {"postprocess.threshold": {"low": 0.2, "high": 0.8}}}
    only = TuningConfig.model_validate(TUNING.model_dump() | space)
    study = tune_outlines(**given(folder, only), parallel=ALONE, name="threshold")
    assert len(finished(study)) == 3
    assert len({one.user_attrs["seen"] for one in finished(study)}) == 1
    assert sum(not one.reused for one in told) == 2 < len(told)  # two folds, once


def test_what_cannot_be_tuned_is_refused_before_the_first_trial(tmp_path):
    run = {"parallel": ALONE, "name": "penn"}
    by_auroc = TUNING.model_copy(update={"objective": "auroc"})
    with pytest.raises(ValueError, match=r"tuning\.objective: auroc found; outlines allow dice"):
        tune_outlines(**given(tmp_path, by_auroc), **run)
    drawn = PreprocessingConfig(size=SIDE, masks=True, region={"mode": "box_margin"})
    with pytest.raises(CohortError, match=r"preprocessing\.region"):
        tune_outlines(**given(tmp_path, preprocessing=drawn), **run)
    space = {"patches.fraction": {"low": 0.3, "high": 1.5}}
    wide = TuningConfig.model_validate(TUNING.model_dump() | {"space": space})
    with pytest.raises(SpaceError, match=r"patches\.fraction: 1\.5 found"):
        tune_outlines(**given(tmp_path, wide), **run)
    assert not (tmp_path / "work").exists()
