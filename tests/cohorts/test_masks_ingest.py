"""Segmentation cohorts: classes come from masks, whose values become indices of mask_classes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from osteon.cohorts.archive import Archive
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.cohorts.ingest import ingest
from osteon.cohorts.pseudonym import pseudonym
from osteon.cohorts.report import check_usable
from osteon.cohorts.tables import read_tables
from osteon.imaging.refusals import ADVICE
from tests.dicom_makers import knee, write
from tests.imaging.mask_makers import SAGITTAL, SPACE, nifti, seg

KEY = b"a key for the tests, not a secret"
MR = "1.2.840.10008.5.1.4.1.1.4"
SHAPE = (48, 40)
TRUTH = np.zeros(SHAPE, np.uint8)
TRUTH[10:20, 8:20], TRUTH[24:40, 8:20] = 1, 2


def config(root, **more) -> CohortConfig:
    given = {
        "source": "folder",
        "path": str(root),
        "labelled_by": "masks",
        "classes": ("other", "tumour"),
        "mask_classes": ("other", "tumour", "vertebra"),
        "modalities": ("MR",),
        "workers": 1,
    }
    return CohortConfig.model_validate(given | more)


def folder(tmp_path: Path, patients: str = "patient_id,age\nA1,30\nB2,40\n") -> Path:
    root = tmp_path / "cohort"
    root.mkdir()
    (root / "patients.csv").write_text(patients)
    return root


def run(root: Path, tmp_path: Path, **more) -> Archive:
    place, private = tmp_path / "archive", tmp_path / "private"
    place.mkdir()
    private.mkdir()
    ingest(root, config(root, **more), KEY, place, private)
    return Archive(place)


def mask_png(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels.astype(np.uint8)).save(path)


def picture(root: Path, name: str, seed: int) -> None:
    mask_png(root / name, knee(seed) // 16)


def of_patient(archive: Archive, patient: str) -> list[int]:
    index = archive.index
    return index.index[index["patient_id"] == pseudonym(KEY, patient)].tolist()


def test_no_label_is_needed_and_masks_become_classes(tmp_path):
    root = folder(tmp_path)
    for number, name in enumerate(("A1_1", "A1_2", "B2_1")):
        picture(root, f"{name}.png", number)
    mask_png(root / "masks" / "A1_1.png", np.select([TRUTH == 1, TRUTH == 2], [255, 7]))
    mask_png(root / "masks" / "A1_2_mask.png", TRUTH * 0)
    archive = run(root, tmp_path, mask_values={"255": "tumour", "5-9": "vertebra"})
    assert archive.quarantine.empty and len(archive) == 3
    assert set(archive.patients["label"]) == {"tumour"}
    first, second = of_patient(archive, "A1")
    np.testing.assert_array_equal(archive.mask(first), TRUTH)
    assert archive.mask(second) is not None and not archive.mask(second).any()
    assert archive.mask(of_patient(archive, "B2")[0]) is None
    assert archive.flow["masks"] == {
        "with": 2,
        "without": 1,
        "images": {"other": 2, "tumour": 1, "vertebra": 1},
    }
    assert any(note.startswith("1 images have no label map") for note in archive.flow["notes"])
    check_usable(archive.flow, config(root))


def test_a_mask_of_unknown_values_is_refused_alone(tmp_path):
    root = folder(tmp_path)
    picture(root, "A1_1.png", 1)
    picture(root, "B2_1.png", 2)
    mask_png(root / "masks" / "A1_1.png", TRUTH * 40)
    mask_png(root / "masks" / "B2_1.png", TRUTH)
    archive = run(root, tmp_path)
    assert len(archive) == 2 and archive.mask(of_patient(archive, "A1")[0]) is None
    row = archive.quarantine.iloc[0]
    assert row["code"] == "mask_unknown_values"
    assert row["reason"] == "the mask holds 40, 80; known are 0, 1, 2"
    assert "mask_values" in row["advice"]
    assert archive.flow["refused_annotations"] == {"mask_unknown_values": 1}


def test_without_mask_classes_values_stay_as_they_are(tmp_path):
    root = folder(tmp_path, "patient_id,label\nA1,tumour\nB2,other\n")
    picture(root, "A1_1.png", 1)
    picture(root, "B2_1.png", 2)
    mask_png(root / "masks" / "A1_1.png", TRUTH * 40)
    archive = run(root, tmp_path, labelled_by="patients", mask_classes=())
    np.testing.assert_array_equal(archive.mask(of_patient(archive, "A1")[0]), TRUTH * 40)
    assert "masks" not in archive.flow


def test_a_cohort_whose_masks_show_no_target_stops(tmp_path):
    root = folder(tmp_path)
    picture(root, "A1_1.png", 1)
    picture(root, "B2_1.png", 2)
    mask_png(root / "masks" / "A1_1.png", (TRUTH == 2) * 2)
    mask_png(root / "masks" / "B2_1.png", TRUTH[:9])
    archive = run(root, tmp_path)
    message = (
        "no mask shows 'tumour', the last of cohort.classes: 1 of 2 images have a mask, "
        "masks refused: mask_shape_mismatch 1"
    )
    with pytest.raises(CohortError, match=message):
        check_usable(archive.flow, config(root))


def test_a_label_column_may_leave_patients_out_and_may_be_empty(tmp_path):
    root = folder(tmp_path, "patient_id,label\nA1,\nB2,tumour\nC3,no consent\n")
    tables = read_tables(root, config(root, labels={"no consent": None}))
    assert tables.patients["label"].tolist() == ["tumour", "tumour"]
    assert tables.excluded == {"C3"}
    with pytest.raises(CohortError, match="row 4, column 'label': not a known label"):
        read_tables(root, config(root))


def test_a_cohort_labelled_by_patients_still_needs_the_column(tmp_path):
    root = folder(tmp_path)
    with pytest.raises(CohortError, match="no column 'label'"):
        read_tables(root, config(root, labelled_by="patients"))


def test_a_split_must_be_whole_without_labels_too(tmp_path):
    root = folder(tmp_path, "patient_id,split\nA1,train\nB2,\n")
    with pytest.raises(CohortError, match="row 3, column 'split': is empty while other"):
        read_tables(root, config(root))


def test_one_table_without_a_label_column(tmp_path):
    root = folder(tmp_path, "patient_id,file\nA1,x.png\nB2,y.png\n")
    picture(root, "x.png", 1)
    picture(root, "y.png", 2)
    tables = read_tables(root, config(root, tables={"images": "patients.csv"}))
    assert tables.patients["label"].tolist() == ["tumour", "tumour"]
    assert tables.files["patient_id"].tolist() == ["A1", "B2"]


def outline(label: str, low: int) -> dict:
    points = [[4, low], [20, low], [20, low + 9], [4, low + 9]]
    return {"label": label, "shape_type": "polygon", "points": points}


def test_outlines_are_filled_with_the_class_they_name(tmp_path):
    root = folder(tmp_path)
    for name, labels in (("A1_1", ("tumour", "vertebra")), ("B2_1", ("tumour", "Dr Who"))):
        picture(root, f"{name}.png", len(name))
        shapes = [outline(label, 5 + 20 * n) for n, label in enumerate(labels)]
        (root / f"{name}.json").write_text(json.dumps({"shapes": shapes}))
    mask_png(root / "B2_1.png", knee(9) // 16)
    archive = run(root, tmp_path)
    drawn = archive.mask(of_patient(archive, "A1")[0])
    assert (drawn[8, 10], drawn[28, 10], drawn[45, 30]) == (1, 2, 0)
    assert archive.mask(of_patient(archive, "B2")[0]) is None
    row = archive.quarantine.iloc[0]
    assert row["code"] == "mask_unknown_values" and "Who" not in row["reason"]


def series(root: Path, count: int = 4) -> list[str]:
    """A sagittal series of A1, file names in no order; returns its SOP Instance UIDs."""
    uids = [f"1.2.3.{number}" for number in range(count)]
    for number, uid in enumerate(uids):
        write(
            root / "s" / f"IM{(7 * number) % 10}",
            knee(number),
            SOPClassUID=MR,
            SOPInstanceUID=uid,
            SeriesInstanceUID="1.2.3",
            FrameOfReferenceUID=SPACE,
            Modality="MR",
            PatientID="A1",
            ImagePositionPatient=[3.0 * number, 0, 0],
            ImageOrientationPatient=list(SAGITTAL),
            PixelSpacing=[0.5, 0.5],
        )
    return uids


def named_for_all(root: Path, mask: str) -> None:
    names = sorted(path.name for path in (root / "s").iterdir())
    rows = "".join(f"s/{name},A1,{mask}\n" for name in names)
    (root / "images.csv").write_text("file,patient_id,mask\n" + rows)


def by_place(archive: Archive) -> list[int]:
    """Rows from the patient's right to the left."""
    places = [json.loads(text)[0] for text in archive.index["image_position"]]
    return np.argsort(places).tolist()


def test_one_segmentation_is_the_mask_of_every_slice_of_its_series(tmp_path):
    root = folder(tmp_path)
    uids = series(root)
    frames = np.stack([TRUTH == 1, TRUTH == 2, TRUTH == 1])
    places = [(3.0, 0, 0), (3.0, 0, 0), (6.0, 0, 0)]
    segments, sources = [1, 2, 1], [uids[1], uids[1], uids[2]]
    seg(root / "masks" / "s.dcm", frames, places, segments, sources, referenced=uids)
    named_for_all(root, "masks/s.dcm")
    archive = run(root, tmp_path)
    assert archive.quarantine.empty and archive.flow["masks"]["with"] == 4
    rows = by_place(archive)
    shown = [archive.mask(row) for row in rows]
    for found, expected in zip(shown, [TRUTH * 0, TRUTH, TRUTH == 1, TRUTH * 0], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_segmentation_of_another_series_is_refused_once(tmp_path):
    root = folder(tmp_path)
    series(root)
    frames = np.stack([TRUTH == 1])
    seg(root / "masks" / "s.dcm", frames, [(100.5, 9, 9)], [1], ["9.9"], referenced=["9.9"])
    named_for_all(root, "masks/s.dcm")
    archive = run(root, tmp_path)
    assert archive.flow["refused_annotations"] == {"mask_geometry_mismatch": 1}
    assert len(archive) == 4 and archive.flow["masks"]["without"] == 4
    assert archive.quarantine["file_id"].tolist() == [pseudonym(KEY, "masks/s.dcm", "F")]


def test_a_nifti_volume_is_the_mask_of_every_slice_of_a_series(tmp_path):
    root = folder(tmp_path)
    series(root)
    volume = np.zeros((4, 40, 48), np.uint8)  # right, anterior, superior
    volume[2] = TRUTH[::-1, ::-1].T
    affine = np.array([[-3.0, 0, 0, 0], [0, 0.5, 0, -19.5], [0, 0, 0.5, -23.5], [0, 0, 0, 1]])
    nifti(root / "masks" / "s.nii.gz", volume, affine)
    named_for_all(root, "masks/s.nii.gz")
    archive = run(root, tmp_path)
    assert archive.quarantine.empty
    rows = by_place(archive)
    assert [bool(archive.mask(row).any()) for row in rows] == [False, False, True, False]
    np.testing.assert_array_equal(archive.mask(rows[2]), TRUTH)


def test_a_nifti_volume_is_a_series_of_slices_with_places(tmp_path):
    root = folder(tmp_path)
    rng = np.random.default_rng(1)
    data = rng.random((5, 40, 48)).astype(np.float32)
    data[1, 3, 3] = np.nan
    labels = np.zeros(data.shape, np.float32)
    labels[3, 10:20, 10:20] = 1.0
    affine = np.diag([3.0, 0.5, 0.5, 1.0])
    nifti(root / "A1.nii.gz", data, affine)
    nifti(root / "masks" / "A1.nii.gz", labels, affine)
    nifti(root / "B2.nii.gz", data + 1, affine)
    moved = affine.copy()
    moved[:3, 3] = 1.5
    nifti(root / "masks" / "B2.nii.gz", labels, moved)
    archive = run(root, tmp_path)
    index = archive.index
    assert index.groupby("series_id").size().tolist() == [5, 5]
    for _, rows in index.groupby("series_id"):
        order = rows.sort_values("slice")["image_position"].map(lambda text: json.loads(text)[0])
        assert sorted(rows["slice"]) == [1, 2, 3, 4, 5] and np.all(np.abs(np.diff(order)) == 3)
    assert set(index["view"]) == {"SAGITTAL"} and "" not in set(index["image_orientation"])
    assert archive.flow["masks"]["images"] == {"other": 5, "tumour": 1, "vertebra": 0}
    assert archive.quarantine["code"].tolist() == ["mask_geometry_mismatch"]
    assert any(note.startswith("2 images hold pixels that are") for note in archive.flow["notes"])


def test_the_images_table_says_how_a_volume_is_cut(tmp_path):
    root = folder(tmp_path)
    rng = np.random.default_rng(1)
    nifti(root / "a.nii", rng.random((30, 40, 48)).astype(np.float32), np.eye(4))
    (root / "images.csv").write_text("file,patient_id,view\na.nii,A1,SAGITTAL\n")
    index = run(root, tmp_path).index
    assert len(index) == 30 and set(index["view"]) == {"SAGITTAL"}
    assert (index["rows"][0], index["columns"][0]) == (48, 40)


DOCS = Path(__file__).resolve().parents[2] / "docs" / "cohort.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


def test_the_examples_of_the_documentation_are_read(tmp_path):
    given = [yaml.safe_load(text).get("spinal_penn") for text in blocks("yaml")]
    found = [CohortConfig.model_validate(one["cohort"]) for one in given if one]
    assert [one.source for one in found] == ["folder", "vertebral_bodies"]
    patients, images = blocks("csv")[-2:]
    root = tmp_path / "cohort"
    root.mkdir()
    (root / "patients.csv").write_text(patients)
    (root / "images.csv").write_text(images)
    for line in images.splitlines()[1:]:
        file, _, _, mask = line.split(",")
        for name in (file, mask):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(b"x")
    tables = read_tables(root, found[0])
    assert tables.files["mask"].notna().all() and len(tables.files) == 4
    assert set(tables.patients["label"]) == {"tumour"} and tables.refused.empty


def test_every_refusal_is_documented():
    text = DOCS.read_text(encoding="utf-8")
    assert [code for code in ADVICE if f"`{code}`" not in text] == []
