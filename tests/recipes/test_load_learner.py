"""A saved learner predicts what its folds predicted, without Kedro, and refuses what is altered."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from osteon.learning.artefact import write_artefact
from osteon.learning.folds import run_folds
from osteon.learning.tasks import code_digest
from osteon.recipes import load_learner
from osteon.recipes.artefact import FusionEnsemble
from osteon.recipes.clinical import ClinicalError
from tests.tiny_cohort import SIDE, make_recipe, make_tasks

KIT = {"alp": (310, 45, 125), "ldh": (290, 120, 250)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, list, list]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("learner")
    recipe = make_recipe(training={"epochs": 2})
    tasks = make_tasks(folder, recipe)
    results = run_folds(tasks)
    card = {
        "recipe": recipe.describe(),
        "classes": ["non_tumour", "osteosarcoma"],
        "preprocessing": {"max_side": None, "size": SIDE, "resize": "stretch"},
        "data_hash": "data",
        "split_hash": "split",
    }
    # As Kedro lays versions.
    artefact = folder / "model" / "2026-01-01T00.00.00.000Z" / "model"
    write_artefact(artefact, results, card)
    return artefact, tasks, results


def test_the_folder_above_the_versions_will_do(trained) -> None:
    learner = load_learner(str(trained[0].parents[1]))
    assert learner.card == load_learner(trained[0]).card
    assert learner.card["code_digest"] == code_digest(learner.recipe)


def test_a_skipped_learner_says_why(tmp_path) -> None:
    folder = tmp_path / "model" / "2026-01-01T00.00.00.000Z" / "model"
    folder.mkdir(parents=True)
    (folder / "skipped.json").write_text(json.dumps({"skipped": "no patient has ALP"}))
    with pytest.raises(FileNotFoundError, match="was skipped, because no patient has ALP"):
        load_learner(tmp_path / "model")


def test_it_predicts_the_mean_of_its_folds(trained) -> None:
    folder, tasks, _ = trained
    learner = load_learner(folder)
    assert len(learner.networks) == 2
    pixels = tasks[0].cases.read(tasks[0].test[:1])[0][0].numpy()
    found = learner.predict(pixels, age=15, sex="F", **KIT)
    assert list(found) == ["non_tumour", "osteosarcoma"]
    assert sum(found.values()) == pytest.approx(1)
    vector = torch.tensor([[0.5, 0.15, 265 / 80, 170 / 130]])
    image = tasks[0].cases.place(tasks[0].cases.read(tasks[0].test[:1]), torch.device("cpu"))
    with torch.no_grad():
        parts = [net(image.inputs[0], vector).softmax(1)[0, 1].item() for net in learner.networks]
    assert found["osteosarcoma"] == pytest.approx(np.mean(parts), rel=1e-5)


def test_a_saved_fold_answers_as_it_did_in_training(trained) -> None:
    folder, tasks, results = trained
    network = load_learner(folder).networks[1]
    task, result = tasks[1], results[1]
    batch = task.cases.place(task.cases.read(task.test), torch.device("cpu"))
    with torch.no_grad():
        found = network(*batch.inputs).double().softmax(1).numpy()
    np.testing.assert_allclose(found, result.probabilities, rtol=1e-5)


def test_files_and_arrays_agree_and_colour_becomes_grey(trained, tmp_path) -> None:
    learner = load_learner(trained[0])
    pixels = np.random.default_rng(0).integers(0, 256, (50, 40), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "knee.png")
    array = learner.predict(pixels, age=30, sex="M", **KIT)
    assert learner.predict(tmp_path / "knee.png", age=30, sex="M", **KIT) == pytest.approx(array)
    colour = np.repeat(pixels[..., None], 3, axis=2)
    assert learner.predict(colour, age=30, sex="M", **KIT) == pytest.approx(array, abs=1e-3)


def test_missing_values_are_treated_as_in_training(trained) -> None:
    learner = load_learner(trained[0])
    np.testing.assert_array_equal(learner.encode(), [[0, 0.5, 0.5, 0.5]])
    assert learner.encode(sex="F", age=20, **KIT).dtype == np.float32
    with pytest.raises(ClinicalError, match="alp_low"):
        learner.encode(alp=100)
    with pytest.raises(ClinicalError, match="alp_high"):
        learner.encode(alp=(100, 125, 45))


@pytest.mark.parametrize("absent", [None, float("nan")])
def test_a_lab_needs_its_kits_range(trained, absent) -> None:
    learner = load_learner(trained[0])
    with pytest.raises(ClinicalError, match=r"alp: found .*; wanted alp_low and alp_high"):
        learner.encode(alp=(412, absent, absent))
    np.testing.assert_array_equal(learner.encode(ldh=(absent, absent, absent)), learner.encode())


def test_sex_is_one_of_the_words_of_training(trained) -> None:
    learner = load_learner(trained[0])
    for sex in ("f", "female", "", 1):
        with pytest.raises(ClinicalError, match=r"sex: found .*; allowed are F, M, unknown"):
            learner.encode(sex=sex)
    for sex in ("unknown", None, float("nan"), pd.NA):
        assert learner.encode(sex=sex)[0, 0] == 0
    assert [learner.encode(sex=sex)[0, 0] for sex in "FM"] == [0.5, -0.5]


def test_under_drop_a_used_value_must_be_there() -> None:
    recipe = make_recipe(inputs=["gender", "alp"], clinical={"missing": "drop"})
    learner = FusionEnsemble(recipe, (), {})
    assert learner.encode(sex="F", alp=KIT["alp"]).shape == (1, 2)
    with pytest.raises(ClinicalError, match=r"alp: missing.*clinical\.missing is drop"):
        learner.encode(sex="F", age=20, ldh=KIT["ldh"])
    with pytest.raises(ClinicalError, match=r"gender, alp: missing"):
        learner.encode(sex="unknown", alp=(None, 45, 125))


def test_an_altered_card_is_refused(trained, tmp_path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    for file in trained[0].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    card = json.loads((folder / "model.json").read_text())

    def rewrite(**changes: object) -> None:
        (folder / "model.json").write_text(json.dumps(card | changes))

    rewrite(recipe=card["recipe"] | {"hidden": 8})
    with pytest.raises(ValueError, match="belongs to another network"):
        load_learner(folder)
    rewrite(recipe=card["recipe"] | {"code": "print(1)"})
    with pytest.raises(ValidationError, match="code"):
        load_learner(folder)
    (folder / "model.json").write_text(json.dumps({k: card[k] for k in card if k != "classes"}))
    with pytest.raises(ValueError, match="has no 'classes'"):
        load_learner(folder)
