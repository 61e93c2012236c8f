"""Which slices the detector is fitted on, and what stands where none is trained."""

import hashlib
import json
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.learning.checkpoint import save_tensors
from osteon.pipelines.spinal_wff import detecting
from osteon.pipelines.training.nodes import artefact_card, write_folds
from osteon.recipes import Recipe, load_learner
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_wff import DetectorRecipe
from osteon.schemas.detections import schema
from tests.pipelines import wff_cohort

SLICES = 60
LAID_OUT = PreprocessingConfig(size=96)


def roles(seed=0, **recipe):
    """Every third slice has a box, and every fifth is of the test part."""
    number = np.arange(SLICES)
    table = pd.DataFrame(
        {"split": np.where(number % 5 == 0, "test", "cv"), "fold": number % 5 // 2},
        index=number + 7,
    )
    padded = np.full((SLICES, 2, 4), np.nan, np.float32)
    padded[::3, 1] = 1, 2, 3, 4
    detector = DetectorRecipe(training={"seed": seed}, **recipe)
    return table, detecting._roles(table, padded, detector)


def test_slices_with_a_box_are_fitted_on_and_a_share_of_those_without() -> None:
    number = np.arange(SLICES)
    training, drawn = number % 5 != 0, number % 3 == 0
    for share, more in ((0.0, 0), (0.25, 4), (1.0, 16), (10.0, 32)):
        fitted = roles(negatives=share)[1]["fitted"].to_numpy()
        assert (fitted & drawn).sum() == (training & drawn).sum() == 16
        assert (fitted & ~drawn).sum() == more
        assert not (fitted & ~training).any()


def test_every_slice_is_judged_and_stands_for_itself() -> None:
    table, found = roles()
    assert found["judged"].all() and found["case"].tolist() == list(range(SLICES))
    assert found.index.equals(table.index) and "fitted" not in table


def test_slices_without_a_box_are_drawn_by_the_seed() -> None:
    first = roles(negatives=0.5)[1]["fitted"]
    assert roles(negatives=0.5)[1]["fitted"].equals(first)
    assert not roles(seed=1, negatives=0.5)[1]["fitted"].equals(first)


def test_another_kind_of_recipe_is_refused() -> None:
    assert detecting.wff(wff_cohort.recipe()) is not None
    with pytest.raises(ValueError, match=r"recipe\.kind: late_fusion found, weighted_fusion"):
        detecting.wff(Recipe.model_validate({"kind": "late_fusion"}))


def test_a_field_that_may_cut_boxes_is_refused_before_anything_is_read() -> None:
    field = PreprocessingConfig(size=96, resize="letterbox", field_mm=300)
    with pytest.raises(CohortError, match=r"preprocessing\.field_mm: 300 found, only null allowed"):
        detecting.train_detector(*[None] * 7, field, wff_cohort.recipe())


def test_where_nothing_is_trained_tables_are_empty_and_the_record_says_why(tmp_path) -> None:
    full = wff_cohort.recipe(boxes="whole").root
    boxes, model, history, seen, record = detecting._without(
        full, "recipe.boxes is whole", wff_cohort.cohort()
    )
    assert schema.validate(boxes).empty and seen.empty and history.empty
    assert {"prob_benign", "prob_malignant", "fold", "split"} <= set(boxes.columns)
    assert set(seen.columns) == set(wff_cohort.seen("detector").columns)
    assert record["status"] == "not trained" and record["reason"] == "recipe.boxes is whole"
    model.write(tmp_path / "model")
    assert json.loads((tmp_path / "model" / "skipped.json").read_text()) == {
        "skipped": "recipe.boxes is whole"
    }


def test_learning_curves_of_all_folds_hold_losses_and_no_accuracy() -> None:
    class Result:
        def __init__(self, fold: int) -> None:
            self.fold = fold
            self.history = [{"epoch": k, "loss": 1.0 - k / 9, "accuracy": None} for k in range(2)]

    found = detecting._history([Result(0), Result(3)])
    assert found["fold"].tolist() == [0, 0, 3, 3] and found["epoch"].tolist() == [0, 1, 0, 1]
    assert "accuracy" not in found and found.index.tolist() == [0, 1, 2, 3]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """An artefact as a run leaves it: a card and the weights of one network."""
    folder = tmp_path_factory.mktemp("earlier") / "model"
    small = {"backbone": "resnet18", "width": 0.125, "blocks": (1, 1, 1, 1), "dcn": "none"}
    recipe = DetectorRecipe(network={**small, "pyramid_channels": 8, "roi": {"hidden": 4}})
    weights = folder.parent / "weights.safetensors"
    save_tensors(weights, dict(recipe.build_network().state_dict()), {})
    result = SimpleNamespace(
        fold=3, weights=weights, sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        weights_origin="none", device="cpu", threads=1, seconds=0.0, history=[], fitted=[],
        samples=[], resumed=False, code_digest="0",
    )  # fmt: skip
    hashes = {"data": "0", "split": "0"}
    write_folds(folder, [result], artefact_card(recipe, wff_cohort.cohort(), LAID_OUT, hashes))
    return folder


def test_an_earlier_detector_is_left_with_the_run_that_used_it(tmp_path, earlier) -> None:
    full = wff_cohort.recipe(boxes="artefact", artefact=str(earlier)).root
    model = detecting._as_before(pd.DataFrame(), full, wff_cohort.cohort())[1]
    model.write(tmp_path / "version" / "model")
    assert isinstance(load_learner(tmp_path).recipe, DetectorRecipe)
    assert [one.name for one in (tmp_path / "version").iterdir()] == ["model"]


def test_an_earlier_detector_of_other_slices_or_classes_is_refused(earlier) -> None:
    ask = partial(detecting._earlier, str(earlier))
    assert ask(wff_cohort.cohort(), LAID_OUT).card["folds"][0]["fold"] == 3
    other = LAID_OUT.model_copy(update={"size": 64})
    with pytest.raises(CohortError, match=r"artefact: trained on slices with {'size': 96}; .* 64"):
        ask(wff_cohort.cohort(), other)
    with pytest.raises(CohortError, match=r"trained for \['benign', 'malignant'\]"):
        ask(CohortConfig(classes=["a", "b"]), LAID_OUT)
