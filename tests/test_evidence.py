"""From a finished row to its evidence: explanations, ledger, report and card."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.project import PAPER, kedro_run, make_project, try_run

PSEUDONYM = re.compile(r"\b[PF][0-9a-f]{16}\b")
PAGES = ("report.html", "model_card.md", "model_card.json", "ledger.json", "ledger.md", "run.json")
GALLERIES = ("prepared", "right", "baseline_wrong", "shift", "best", "worst")
FIGURES = ("roc", "precision_recall", "forest", "reliability", "decision", "confusion", "bars")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the row has run once."""
    project = make_project(tmp_path_factory.mktemp("finished"))
    kedro_run(project)
    return project


def _report(project: Path, name: str) -> Path:
    return project / "data" / "08_reporting" / PAPER / name


def _json(project: Path, name: str) -> dict:
    return json.loads(_report(project, name).read_text())


def _copy(finished: Path, folder: Path) -> Path:
    shutil.copytree(finished, folder / "project")
    return folder / "project"


def test_one_run_leaves_all_evidence(finished: Path) -> None:
    for name in PAGES:
        assert _report(finished, name).stat().st_size > 200, name
    for name in GALLERIES:
        assert _report(finished, f"galleries/{name}.png").read_bytes().startswith(b"\x89PNG")
    for name in FIGURES:
        assert _report(finished, f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "data" in _json(finished, f"charts/{name}.json")
    contents = _json(finished, "contents.json")
    page = _report(finished, "report.html").read_bytes()
    assert contents["pages_sha256"]["report"] == hashlib.sha256(page).hexdigest()


def test_the_page_is_whole_small_and_says_what_it_is_from(finished: Path) -> None:
    page = _report(finished, "report.html").read_text()
    assert len(page.encode()) < 8e6
    assert "Synthetic patients" in page
    assert not re.search(r"""(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//""", page)
    assert not re.findall(r">\s*(?:nan|None|NaN)\s*<", page)
    for title in ("Leak certificate", "Claims ledger", "Grad-CAM", "kedro run"):
        assert title in page


def test_no_pseudonym_reaches_a_page(finished: Path) -> None:
    for name in (*PAGES, "explanations.json", "cohort_tables.json"):
        assert not PSEUDONYM.search(_report(finished, name).read_text()), name
    galleries = json.loads(_report(finished, "galleries.json").read_text())
    texts = [
        [case["sample"], case["label"], case["text"]] for g in galleries for case in g["cases"]
    ]
    assert not PSEUDONYM.search(json.dumps(texts))


def test_every_image_is_explained_by_the_fold_that_held_it_out(finished: Path) -> None:
    folder = finished / "data" / "07_model_output" / PAPER / "resnet18_all"
    judged = pd.read_parquet(folder / "predictions.parquet").set_index("sample_id")
    scores = pd.read_parquet(folder / "explanation_scores.parquet")
    for _, rows in scores.groupby("method"):
        explained = rows.set_index("sample_id").loc[judged.index]
        assert (explained["fold"] == judged["fold"]).all()
        # The same network on the same input: were it another fold's, this would differ.
        difference = explained["probability"] - judged["prob_osteosarcoma"]
        assert difference.abs().max() < 1e-4


def test_a_phantom_is_never_held_against_the_paper(finished: Path) -> None:
    ledger = _json(finished, "ledger.json")
    assert len(ledger["rows"]) >= 32
    assert {row["verdict"] for row in ledger["rows"]} == {"not testable"}
    assert any(not one["holds"] for one in ledger["contradictions"])


def test_the_certificate_is_complete(finished: Path) -> None:
    certificate = _json(finished, "leak_certificate.json")
    assert certificate["passed"] and certificate["complete"]
    assert {"youden_threshold", "temperature"} <= set(certificate["statistics_checked"])


def test_card_names_what_only_a_person_can_answer(finished: Path) -> None:
    assert "MISSING: human input" in _report(finished, "model_card.md").read_text()


@pytest.mark.parametrize("column", ["evaluation", "explainability", "reporting"])
def test_a_column_runs_over_the_rows_and_agrees(
    finished: Path, tmp_path: Path, column: str
) -> None:
    project = _copy(finished, tmp_path)
    kedro_run(project, f"--namespaces={PAPER}", pipeline=column)
    for name in ("metrics.json", "explanations.json", "ledger.json", "comparison.csv"):
        assert _report(project, name).read_text() == _report(finished, name).read_text()


def test_tags_name_a_cell(finished: Path, tmp_path: Path) -> None:
    project = _copy(finished, tmp_path)
    _report(project, "report.html").unlink()
    printed = kedro_run(project, "--tags=reporting")
    assert "train" not in re.findall(r"Running node: (\w+)", printed)
    assert _report(project, "report.html").is_file()


def test_a_fitted_sample_that_is_judged_stops_the_run_and_is_named(
    finished: Path, tmp_path: Path
) -> None:
    project = _copy(finished, tmp_path)
    file = project / "data" / "07_model_output" / PAPER / "resnet18_all" / "fitted.parquet"
    fitted = pd.read_parquet(file)
    judged = pd.read_parquet(file.with_name("predictions.parquet")).iloc[0]
    planted = fitted.iloc[[0]].assign(fold=judged["fold"], sample_id=judged["sample_id"])
    pd.concat([fitted, planted]).to_parquet(file)
    code, printed = try_run(project, "--tags=evaluation")
    _stopped(code, printed, "fitted_apart_by_patient", judged["patient_id"], "resnet18_all")


def test_a_control_fitted_on_what_it_judges_stops_the_run_and_is_named(
    finished: Path, tmp_path: Path
) -> None:
    project = _copy(finished, tmp_path)
    file = project / "data" / "07_model_output" / PAPER / "controls_fitted.parquet"
    fitted = pd.read_parquet(file)
    splits = _splits(project)
    judged = splits[splits["fold"] == 0].iloc[0]
    own = fitted[(fitted["learner"] == "control_age") & (fitted["fold"] == 0)].iloc[[0]]
    pd.concat([fitted, own.assign(sample_id=judged["sample_id"])]).to_parquet(file)
    code, printed = try_run(project, "--from-nodes=osteosarcoma_fusion.certify_no_leak")
    _stopped(code, printed, "fitted_apart", judged["patient_id"], "control_age")


def test_a_patient_in_two_parts_stops_the_run_and_is_named(finished: Path, tmp_path: Path) -> None:
    project = _copy(finished, tmp_path)
    splits = _splits(project)
    twice = splits[splits["patient_id"].duplicated(keep=False)].iloc[0]
    moved = splits["sample_id"] == twice["sample_id"]
    splits.loc[moved, "fold"] = 1 - splits.loc[moved, "fold"]
    splits.to_parquet(_place(project, "splits"))
    code, printed = try_run(project, "--tags=evaluation")
    _stopped(code, printed, "one fold a patient", twice["patient_id"])


def test_an_augmented_copy_in_another_part_stops_the_run_and_is_named(
    finished: Path, tmp_path: Path
) -> None:
    project = _copy(finished, tmp_path)
    splits, samples = _splits(project), pd.read_parquet(_place(project, "samples"))
    fold = splits.set_index("sample_id")["fold"]
    parent = samples["sample_id"][samples["sample_id"].map(fold) == 0].iloc[0]
    child = samples["sample_id"][samples["sample_id"].map(fold) == 1].iloc[0]
    samples["parent"] = samples["sample_id"].map({child: parent})
    samples.to_parquet(_place(project, "samples"))
    code, printed = try_run(project, "--from-nodes=osteosarcoma_fusion.certify_no_leak")
    _stopped(code, printed, "no_augmentation_before_split", parent, child)


def _stopped(code: int, printed: str, *names: str) -> None:
    """The run failed before any figure, and says each of these names."""
    assert code != 0
    flat = re.sub(r"\s+", " ", printed)
    for name in names:
        assert name in flat, printed[-3000:]
    assert "Running node: evaluate_learners" not in printed


def _place(project: Path, name: str) -> Path:
    return project / "data" / "05_model_input" / PAPER / f"{name}.parquet"


def _splits(project: Path) -> pd.DataFrame:
    return pd.read_parquet(_place(project, "splits"))
