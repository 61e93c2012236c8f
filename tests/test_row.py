"""The first row from a cohort on disk to a compared table, run as a user runs it."""

import json
import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest

from tests.project import PAPER, ROOT, kedro_run, make_project, params, start, try_run

LEARNERS = ["baseline", "gender", "age", "gender_age", "ldh", "alp", "alp_ldh", "all", "permuted"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the row has run once."""
    project = make_project(tmp_path_factory.mktemp("finished"))
    (project / "printed.txt").write_text(kedro_run(project, alone=True))
    return project


def _report(project: Path, name: str) -> Path:
    return project / "data" / "08_reporting" / PAPER / name


def _predictions(project: Path, learner: str) -> pd.DataFrame:
    return pd.read_parquet(
        project / "data" / "07_model_output" / PAPER / f"resnet18_{learner}" / "predictions.parquet"
    )


def _model(project: Path, learner: str) -> Path:
    versions = project / "data" / "06_models" / PAPER / f"resnet18_{learner}" / "model"
    return max(versions.iterdir()) / "model"


def _weights(project: Path) -> dict[str, bytes]:
    return {
        f"{name}/{file.name}": file.read_bytes()
        for name in LEARNERS
        for file in sorted(_model(project, name).glob("*.safetensors"))
    }


def test_reports_are_there(finished: Path) -> None:
    for name in ("metrics.json", "comparison.csv", "quarantine.csv", "leak_certificate.json"):
        assert _report(finished, name).is_file()
    comparison = pd.read_csv(_report(finished, "comparison.csv"))
    assert {f"resnet18_{name}" for name in LEARNERS} <= set(comparison["learner"])
    assert {"control_age", "control_clinical_all"} <= set(comparison["learner"])
    assert json.loads(_report(finished, "leak_certificate.json").read_text())["passed"]
    assert "Synthetic" in _report(finished, "paper_tables.md").read_text()


def test_every_sample_is_judged_once_by_each_learner_in_its_patient_s_fold(finished: Path) -> None:
    samples = pd.read_parquet(finished / "data" / "05_model_input" / PAPER / "samples.parquet")
    for name in LEARNERS:
        judged = _predictions(finished, name)
        assert sorted(judged["sample_id"]) == sorted(samples["sample_id"])
        assert (judged.groupby("patient_id")["fold"].nunique() == 1).all()


def test_artefact_gives_the_predictions_of_the_run_from_the_original_file(finished: Path) -> None:
    from osteon.recipes import load_learner

    learner = load_learner(_model(finished, "all"))
    index = pd.read_parquet(finished / "data" / "03_primary" / PAPER / "images.parquet")
    linkage = pd.read_csv(finished / "data" / "01_raw" / PAPER / "linkage" / "linkage.csv")
    patients = pd.read_parquet(finished / "data" / "03_primary" / PAPER / "patients.parquet")
    judged = _predictions(finished, "all").iloc[0]
    image = index.set_index("sample_id").loc[judged["sample_id"]]
    file = linkage.set_index("file_id").loc[image["file_id"], "file"]
    person = patients.set_index("patient_id").loc[judged["patient_id"]]
    labs = {
        lab: tuple(person[[lab, f"{lab}_low", f"{lab}_high"]]) if person.notna()[lab] else None
        for lab in ("alp", "ldh")
    }
    # Only the network of the fold that judged this sample must agree; the ensemble averages all.
    alone = type(learner)(learner.recipe, (learner.networks[judged["fold"]],), learner.card)
    source = finished / "data" / "01_raw" / PAPER / "cohort" / file
    found = alone.predict(source, age=person["age"], sex=person["sex"], **labs)
    assert found["osteosarcoma"] == pytest.approx(judged["prob_osteosarcoma"], abs=1e-5)


def test_tracking_has_a_child_run_for_each_learner_and_fold(finished: Path) -> None:
    with sqlite3.connect(finished / "mlflow.db") as database:
        names = dict(database.execute("select run_uuid, name from runs"))
        parents = dict(
            database.execute("select run_uuid, value from tags where key = 'mlflow.parentRunId'")
        )
        curves = database.execute(
            "select run_uuid, count(*) from metrics where key = 'loss' group by run_uuid"
        ).fetchall()
        parameters = {key for (key,) in database.execute("select distinct key from params")}
    root = next(run for run, name in names.items() if name == PAPER)
    learners = {run for run, parent in parents.items() if parent == root}
    assert {names[run] for run in learners} == {f"resnet18_{name}" for name in LEARNERS}
    folds = [run for run, parent in parents.items() if parent in learners]
    assert len(folds) == 2 * len(LEARNERS)
    assert {run for run, _ in curves} == set(folds)
    assert {"training.lr", "backbone"} <= parameters


def test_same_command_again_trains_nothing_and_agrees(finished: Path) -> None:
    before, kept = _weights(finished), _predictions(finished, "all")
    work = finished / "data" / "06_models" / PAPER / "resnet18_all" / "work"
    touched = {f: f.stat().st_mtime_ns for f in work.rglob("weights.safetensors")}
    images = finished / "data" / "05_model_input" / PAPER / "prepared" / "images.npy"
    prepared = images.stat().st_mtime_ns
    kedro_run(finished, "--tags=ingestion,preprocessing,training")
    assert _weights(finished) == before
    assert {f: f.stat().st_mtime_ns for f in work.rglob("weights.safetensors")} == touched
    assert images.stat().st_mtime_ns == prepared
    pd.testing.assert_frame_equal(_predictions(finished, "all"), kept)


def test_one_cell_and_one_learner_run_alone_and_agree(finished: Path) -> None:
    compared = _report(finished, "comparison.csv").read_text()
    _report(finished, "comparison.csv").unlink()
    kedro_run(finished, "--tags=evaluation")
    assert _report(finished, "comparison.csv").read_text() == compared
    printed = kedro_run(finished, f"--namespaces={PAPER}.resnet18_all")
    assert "Completed 2 out of 2 tasks" in printed  # train and explain


def test_store_is_rebuilt_when_a_parameter_changes(finished: Path, tmp_path: Path) -> None:
    project = _copy(finished, tmp_path)
    kedro_run(project, "--tags=ingestion,preprocessing", params(preprocessing__size=48))
    images = np.load(project / "data" / "05_model_input" / PAPER / "prepared" / "images.npy")
    assert images.shape[1:] == (48, 48)


def test_killed_row_resumes_and_ends_with_the_same_weights(finished: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    shutil.copy(finished / "conf" / "local" / "credentials.yml", project / "conf" / "local")
    models = project / "data" / "06_models" / PAPER
    process = start(project, "run", f"--pipelines={PAPER}", "--env=smoke", start_new_session=True)
    while process.poll() is None and len(list(models.rglob("work/*/fold*"))) < 4:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)  # some folds are trained, one or two are at it
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the run ended before it could be killed"
    kedro_run(project)
    assert _weights(project) == _weights(finished)


def test_notebook_runs_in_jupyter(finished: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "notebooks" / f"{PAPER}.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(finished)}})
    client.execute()


def test_audit_reports_the_gap_and_its_warning(finished: Path, tmp_path: Path) -> None:
    project = _copy(finished, tmp_path)
    kedro_run(project, pipeline=f"{PAPER}_audit")
    found = json.loads(
        (project / "data" / "08_reporting" / f"{PAPER}.audit" / "split_gap.json").read_text()
    )
    assert "inflated" in found["warning"]
    assert set(found["learners"]) == {"resnet18_baseline", "resnet18_all"}
    certificate = json.loads(
        (project / "data" / "08_reporting" / f"{PAPER}.audit" / "leak_certificate.json").read_text()
    )
    assert not certificate["passed"] and not certificate["leak"]
    failed = [check for check in certificate["checks"] if not check["passed"]]
    assert failed and all("by design" in check["note"] for check in failed)


def test_one_picture_under_two_patients_stops_the_run_and_is_named(
    finished: Path, tmp_path: Path
) -> None:
    project = _copy(finished, tmp_path)
    cohort = _own_cohort(project)
    images = pd.read_csv(cohort / "images.csv").drop(columns=["mask", "boxes"])
    images.to_csv(cohort / "images.csv", index=False)
    splits = _table(project, "splits").set_index("sample_id")["fold"]
    samples = _table(project, "samples").set_index("sample_id")
    first = samples.index[splits[samples.index] == 0][0]
    alike = samples["label"] == samples.loc[first, "label"]
    other = samples.index[alike & (splits[samples.index] == 1)][0]
    _paste_pixels(project, cohort, first, other)
    own = params(cohort__source="folder", cohort__path=cohort)
    code, printed = try_run(project, own)
    assert code != 0
    assert "leak (near_duplicates)" in printed
    pair = _table(project, "near_duplicates").iloc[0]
    assert pair["sample_a"] in printed and pair["sample_b"] in printed

    grouped = f"{own},{PAPER}.splitting.near_duplicates=group"
    kedro_run(project, grouped, "--tags=ingestion,preprocessing")
    fold = _table(project, "splits").set_index("sample_id")["fold"]
    assert fold[pair["sample_a"]] == fold[pair["sample_b"]]


def test_one_class_cohort_stops_with_the_reason(finished: Path, tmp_path: Path) -> None:
    project = _copy(finished, tmp_path)
    cohort = _own_cohort(project)
    patients = pd.read_csv(cohort / "patients.csv")
    patients[patients["label"] == "osteosarcoma"].to_csv(cohort / "patients.csv", index=False)
    _report(project, "quarantine.csv").unlink()
    code, printed = try_run(project, params(cohort__source="folder", cohort__path=cohort))
    assert code != 0
    assert "one class" in printed
    refused = pd.read_csv(_report(project, "quarantine.csv"))
    assert set(refused["code"]) == {"not_in_patients_csv"}  # a person can read what happened


def test_real_pictures_run_by_configuration_alone(real_data: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    quick = params(
        cohort__path=real_data / "medpix_bone",
        cohort__workers=1,
        preprocessing__size=32,
        splitting__folds=2,
        recipe__width=0.125,
        recipe__hidden=16,
        recipe__training__epochs=1,
        recipe__training__fold_workers=1,
        evaluation__rounds=50,
    )
    kedro_run(project, quick, env="medpix")
    comparison = pd.read_csv(_report(project, "comparison.csv")).set_index("learner")
    for learner, absent in {
        "alp": "alp",
        "ldh": "ldh",
        "alp_ldh": "alp, ldh",
        "all": "alp",
    }.items():
        assert absent in comparison.loc[f"resnet18_{learner}", "skipped"]
    assert pd.isna(comparison.loc["resnet18_gender_age", "skipped"])
    assert "small sample" in comparison.loc["resnet18_baseline", "warnings"]
    assert comparison.loc["resnet18_baseline", "n_patients"] == 25
    # Without labs the headline learner is skipped: its evidence is absent, and the pages say so.
    page = _report(project, "report.html").read_text()
    assert "Synthetic" not in page and "small sample" in page
    explained = json.loads(_report(project, "explanations.json").read_text())["methods"]
    assert set(explained) == {"resnet18_baseline"}
    note = explained["resnet18_baseline"]["grad_cam"]["note"]
    assert "No lesion is drawn on any image" in note  # no masks at all: absent, and said so
    assert (
        "user's own cohort"
        in json.loads(_report(project, "metrics.json").read_text())["data"]["statement"]
    )


def _copy(finished: Path, folder: Path) -> Path:
    shutil.copytree(finished, folder / "project")
    return folder / "project"


def _table(project: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(project / "data" / "05_model_input" / PAPER / f"{name}.parquet")


def _paste_pixels(project: Path, cohort: Path, source: str, target: str) -> None:
    """Give the file of sample `target` the pixels of sample `source`, its own header kept."""
    images = pd.read_parquet(project / "data" / "03_primary" / PAPER / "images.parquet")
    linkage = pd.read_csv(project / "data" / "01_raw" / PAPER / "linkage" / "linkage.csv")
    name = linkage.set_index("file_id")["file"][images.set_index("sample_id")["file_id"]].to_dict()
    path = dict(
        zip(images["sample_id"], (cohort / name[i] for i in images["file_id"]), strict=True)
    )
    picture, header = pydicom.dcmread(path[source]), pydicom.dcmread(path[target])
    for tag in ("Rows", "Columns", "PhotometricInterpretation", "WindowCenter", "WindowWidth"):
        setattr(header, tag, getattr(picture, tag))
    picture.decompress() if picture.file_meta.TransferSyntaxUID.is_compressed else None
    header.file_meta.TransferSyntaxUID = picture.file_meta.TransferSyntaxUID
    header.PixelData = picture.PixelData
    header.save_as(path[target], enforce_file_format=True)


def _own_cohort(project: Path) -> Path:
    """The phantom as if it were a user's folder."""
    cohort = project / "my_cohort"
    shutil.copytree(project / "data" / "01_raw" / PAPER / "cohort", cohort)
    (cohort / "digest.txt").unlink()
    return cohort
