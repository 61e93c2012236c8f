"""The segmentation row as users run it: to its report, on a folder with bad masks, and its grid."""

import json
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import nibabel
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.project import kedro_run, make_project, read_notebook, try_run

PENN, GRID = "spinal_penn", "spinal_penn.grid"
LEARNERS = ("penn", "sae_plain", "penn_no_pretraining", "penn_conv", "unet", "multiresunet",
            "sau_net", "d_tvnet", "op_convnet")  # fmt: skip
PAGES = ("report.html", "model_card.md", "ledger.md", "paper_tables.md", "metrics.json",
         "comparison.csv", "patch_split.json", "leak_certificate.json")  # fmt: skip
SECTIONS = ("How well tumours are outlined", "Is the difference real?", "Leak certificate",
            "Where outlines succeed and fail", "Best outlines", "Worst outlines",
            "What the first layer looks for", "What changes the answer at a patch",
            "Where the network looks")  # fmt: skip
PSEUDONYM = re.compile(r"\b[PFS][0-9a-f]{16}\b")
NUMBER = re.compile(r"\bMR\d{7}\b")
"""How the phantom's hospital numbers its patients."""


class Runs(NamedTuple):
    """A project in which the row has run, and what became of copies of it.

    Attributes:
        whole: the smoke configuration as it is.
        bad: the same cohort as a user's folder, with masks that are not as they should be.
        stopped: fault → exit status and what was printed.
    """

    whole: Path
    bad: Path
    stopped: dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    root = tmp_path_factory.mktemp(PENN)
    whole, planted, bad = (root / name for name in ("whole", "planted", "bad"))
    whole.mkdir()
    make_project(whole)
    kedro_run(whole, pipeline=PENN)
    shutil.copytree(whole, planted, ignore=shutil.ignore_patterns("01_raw", "mlruns"))
    stopped = {}
    for fault, plant in PLANTED.items():
        file, before = plant(planted)
        stopped[fault] = try_run(
            planted, f"--from-nodes={PENN}.certify_segmentation", pipeline=PENN
        )
        file.write_bytes(before)
    large = f"--params={PENN}.recipe.network.patch=64"
    stopped["patch"] = try_run(planted, large, f"--namespaces={PENN}.penn", pipeline=PENN)
    made = shutil.ignore_patterns("06_models", "07_model_output", "08_reporting", "mlruns")
    shutil.copytree(whole, bad, ignore=made)
    cohort = _own_cohort(whole, bad)
    own = f"--params={PENN}.cohort.source=folder,{PENN}.cohort.path={cohort}"
    _spoil(cohort)
    kedro_run(bad, own, pipeline=PENN)
    bare = _own_cohort(whole, planted)
    _without_target(bare)
    own = f"--params={PENN}.cohort.source=folder,{PENN}.cohort.path={bare}"
    stopped["no target"] = try_run(planted, own, "--tags=ingestion", pipeline=PENN)
    return Runs(whole, bad, stopped)


def _own_cohort(project: Path, place: Path) -> Path:
    """The phantom of a project as if it were a user's folder in another."""
    cohort = place / "my_cohort"
    shutil.copytree(project / "data" / "01_raw" / PENN / "cohort", cohort)
    (cohort / "digest.txt").unlink()
    return cohort


def _spoil(cohort: Path) -> None:
    """One patient with empty masks, one without any, one with masks of every other kind."""
    images = pd.read_csv(cohort / "images.csv", dtype=str)
    drawn = images[images["mask"].notna()]
    people = drawn["patient_id"].unique()
    for name in drawn.loc[drawn["patient_id"] == people[0], "mask"]:
        Image.fromarray(np.zeros((64, 64), np.uint8)).save(cohort / name)
    none = images["patient_id"] == people[1]
    for name in images.loc[none, "mask"].dropna():
        (cohort / name).unlink()
    images.loc[none, "mask"] = None
    edge, small, unknown, half, whole = drawn.index[drawn["patient_id"] == people[2]][:5]
    border = np.full((64, 64), 2, np.uint8)
    border[:20, :30] = 1
    Image.fromarray(border).save(cohort / images["mask"][edge])
    Image.fromarray(border[:32]).save(cohort / images["mask"][small])
    Image.fromarray(border * 77).save(cohort / images["mask"][unknown])
    for row, factor in ((half, 0.5), (whole, 1.0)):
        name = f"masks/{row}.nii.gz"
        values = (border.T[..., None] * factor).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), cohort / name)
        (cohort / images["mask"][row]).unlink()
        images.loc[row, "mask"] = name
    images.to_csv(cohort / "images.csv", index=False)


def _without_target(cohort: Path) -> None:
    """Vertebrae are drawn, tumours nowhere."""
    for file in (cohort / "masks").glob("*.png"):
        mask = np.asarray(Image.open(file))
        Image.fromarray(np.where(mask == 1, 2, mask).astype(np.uint8)).save(file)


def _output(project: Path, name: str) -> Path:
    return project / "data" / "07_model_output" / PENN / name


def _input(project: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(project / "data" / "05_model_input" / PENN / f"{name}.parquet")


def _report(project: Path, name: str, report: str = PENN) -> Path:
    return project / "data" / "08_reporting" / report / name


def _json(project: Path, name: str, report: str = PENN) -> Any:
    return json.loads(_report(project, name, report).read_text())


def _archive(project: Path) -> Any:
    from osteon.cohorts.archive import Archive

    return Archive(project / "data" / "02_intermediate" / PENN / "archive")


def _outlines(project: Path, learner: str = "penn") -> Any:
    from osteon.measures.outline_store import Outlines

    return Outlines(_output(project, f"{learner}/outlines"))


Plant = tuple[Path, bytes]


def _fitted_on_judged(project: Path) -> Plant:
    """A slice that U-Net is said to have been fitted on in the fold that judged it."""
    file, row = _output(project, "unet/fitted.parquet"), _input(project, "splits").iloc[0]
    before, table = file.read_bytes(), pd.read_parquet(file)
    names = ["sample_id", "patient_id", "fold"]
    pd.concat([table, table.iloc[[0]].assign(**row[names].to_dict())]).to_parquet(file)
    return file, before


def _in_two_parts(project: Path) -> Plant:
    """A patient whose first slice is in another fold than the rest."""
    file = project / "data" / "05_model_input" / PENN / "splits.parquet"
    before, table = file.read_bytes(), pd.read_parquet(file)
    table.loc[table.index[0], "fold"] = 1 - table["fold"].iloc[0]
    table.to_parquet(file)
    return file, before


PLANTED = {"fitted": _fitted_on_judged, "split": _in_two_parts}


def test_every_output_has_a_place_and_is_there(runs: Runs) -> None:
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    from osteon.pipeline_registry import register_pipelines

    bootstrap_project(runs.whole)
    with KedroSession.create(project_path=runs.whole, env="smoke") as session:
        catalog = session.load_context().catalog
        for name in register_pipelines()[PENN].all_outputs():
            assert name in catalog and catalog.exists(name), name


def test_one_run_leaves_report_and_tables(runs: Runs) -> None:
    for project in (runs.whole, runs.bad):
        for name in PAGES:
            assert _report(project, name).stat().st_size > 100, name
        tables = _report(project, "paper_tables.md").read_text()
        assert "Table 1" in tables and "Table 2" in tables
        compared = pd.read_csv(_report(project, "comparison.csv")).set_index("learner")
        assert set(LEARNERS) <= set(compared.index) and compared["skipped"].isna().all()
    assert "Synthetic" in _report(runs.whole, "paper_tables.md").read_text()


def test_the_page_has_the_sections_of_outlines_and_names_nobody(runs: Runs) -> None:
    page = _report(runs.whole, "report.html").read_text()
    heads = re.findall(r"<h[23][^>]*>(?:<span>\d+</span> )?(.*?)</h", page)
    assert set(SECTIONS) <= set(heads)
    assert "Synthetic patients" in page and "PENN" in page and "U-Net" in page
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)
    assert not re.search(r"""(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//""", text)
    assert not re.findall(r">\s*(?:nan|None|NaN)\s*<", text)
    for word in ("clinical value", "ALP", "X-ray", "image-only", "late fusion", "AUROC"):
        assert word not in text, word
    bad = re.sub(r"base64,[A-Za-z0-9+/=]+", "", _report(runs.bad, "report.html").read_text())
    for found in (text, bad):
        assert not PSEUDONYM.search(found) and not NUMBER.search(found)
    assert str(runs.bad) not in bad and "own cohort" in bad


def test_the_certificate_covers_every_learner(runs: Runs) -> None:
    for project in (runs.whole, runs.bad):
        certificate = _json(project, "leak_certificate.json")
        assert certificate["passed"] and certificate["complete"] and not certificate["leak"]
        assert set(certificate["learners_checked"]) == set(LEARNERS)
        assert certificate["folds"] == [0, 1] and certificate["statistics_checked"] == []


def test_every_slice_is_judged_once_in_its_patient_s_fold(runs: Runs) -> None:
    splits = _input(runs.whole, "splits").set_index("sample_id")
    for name in LEARNERS:
        judged = pd.read_parquet(_output(runs.whole, f"{name}/judged.parquet"))
        assert sorted(judged["sample_id"]) == sorted(splits.index)
        assert (judged["fold"].to_numpy() == splits.loc[judged["sample_id"], "fold"]).all()
        fitted = pd.read_parquet(_output(runs.whole, f"{name}/fitted.parquet"))
        for fold, own in judged.groupby("fold"):
            known = fitted.loc[fitted["fold"] == fold, "patient_id"]
            assert len(known) and not set(own["patient_id"]) & set(known)
        scored = pd.read_parquet(_output(runs.whole, f"{name}/segmentations.parquet"))
        assert sorted(scored["patient_id"]) == sorted(splits["patient_id"].unique())


def test_learning_curves_tell_pretraining_from_training(runs: Runs) -> None:
    stages = {}
    for name in LEARNERS:
        history = pd.read_csv(_output(runs.whole, f"{name}/history.csv"))
        assert set(history["fold"]) == {0, 1}
        stages[name] = list(dict.fromkeys(history.loc[history["fold"] == 0, "stage"]))
    assert stages["penn"] == ["layer1", "layer2", "training"] == stages["sae_plain"]
    assert stages["penn_no_pretraining"] == ["training"] == stages["unet"]
    assert len(stages["penn_conv"]) == 2 and stages["op_convnet"] == ["training"]


def test_exported_masks_are_the_outlines_on_the_slices_they_belong_to(runs: Runs) -> None:
    import highdicom

    from osteon.imaging.derived_uids import derived_uid

    folder, outlines = _report(runs.whole, "masks/penn"), _outlines(runs.whole)
    said = json.loads((folder / "contents.json").read_text())
    assert said["learner"] == "penn" and said["target"] == "tumour"
    assert said["left_out"] == {} and said["geometry_assumed"] == []
    index = _archive(runs.whole).index
    judged = pd.read_parquet(_output(runs.whole, "penn/judged.parquet"))
    series = dict(list(index[index["sample_id"].isin(judged["sample_id"])].groupby("series_id")))
    assert {one.split("/")[1] for one in said["written"]} == set(series)
    shown = 0
    for one in said["written"]:
        own = series[one.split("/")[1]]
        wanted = np.stack([outlines.get(sample) for sample in own["sample_id"]])
        shown += int(wanted.sum())
        named = [derived_uid("instance", sample) for sample in own["sample_id"]]
        seg = highdicom.seg.segread(folder / f"{one}.dcm")
        assert [item.SegmentLabel for item in seg.SegmentSequence] == ["tumour"]
        found = seg.get_pixels_by_source_instance(
            named, combine_segments=True, assert_missing_frames_are_empty=True
        )
        np.testing.assert_array_equal(found > 0, wanted)
        volume = nibabel.load(folder / f"{one}.nii.gz")
        pixels = np.asarray(volume.dataobj)
        for place, mask in zip(own["image_position"].map(json.loads), wanted, strict=True):
            point = np.linalg.inv(volume.affine) @ [-place[0], -place[1], place[2], 1]
            np.testing.assert_allclose(point[:2], 0, atol=1e-3)
            np.testing.assert_array_equal(pixels[..., round(point[2])].T > 0, mask)
    assert shown == int(pd.read_parquet(_output(runs.whole, "penn/segmentations.parquet"))
                        .eval("tp + fp").sum())  # fmt: skip


def test_the_audit_says_what_it_is_and_judges_both_splits(runs: Runs) -> None:
    said = _json(runs.whole, "patch_split.json")
    assert "never quote them" in said["warning"] and 0 < said["patches"] <= 600
    assert said["folds"] == 2 and 0 < said["target_share"] < 1


def _weights(project: Path) -> dict[str, bytes]:
    folder = project / "data" / "06_models" / PENN
    models = {name: max((folder / name / "model").iterdir()) for name in LEARNERS}
    return {
        f"{name}/{file.name}": file.read_bytes()
        for name, model in models.items()
        for file in sorted(model.rglob("*.safetensors"))
    }


def _touched(project: Path) -> dict[str, int]:
    files = [*(project / "data" / "06_models" / PENN).rglob("work/*/fold*/weights.safetensors")]
    files += (project / "data" / "05_model_input" / PENN / "prepared").glob("*.npy")
    return {str(file): file.stat().st_mtime_ns for file in files}


def test_the_same_command_again_trains_nothing_and_agrees(runs: Runs) -> None:
    weights, touched = _weights(runs.whole), _touched(runs.whole)
    assert len(weights) == 2 * len(LEARNERS) and len(touched) >= 2 * len(LEARNERS) + 2
    kept = _outlines(runs.whole).index
    # Nor does another way of cleaning finished maps.
    other = f"--params={PENN}.recipe.postprocess.least_px=40"
    kedro_run(runs.whole, "--tags=ingestion,preprocessing,training", other, pipeline=PENN)
    assert _weights(runs.whole) == weights and _touched(runs.whole) == touched
    pd.testing.assert_frame_equal(_outlines(runs.whole).index, kept)


def test_one_cell_and_one_learner_run_alone_and_agree(runs: Runs) -> None:
    file = _report(runs.whole, "comparison.csv")
    compared = file.read_text()
    file.unlink()
    kedro_run(runs.whole, "--tags=evaluation", pipeline=PENN)
    assert file.read_text() == compared
    printed = kedro_run(runs.whole, f"--namespaces={PENN}.unet", pipeline=PENN)
    assert "Completed 2 out of 2 tasks" in printed  # train and outline


def test_a_patient_in_two_parts_stops_the_run_and_is_named(runs: Runs) -> None:
    patient = _input(runs.whole, "splits").iloc[0]["patient_id"]
    for fault, names in {
        "fitted": ("LeakFound", "fitted_apart_by_patient", "unet", patient),
        "split": ("splits", "fold: one fold a patient"),  # its table cannot even be read
    }.items():
        code, printed = runs.stopped[fault]
        flat = re.sub(r"\s+", " ", printed)
        assert code != 0 and all(name in flat for name in names), (fault, printed[-3000:])
        assert "Running node: evaluate_segmenters" not in printed


def test_slices_smaller_than_a_patch_stop_the_run_and_both_are_named(runs: Runs) -> None:
    code, printed = runs.stopped["patch"]
    flat = re.sub(r"\s+", " ", printed)
    assert code != 0
    assert "network.patch: 64 px found, at most size 48 px allowed" in flat


def test_a_cohort_without_a_drawn_target_stops_at_once(runs: Runs) -> None:
    code, printed = runs.stopped["no target"]
    flat = re.sub(r"\s+", " ", printed)
    assert code != 0 and "no mask shows 'tumour', the last of cohort.classes" in flat


def test_bad_masks_are_refused_one_by_one_and_counted(runs: Runs) -> None:
    refused = pd.read_csv(_report(runs.bad, "quarantine.csv"))
    codes = refused.loc[refused["code"].str.startswith("mask"), "code"].value_counts().to_dict()
    assert codes == {"mask_shape_mismatch": 1, "mask_unknown_values": 1, "mask_unreadable": 1}
    flow, prepared = _json(runs.bad, "cohort_flow.json"), _json(runs.bad, "preparation.json")
    assert flow["refused_annotations"] == codes
    # Seven slices of the patient without any, three whose masks were refused.
    assert flow["masks"]["without"] == 10 and prepared["left_out"] == {"it has no mask": 10}
    assert prepared["patients_left_out"] == 1
    samples = _input(runs.bad, "samples")
    assert len(samples) == flow["kept"] - 10 and samples["patient_id"].nunique() == 5
    page = re.sub(r"\s+", " ", _report(runs.bad, "report.html").read_text())
    assert "it has no mask" in page


def test_a_tumour_at_the_border_and_one_that_is_nowhere_are_judged(runs: Runs) -> None:
    archive, samples = _archive(runs.bad), _input(runs.bad, "samples")
    truth = {row.sample_id: archive.mask(row.archive_row) == 1 for row in samples.itertuples()}
    whole = {row.sample_id: archive.mask(row.archive_row).all() for row in samples.itertuples()}
    border = [truth[sample] for sample, filled in whole.items() if filled]
    # One drawn as a picture, one as whole numbers in a volume of floats, where axes are turned.
    assert len(border) == 2 and all(mask.sum() == 20 * 30 for mask in border)
    assert all(mask[[0, -1]].any() and mask[:, [0, -1]].any() for mask in border)
    own = samples.assign(shown=[mask.any() for mask in truth.values()])
    with_target = own.groupby("patient_id")["shown"].any()
    (empty,) = with_target.index[~with_target]
    for name in LEARNERS:
        slices = pd.read_parquet(_output(runs.bad, f"{name}/slice_scores.parquet"))
        counts = slices.set_index("sample_id")
        for sample, mask in truth.items():
            assert counts.loc[sample, ["tp", "fn"]].sum() == mask.sum()
        scored = pd.read_parquet(_output(runs.bad, f"{name}/segmentations.parquet"))
        alone = scored.set_index("patient_id").loc[empty]
        assert alone["tp"] == alone["fn"] == 0 and alone["empty"] in ("reference", "both")
    metrics = _json(runs.bad, "metrics.json")
    assert metrics["learners"]["unet"]["patient"]["n_patients"] == 5


def test_the_notebook_runs(runs: Runs) -> None:
    read_notebook(runs.whole, PENN)


def test_layers_and_units_run_as_a_report_of_their_own(runs: Runs) -> None:
    kedro_run(
        runs.whole, "--tags=training,evaluation,explainability,reporting", pipeline=f"{PENN}_grid"
    )
    names = {f"penn_{layers}x{nodes}" for layers in (1, 2, 3) for nodes in (50, 100, 200)}
    assert set(_json(runs.whole, "metrics.json", GRID)["learners"]) == names
    certificate = _json(runs.whole, "leak_certificate.json", GRID)
    assert certificate["passed"] and set(certificate["learners_checked"]) == names
    text = _report(runs.whole, "paper_tables.md", GRID).read_text()
    assert "Synthetic" in text and "layers" in text.lower()
    assert _json(runs.whole, "paper_figures.json", GRID)
    page = _report(runs.whole, "report.html", GRID).read_text()
    assert "Best outlines" not in page and not PSEUDONYM.search(page)
