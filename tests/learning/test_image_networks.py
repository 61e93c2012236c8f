"""Networks of images alone through the fit loop: statistics, penalties, auxiliary heads."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from osteon.learning import folds
from osteon.learning.batches import ImageCases
from osteon.learning.checkpoint import load_tensors
from osteon.learning.folds import divisions, fold_tasks, train_fold
from osteon.learning.tasks import FoldResult, FoldTask, code_digest
from osteon.recipes import ImageRecipe, Recipe
from tests.tiny_cohort import PATIENTS, QUICK, VIEWS, make_cases

SIDE = 64
ALEXNET = {"name": "alexnet", "width": 0.03}


def _task(folder: Path, network: dict[str, Any], **training: Any) -> FoldTask:
    """The first fold of the tiny cohort, enlarged to a side that these networks take."""
    folder.mkdir(exist_ok=True)
    cases = make_cases(folder)
    images = np.load(cases.images).repeat(2, axis=1).repeat(2, axis=2)
    np.save(folder / "large.npy", images)
    cases = replace(cases, images=folder / "large.npy", clinical=None, normalisation="unit")
    # Training defaults of the tiny cohort name milestones; they have no place beside `steps`.
    parts = {"network": network, "size": SIDE, "training": QUICK | {"epochs": 2} | training}
    recipe = Recipe.model_validate({"kind": "image_classifier", **parts}).root
    fold = np.repeat(np.arange(PATIENTS) // 2 % 2, VIEWS)
    divided = divisions(fold, np.array(["cv"] * len(fold)))
    hashes = {"data_hash": "d", "split_hash": "s"}
    return fold_tasks(recipe, cases, divided, **hashes, work=folder / "work")[0]


def _weights(result: FoldResult) -> dict[str, torch.Tensor]:
    return load_tensors(result.weights)[0]


def test_statistics_of_the_input_are_those_of_the_training_cases(tmp_path, monkeypatch) -> None:
    task = _task(tmp_path, ALEXNET)
    seen: set[int] = set()
    read, predict = ImageCases.read, folds.predict

    def watched(self: ImageCases, index: np.ndarray) -> object:
        seen.update(index.tolist())
        return read(self, index)

    judged: list[object] = []

    def judge(*args: object, **kwargs: object) -> object:
        if not judged:
            assert not seen & set(task.test.tolist())
        judged.append(args)
        return predict(*args, **kwargs)

    monkeypatch.setattr(ImageCases, "read", watched)
    monkeypatch.setattr(folds, "predict", judge)
    weights = _weights(train_fold(task))
    images = np.load(task.cases.images)[task.train] / 255
    assert weights["standardise.mean"].flatten().tolist() == pytest.approx([images.mean()] * 3)
    assert weights["standardise.std"].flatten().tolist() == pytest.approx([images.std()] * 3)


def test_the_penalty_reaches_the_weights_and_stays_out_of_the_curve(tmp_path) -> None:
    light = train_fold(_task(tmp_path / "light", ALEXNET | {"l2": 0.0}, lr=1e-6))
    heavy = train_fold(_task(tmp_path / "heavy", ALEXNET | {"l2": 1.0}, lr=1e-6))
    assert light.sha256 != heavy.sha256
    assert heavy.history[0]["loss"] == pytest.approx(light.history[0]["loss"], rel=1e-2)


def test_auxiliary_heads_reach_the_weights(tmp_path) -> None:
    network = {"name": "googlenet", "width": 0.05, "aux": True}
    task = _task(tmp_path, network, epochs=1)
    torch.manual_seed(0)
    heads = [
        name for name in task.recipe.build_network().state_dict() if name.startswith("body.heads.")
    ]
    result = train_fold(task)
    start = train_fold(_task(tmp_path / "still", network, epochs=1, lr=1e-12))
    moved, still = _weights(result), _weights(start)
    assert heads and any(not torch.allclose(moved[name], still[name]) for name in heads)


@pytest.mark.parametrize("network", [ALEXNET, {"name": "smsdnet", "growth": 4, "layers": 2}])
def test_a_saved_fold_judges_again_as_it_did(tmp_path, network) -> None:
    task = _task(tmp_path, network)
    result = train_fold(task)
    rebuilt = task.recipe.build_network()
    rebuilt.load_state_dict(_weights(result))
    rebuilt.eval()
    batch = task.cases.place(task.cases.read(task.test), torch.device("cpu"))
    with torch.no_grad():
        found = rebuilt(*batch.inputs).double().softmax(1)
    np.testing.assert_allclose(found, result.probabilities, atol=1e-5)


def test_the_code_of_a_network_s_configuration_counts(monkeypatch) -> None:
    recipe = ImageRecipe.model_validate({"network": ALEXNET})
    other = ImageRecipe.model_validate({"network": {"name": "smsdnet"}})
    assert code_digest(recipe) != code_digest(other)
