"""Rows of networks that see images alone: from a cohort on disk to a report, as users do."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.project import kedro_run, make_project, read_notebook

SMSDNET, ALEXNET = "spinal_smsdnet", "femoral_alexnet"
LEARNERS = {
    SMSDNET: ["smsdnet", "densenet", "attention_only", "multiscale_only", "smsdnet_rgb",
              "densenet121", "smsdnet_permuted"],
    ALEXNET: ["alexnet_bn", "googlenet", "alexnet_no_bn", "alexnet_bn_all",
              "alexnet_torchvision", "googlenet_torchvision", "alexnet_bn_permuted"],
}  # fmt: skip
PAGES = ("report.html", "model_card.md", "ledger.md", "paper_tables.md", "metrics.json",
         "comparison.csv", "preparation.json", "leak_certificate.json")  # fmt: skip
FOREIGN = ("clinical value", "ALP", "LDH", "X-ray", "image-only", "late fusion")
"""Words of the first row that have no place in a report of these."""


@pytest.fixture(scope="module", params=[SMSDNET, ALEXNET])
def row(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A paper, and a project in which its row has run once."""
    project = make_project(tmp_path_factory.mktemp(request.param))
    kedro_run(project, pipeline=request.param)
    return request.param, project


def _report(project: Path, report: str, name: str) -> Path:
    return project / "data" / "08_reporting" / report / name


def _json(project: Path, report: str, name: str) -> Any:
    return json.loads(_report(project, report, name).read_text())


def test_one_run_leaves_report_and_evidence(row) -> None:
    paper, project = row
    for name in PAGES:
        assert _report(project, paper, name).stat().st_size > 200, name
    assert _json(project, paper, "leak_certificate.json")["passed"]
    comparison = pd.read_csv(_report(project, paper, "comparison.csv"))
    assert set(LEARNERS[paper]) <= set(comparison["learner"])
    metrics = _json(project, paper, "metrics.json")
    for learner in LEARNERS[paper][:-1]:
        assert set(metrics["by_class"][learner]) == set(metrics["classes"])
    for learner in LEARNERS[paper]:
        (version,) = (project / "data/06_models" / paper / learner / "model").iterdir()
        card = json.loads((version / "model" / "model.json").read_text())
        assert card["recipe"]["classes"] == len(metrics["classes"])


def test_the_page_is_of_this_paper_and_loads_nothing(row) -> None:
    paper, project = row
    page = _report(project, paper, "report.html").read_text()
    assert "Synthetic patients" in page and "What the networks were given" in page
    card = _report(project, paper, "model_card.md").read_text()
    for word in FOREIGN:
        assert word not in page, word
        assert word not in card, word
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_every_network_sees_what_was_prepared(row) -> None:
    paper, project = row
    inputs = project / "data" / "05_model_input" / paper
    samples = pd.read_parquet(inputs / "samples.parquet")
    store = np.load(inputs / "prepared" / "images.npy", mmap_mode="r")
    assert len(store) == len(samples) and store.dtype == np.uint8
    assert store.shape[3:] == ((3,) if paper == SMSDNET else ())
    assert _json(project, paper, "preparation.json")["slices"]["chosen"] == len(samples)
    if paper == ALEXNET:
        assert (samples.groupby("patient_id").size() == 1).all()
        assert {"otsu", "mask"} <= set(samples["crop_source"])


def test_what_a_fold_was_fitted_on_is_kept_apart_from_what_it_judges(row) -> None:
    paper, project = row
    folder = project / "data" / "07_model_output" / paper / LEARNERS[paper][0]
    fitted = pd.read_parquet(folder / "fitted.parquet")
    judged = pd.read_parquet(folder / "predictions.parquet")
    for fold, rows in judged.groupby("fold"):
        assert not set(rows["patient_id"]) & set(fitted.loc[fitted["fold"] == fold, "patient_id"])
    probabilities = fitted.filter(like="prob_")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    if paper == SMSDNET:
        assert set(judged["split"]) == {"test"} and set(judged["fold"]) == {0}


def test_a_saved_learner_predicts_what_the_table_says(row) -> None:
    from osteon.cohorts.archive import Archive
    from osteon.recipes import load_learner

    paper, project = row
    name = LEARNERS[paper][0]
    learner = load_learner(project / "data" / "06_models" / paper / name / "model")
    samples = pd.read_parquet(project / "data" / "05_model_input" / paper / "samples.parquet")
    judged = pd.read_parquet(
        project / "data" / "07_model_output" / paper / name / "predictions.parquet"
    )
    archive = Archive(project / "data" / "02_intermediate" / paper / "archive")
    one = samples.set_index("sample_id").loc[judged["sample_id"].iloc[0]]
    row_ = int(one["archive_row"])
    found = learner.predict(archive.pixels(row_), masks=[archive.mask(row_)])
    assert sum(found.values()) == pytest.approx(1)
    if paper == SMSDNET:  # one network, the one that held the patient out
        wanted = judged.iloc[0][[f"prob_{k}" for k in found]].astype(float).tolist()
        assert list(found.values()) == pytest.approx(wanted, abs=1e-5)


def test_the_notebook_runs(row) -> None:
    paper, project = row
    read_notebook(project, paper)


def test_the_paper_s_second_report_runs_on_the_same_cohort(row) -> None:
    paper, project = row
    report = {SMSDNET: f"{SMSDNET}.pair", ALEXNET: f"{ALEXNET}.holdout"}[paper]
    kedro_run(project, pipeline=report.replace(".", "_"))
    assert _report(project, report, "report.html").is_file()
    tables = json.dumps(_json(project, report, "paper_tables.json"))
    assert ("Spinal osteosarcoma" in tables) == (paper == SMSDNET)
    metrics = _json(project, report, "metrics.json")
    learners = {SMSDNET: {"pair_osteosarcoma", "pair_giant_cell_tumor"},
                ALEXNET: {"alexnet_bn_holdout", "googlenet_holdout"}}[paper]  # fmt: skip
    assert set(metrics["learners"]) == learners
    if paper == SMSDNET:  # two models, and not one read twice
        scores = [
            pd.read_parquet(
                project / "data/07_model_output" / SMSDNET / name / "predictions.parquet"
            )
            for name in sorted(learners)
        ]
        assert not np.allclose(scores[0]["prob_osteosarcoma"], scores[1]["prob_osteosarcoma"])


def test_attention_of_the_blocks_is_in_the_report(row) -> None:
    paper, project = row
    if paper != SMSDNET:
        pytest.skip("only SMSDNet weighs its layers")
    figures = _json(project, paper, "paper_figures.json")
    assert {f"attention_block_{n}" for n in range(1, 5)} <= {one["name"] for one in figures}
    for one in figures:
        for number, weights in enumerate(one["values"], 1):
            assert sum(w for w in weights if w is not None) == pytest.approx(1, abs=1e-5)
            assert sum(w is not None for w in weights) == number


def _three_classes(folder: Path) -> Path:
    """A project whose smoke profile has benign, intermediate and malignant."""
    project = make_project(folder)
    file = project / "conf" / "smoke" / f"parameters_{ALEXNET}.yml"
    smoke = yaml.safe_load(file.read_text())
    three = yaml.safe_load((project / "conf" / "three_class" / file.name).read_text())
    cohort, more = smoke[ALEXNET]["cohort"], three[ALEXNET]["cohort"]
    cohort["classes"] = more["classes"]
    cohort["phantom"] |= more["phantom"] | {"patients": 24, "intermediate_fraction": 0.3}
    file.write_text(yaml.safe_dump(smoke))
    return project


def test_three_classes_from_files_to_report(tmp_path: Path) -> None:
    project = _three_classes(tmp_path)
    kedro_run(project, pipeline=ALEXNET)
    metrics = _json(project, ALEXNET, "metrics.json")
    assert metrics["classes"] == ["benign", "intermediate", "malignant"]
    matrix = np.array(metrics["multiclass"]["alexnet_bn"]["confusion"])
    assert matrix.shape == (3, 3) and matrix.sum() == 24
    assert "intermediate" in _report(project, ALEXNET, "report.html").read_text()


def test_real_pictures_run_by_configuration_alone(real_data: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    changes = {
        "cohort.path": real_data / "medpix_bone",
        "cohort.workers": 1,
        "splitting.folds": 2,
        "recipe.network.width": 0.03,
        "recipe.training.epochs": 1,
        "recipe.training.fold_workers": 1,
        "googlenet.learner.network.width": 0.05,
        "googlenet_torchvision.learner.training.epochs": 1,
        "evaluation.rounds": 50,
        "explainability.steps": 2,
        "explainability.checked_images": 4,
        "explainability.randomisations": 1,
        "explainability.rounds": 50,
    }
    quick = ",".join(f"{ALEXNET}.{key}={value}" for key, value in changes.items())
    kedro_run(project, f"--params={quick}", env="medpix", pipeline=ALEXNET)
    comparison = pd.read_csv(_report(project, ALEXNET, "comparison.csv")).set_index("learner")
    assert comparison.loc["alexnet_bn", "n_patients"] == 25
    assert _json(project, ALEXNET, "preparation.json")["region"]["sources"] == {"otsu": 78}
    assert "Synthetic" not in _report(project, ALEXNET, "report.html").read_text()
