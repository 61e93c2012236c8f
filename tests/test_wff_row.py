"""The weighted fusion row as users run it: to its report, without boxes, from an artefact."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from tests.project import kedro_run, make_project, read_notebook, try_run

WFF = "spinal_wff"
NETWORKS = ("detector", "sequence", "sequence_n8", "sequence_n4", "sequence_permuted")
TABLE3 = ("det", "det_age", "seq", "seq_age", "det_seq", "det_seq_age")
PAGES = ("report.html", "patients.html", "model_card.md", "ledger.md", "paper_tables.md",
         "metrics.json", "comparison.csv", "lambdas.json", "age_table.json",
         "looking_back.json", "diagnosis_times.json", "leak_certificate.json")  # fmt: skip
PSEUDONYM = re.compile(r"\b[PF][0-9a-f]{16}\b")


class Runs(NamedTuple):
    """A project in which the row has run, and what became of copies of it.

    Attributes:
        labelled: the smoke configuration as it is.
        whole: no box is drawn anywhere and one test patient has no age; `boxes: whole`.
        artefact: the same cohort, boxes by the first one's detector.
        stopped: fault → exit status and what was printed.
    """

    labelled: Path
    whole: Path
    artefact: Path
    stopped: dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    root = tmp_path_factory.mktemp(WFF)
    labelled, whole, artefact, planted = (
        root / name for name in ("labelled", "whole", "artefact", "planted")
    )
    labelled.mkdir()
    make_project(labelled)
    stopped = {}
    kedro_run(labelled, pipeline=WFF)
    shutil.copytree(labelled, planted, ignore=shutil.ignore_patterns("01_raw", "mlruns"))
    for fault, plant in PLANTED.items():
        table, before = plant(planted)
        stopped[fault] = try_run(planted, f"--from-nodes={WFF}.certify_framework", pipeline=WFF)
        table.write_bytes(before)
    made = shutil.ignore_patterns("06_models", "07_model_output", "08_reporting", "mlruns")
    shutil.copytree(labelled, whole, ignore=made)
    _alter(whole / "data" / "01_raw" / WFF / "cohort")
    stopped["no box"] = try_run(whole, pipeline=WFF)
    shutil.copytree(whole, artefact, ignore=made)
    kedro_run(whole, f"--params={WFF}.recipe.boxes=whole", pipeline=WFF)
    model = labelled / "data" / "06_models" / WFF / "detector" / "model"
    given = f"{WFF}.recipe.boxes=artefact,{WFF}.recipe.artefact={model}"
    kedro_run(artefact, f"--params={given}", pipeline=WFF)
    return Runs(labelled, whole, artefact, stopped)


def _alter(cohort: Path) -> None:
    """Take every box, and the age of the first test patient."""
    for file in cohort.glob("dicom/**/*.json"):
        file.unlink()
    images, patients = (pd.read_csv(cohort / f"{name}.csv") for name in ("images", "patients"))
    images.drop(columns="boxes").to_csv(cohort / "images.csv", index=False)
    first = patients.index[patients["split"] == "test"][0]
    patients["age"] = patients["age"].drop(first)
    patients.to_csv(cohort / "patients.csv", index=False)


def _output(project: Path, name: str) -> Path:
    return project / "data" / "07_model_output" / WFF / name


def _input(project: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(project / "data" / "05_model_input" / WFF / f"{name}.parquet")


def _report(project: Path, name: str) -> Path:
    return project / "data" / "08_reporting" / WFF / name


def _json(project: Path, name: str) -> Any:
    return json.loads(_report(project, name).read_text())


def _tested(project: Path) -> pd.Series:
    """A slice of the test part."""
    splits = _input(project, "splits")
    return splits[splits["split"] == "test"].iloc[0]


Plant = tuple[Path, bytes]


def _fitted_on(project: Path, network: str, row: pd.Series) -> Plant:
    """One more slice that a network is said to have been fitted on when it judged `row`'s fold."""
    file = _output(project, f"{network}/fitted.parquet")
    before, table = file.read_bytes(), pd.read_parquet(file)
    names = ["sample_id", "patient_id", "fold", "split"]
    planted = table.iloc[[0]].assign(**row[names].to_dict())
    pd.concat([table, planted]).to_parquet(file)
    return file, before


def _plant_test_slice(project: Path) -> Plant:
    return _fitted_on(project, "detector", _tested(project))


def _plant_inner_slice(project: Path) -> Plant:
    return _fitted_on(project, "sequence", _input(project, "inner_splits").iloc[0])


def _plant_lambda(project: Path) -> Plant:
    """λ that the training part did not choose."""
    file = _report(project, "lambdas.json")
    before = file.read_bytes()
    said = json.loads(before)
    file.write_text(json.dumps(said | {"chosen": [0.05, 0.05, 0.9]}))
    return file, before


def _plant_age(project: Path) -> Plant:
    """An age table that knew the first test patient's class."""
    file = _output(project, "age_scores.parquet")
    before, table = file.read_bytes(), pd.read_parquet(file)
    own = table["patient_id"] == _tested(project)["patient_id"]
    table.assign(a=table["a"].mask(own, table["label"] + 0.0)).to_parquet(file)
    return file, before


PLANTED = {
    "detector": _plant_test_slice,
    "inner sequence": _plant_inner_slice,
    "lambda": _plant_lambda,
    "age": _plant_age,
}


def test_one_run_leaves_report_patients_and_tables(runs: Runs) -> None:
    for project in (runs.labelled, runs.whole, runs.artefact):
        for name in PAGES:
            assert _report(project, name).stat().st_size > 100, name
        tables = _report(project, "paper_tables.md").read_text()
        assert "Table 3" in tables and "Table 4" in tables and "Synthetic" in tables
        certificate = _json(project, "leak_certificate.json")
        assert certificate["passed"] and certificate["inner"]["passed"]
    compared = pd.read_csv(_report(runs.labelled, "comparison.csv"))
    assert {*TABLE3, "det_seq_age_n8", "seq_n4", "seq_permuted"} <= set(compared["learner"])
    for name in TABLE3:
        judged = pd.read_parquet(_output(runs.labelled, f"{name}/predictions.parquet"))
        assert len(judged) == 8 and judged["patient_id"].is_unique and judged["vote"].notna().all()


def test_the_certificate_covers_every_network_and_choice(runs: Runs) -> None:
    assert {"test", "cv"} <= set(_json(runs.labelled, "detection.json"))
    certificate = _json(runs.labelled, "leak_certificate.json")
    assert certificate["complete"]
    assert {*NETWORKS, *TABLE3} <= set(certificate["learners_checked"])
    assert {"age_table", "lambda"} <= set(certificate["statistics_checked"])
    assert set(certificate["inner"]["learners_checked"]) == set(NETWORKS)
    assert certificate["inner"]["folds"] == [0, 1]


def test_pages_load_nothing_name_nobody_and_are_of_this_paper(runs: Runs) -> None:
    for name in ("report.html", "patients.html"):
        page = _report(runs.labelled, name).read_text()
        assert "Synthetic" in page or "phantom" in page.lower()
        assert not re.search(r"""(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//""", page)
        assert not re.findall(r">\s*(?:nan|None|NaN)\s*<", page)
        assert not PSEUDONYM.search(page)
        text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)
        for word in ("clinical value", "ALP", "LDH", "X-ray", "image-only", "late fusion"):
            assert word not in text, word


def test_every_output_has_a_place_and_is_there(runs: Runs) -> None:
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    from osteon.pipeline_registry import register_pipelines

    bootstrap_project(runs.labelled)
    with KedroSession.create(project_path=runs.labelled, env="smoke") as session:
        catalog = session.load_context().catalog
        for name in register_pipelines()[WFF].all_outputs():
            assert name in catalog and catalog.exists(name), name


def test_networks_and_framework_are_readable_artefacts(runs: Runs) -> None:
    from osteon.recipes import load_learner

    models = runs.labelled / "data" / "06_models" / WFF
    for name in NETWORKS:
        learner = load_learner(models / name / "model")
        assert learner.classes == ("benign", "malignant") and len(learner.networks) == 1
        assert learner.recipe.kind == ("wff_detector" if name == "detector" else "wff_sequence")
    (file,) = models.glob("framework.json/*/framework.json")
    said = json.loads(file.read_text())
    assert said["lambdas"] == _json(runs.labelled, "lambdas.json")["chosen"]
    assert said["networks"] == {"detector": "detector", "sequence": "sequence"}


@pytest.mark.parametrize("boxes", ["labelled", "whole", "artefact"])
def test_the_framework_calls_every_test_patient_as_the_run_did(runs: Runs, boxes: str) -> None:
    from osteon.cohorts.archive import Archive
    from osteon.recipes.diagnosis import load_framework

    project: Path = getattr(runs, boxes)
    framework = load_framework(project / "data" / "06_models" / WFF)
    assert (framework.detector is None) == (boxes == "whole")
    archive = Archive(project / "data" / "02_intermediate" / WFF / "archive")
    samples = _input(project, "samples").sort_values(["series_id", "slice"])
    judged = pd.read_parquet(_output(project, "det_seq_age/predictions.parquet"))
    timed = _json(project, "diagnosis_times.json")["calls"]
    for said in judged.itertuples():
        own = samples[samples["patient_id"] == said.patient_id]
        series = [
            [archive.pixels(int(row)) for row in rows["archive_row"]]
            for _, rows in own.groupby("series_id")
        ]
        age = None if pd.isna(said.age) else float(said.age)
        found = framework.diagnose(series, age)
        assert (found.call == "malignant") == said.vote
        assert found.score == pytest.approx(said.prob_malignant, abs=1e-6)
        told = found.votes.patients.iloc[0]
        assert (bool(told["vote"]), told["score"]) == (said.vote, found.score)
        if said.patient_id in timed:
            assert timed[said.patient_id]["call"] == found.call
            assert timed[said.patient_id]["score"] == pytest.approx(found.score, abs=1e-6)


def test_a_framework_takes_the_networks_that_its_weights_were_chosen_with(
    runs: Runs, tmp_path: Path
) -> None:
    from osteon.recipes import load_learner
    from osteon.recipes.diagnosis import framework_of, load_framework

    models = shutil.copytree(runs.labelled / "data" / "06_models" / WFF, tmp_path / WFF)
    (own,) = (models / "sequence" / "model").glob("*/model")
    later = shutil.copytree(own, own.parents[1] / "9999-01-01T00.00.00.000Z" / "model")
    card = json.loads((later / "model.json").read_text())
    weights = later / card["folds"][0]["file"]
    other = {name: np.asarray(value + 1) for name, value in load_file(weights).items()}
    save_file(other, weights)
    card["folds"][0]["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    (later / "model.json").write_text(json.dumps(card))
    taken = load_framework(models).sequence
    assert taken.card["folds"] == load_learner(own).card["folds"] != card["folds"]
    (file,) = models.glob("framework.json/*/framework.json")
    parts = load_learner(models / "detector" / "model"), load_learner(later)
    with pytest.raises(ValueError, match=r"sequence: weights \w{12} found"):
        framework_of(json.loads(file.read_text()), *parts)
    shutil.rmtree(own)
    with pytest.raises(FileNotFoundError, match="no version with weights"):
        load_framework(models)


def test_the_notebook_runs(runs: Runs) -> None:
    read_notebook(runs.labelled, WFF)


def test_a_planted_peek_stops_the_run_and_is_named(runs: Runs) -> None:
    patient = _tested(runs.labelled)["patient_id"]
    inner = _input(runs.labelled, "inner_splits").iloc[0]["patient_id"]
    for fault, names in {
        "detector": ("fitted_apart_by_patient", "detector", patient),
        "inner sequence": ("fitted_apart_by_patient", "sequence", inner),
        "lambda": ("leak: lambda", "[0.05, 0.05, 0.9] in use"),
        "age": ("leak: age_table", patient),
    }.items():
        code, printed = runs.stopped[fault]
        flat = re.sub(r"\s+", " ", printed)
        assert code != 0 and "LeakFound" in flat, (fault, printed[-3000:])
        assert all(name in flat for name in names), (fault, printed[-3000:])
        assert "Running node: evaluate_learners" not in printed


def test_without_a_box_the_run_stops_and_says_what_to_do(runs: Runs) -> None:
    code, printed = runs.stopped["no box"]
    flat = re.sub(r"\s+", " ", printed)
    assert code != 0 and "no lesion is drawn in the training part" in flat
    assert "set recipe.boxes to artefact" in flat and "or to whole" in flat


def test_whole_slices_run_to_a_report_that_says_so(runs: Runs) -> None:
    assert "recipe.boxes is whole: no detector" in _report(runs.whole, "report.html").read_text()
    metrics, decided = _json(runs.whole, "metrics.json"), _json(runs.whole, "looking_back.json")
    assert metrics["training"]["detector"]["status"] == "not trained"
    assert set(metrics["training"]["sequence"]["tubes"]) == {"whole"}
    compared = pd.read_csv(_report(runs.whole, "comparison.csv")).set_index("learner")
    for name in ("det", "det_age"):
        assert (
            "missing for every patient of the test part: detector" in compared.loc[name, "skipped"]
        )
    assert compared.loc["det_seq_age", "n_patients"] == 8
    decided = decided["decided_by"]
    assert decided["images_without_box"] == decided["images"]
    assert _json(runs.whole, "detection.json") == {}


def test_an_earlier_detector_finds_the_boxes_and_the_report_says_so(runs: Runs) -> None:
    page = re.sub(r"\s+", " ", _report(runs.artefact, "report.html").read_text())
    assert "recipe.boxes is artefact: an earlier run&#39;s detector finds the boxes" in page
    assert str(runs.labelled) not in page
    wanted, found = (
        pd.read_parquet(_output(project, "detector/detections.parquet"))
        for project in (runs.labelled, runs.artefact)
    )
    columns = ["sample_id", "score", "x0", "y0", "x1", "y1", "prob_malignant"]
    parts = [one.loc[one["split"] == "test", columns] for one in (wanted, found)]
    ordered = [one.sort_values(columns).reset_index(drop=True) for one in parts]
    pd.testing.assert_frame_equal(*ordered, atol=1e-4)
    assert (found["split"] == "cv").any()  # tubes of the training part are cut by them too
    assert "labelled" not in _json(runs.artefact, "metrics.json")["training"]["sequence"]["tubes"]


def test_a_missing_age_drops_out_and_is_counted(runs: Runs) -> None:
    assert _json(runs.labelled, "looking_back.json")["decided_by"]["without_age"] == 0
    for project in (runs.whole, runs.artefact):
        ages = pd.read_parquet(_output(project, "age_scores.parquet"))
        (lost,) = ages.loc[ages["a"].isna(), "patient_id"]
        both, without = (
            pd.read_parquet(_output(project, f"{name}/predictions.parquet")).set_index("patient_id")
            for name in ("det_seq_age", "det_seq")
        )
        # λ1 and λ2 alone are left, in the same proportion.
        assert both.loc[lost, "prob_malignant"] == pytest.approx(
            without.loc[lost, "prob_malignant"]
        )
        assert _json(project, "looking_back.json")["decided_by"]["without_age"] == 1
        assert _json(project, "age_table.json")["missing"] == 1
