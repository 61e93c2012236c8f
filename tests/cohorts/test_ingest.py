"""Ingestion end to end on small folders written here."""

import csv
import json
import logging
import os
import pickle
import shutil
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless, RLELossless

from osteon.cohorts.archive import INDEX, Archive
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.cohorts.ingest import fingerprint, ingest
from osteon.cohorts.pseudonym import pseudonym
from osteon.cohorts.report import check_usable
from osteon.imaging.decode import load_display
from osteon.imaging.refusals import ADVICE
from tests.dicom_makers import knee, write

KEY = b"a key for the tests, not a secret"
PATIENTS = (
    "patient_id,label,age,sex,centre\nA1,osteosarcoma,15,M,North Clinic\nB2,non_tumour,40,F,\n"
)


def folder_of(tmp_path: Path, patients: str = PATIENTS) -> Path:
    root = tmp_path / "cohort"
    root.mkdir(exist_ok=True)
    (root / "patients.csv").write_text(patients, encoding="utf-8")
    return root


def minimal(tmp_path: Path) -> Path:
    root = folder_of(tmp_path)
    write(root / "x" / "a.dcm", knee(1), PatientID="A1")
    write(root / "x" / "b.dcm", knee(2), PatientID="B2")
    return root


def run(root: Path, tmp_path: Path, name: str = "archive", **settings) -> Archive:
    folder, private = tmp_path / name, tmp_path / f"{name}-private"
    folder.mkdir()
    private.mkdir()
    config = CohortConfig(source="folder", path=str(root), **({"workers": 1} | settings))
    ingest(root, config, KEY, folder, private)
    return Archive(folder)


def codes(archive: Archive) -> list[str]:
    return sorted(archive.quarantine["code"])


def test_kept_files_are_in_the_archive_as_the_decoder_gives_them(tmp_path):
    root = minimal(tmp_path)
    archive = run(root, tmp_path)
    assert len(archive) == 2 and archive.quarantine.empty
    for row, name in enumerate(("a", "b")):
        expected = load_display(root / "x" / f"{name}.dcm", max_side=1024)
        found = archive.pixels(row)
        np.testing.assert_array_equal(found, expected)
        assert not found.flags.writeable
    assert list(archive.index.columns) == list(INDEX)
    assert archive.index["patient_id"].tolist() == [pseudonym(KEY, name) for name in ("A1", "B2")]
    assert archive.index["sample_id"].tolist() == [pseudonym(KEY, n) + "-000" for n in ("A1", "B2")]
    assert archive.patients["centre"].tolist()[0] == "C1"
    flow = archive.flow
    assert (flow["received"], flow["read"], flow["kept"], flow["images"]) == (2, 2, 2, 2)
    assert flow["patients"] == {"listed": 2, "with_images": 2, "without_images": 0}
    again = pickle.loads(pickle.dumps(archive))  # noqa: S301 - our own object, in this process
    np.testing.assert_array_equal(again.pixels(1), archive.pixels(1))


def test_linkage_is_private_and_complete(tmp_path):
    root = minimal(tmp_path)
    (root / "empty.dcm").touch()
    archive = run(root, tmp_path)
    path = tmp_path / "archive-private" / "linkage.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(newline="", encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"empty.dcm", "x/a.dcm", "x/b.dcm"}
    assert rows["x/a.dcm"]["patient_id"] == "A1"
    assert rows["x/a.dcm"]["pseudonym"] == archive.index["patient_id"][0]
    assert rows["empty.dcm"]["file_id"] == archive.quarantine["file_id"][0]


def test_same_bytes_whatever_the_workers(tmp_path):
    root = folder_of(tmp_path)
    for number in range(20):
        patient = ("A1", "B2")[number % 2]
        write(root / f"{number:02d}.dcm", knee(number), RLELossless, PatientID=patient)
    (root / "bad.dcm").write_text("no image")
    for workers in (1, 2):
        run(root, tmp_path, f"w{workers}", workers=workers)
    one, two = tmp_path / "w1", tmp_path / "w2"
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in two.iterdir()) and len(names) > 5
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("A1/IM0001", "A1"),
        ("deep/A1/series/IM0001.dcm", "A1"),
        ("x/A1.dcm", "A1"),
        ("x/A1_2.dcm", "A1"),
        ("x/A1-left_3.dcm", "A1"),
    ],
)
def test_patient_from_a_name_when_the_header_says_none(tmp_path, name, patient):
    root = minimal(tmp_path)
    write(root / name, knee(7))
    archive = run(root, tmp_path)
    assert archive.flow["kept"] == 3 and "name" in " ".join(archive.flow["notes"])
    assert (archive.index["patient_id"] == pseudonym(KEY, patient)).sum() == 2


def test_table_wins_over_an_unlisted_header_and_header_over_folder(tmp_path):
    root = minimal(tmp_path)
    write(root / "B2" / "c.dcm", knee(3), PatientID="A1")
    write(root / "d.dcm", knee(4), PatientID="an unlisted number")
    (root / "images.csv").write_text("file,patient_id\nd.dcm,A1\n")
    archive = run(root, tmp_path)
    assert (archive.index["patient_id"] == pseudonym(KEY, "A1")).sum() == 3


def test_patients_that_nobody_knows(tmp_path):
    root = minimal(tmp_path)
    write(root / "c.dcm", knee(3), PatientID="Z9")
    write(root / "d.dcm", knee(4))
    archive = run(root, tmp_path)
    assert codes(archive) == ["no_patient", "not_in_patients_csv"]
    assert archive.quarantine["patient_id"].isna().all()


def test_modalities(tmp_path):
    root = minimal(tmp_path)
    write(root / "mr.dcm", knee(3), PatientID="A1", Modality="MR")
    write(root / "xa.dcm", knee(4), PatientID="A1", Modality="XA")
    write(root / "ot.dcm", knee(5), PatientID="A1", Modality="OT")
    write(root / "vouched.dcm", knee(6), PatientID="A1", Modality="OT")
    write(root / "cr.dcm", knee(8), PatientID="A1", Modality="CR")
    (root / "images.csv").write_text("file,patient_id,sequence\nvouched.dcm,A1,XR\n")
    archive = run(root, tmp_path)
    assert codes(archive) == ["wrong_modality"] * 3
    assert archive.flow["kept"] == 4 and set(archive.index["modality"]) == {"XR"}
    both = run(root, tmp_path, "both", modalities=("XR", "MR"))
    assert sorted(both.index["modality"]) == ["MR", "XR", "XR", "XR", "XR"]


def test_localizer_of_a_series(tmp_path):
    root = minimal(tmp_path)
    scout = {"Modality": "MR", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    write(root / "c.dcm", knee(3), PatientID="A1", **scout)
    assert codes(run(root, tmp_path, modalities=("XR", "MR"))) == ["localizer"]


def test_slices_of_a_series_are_numbered_along_the_normal(tmp_path):
    root = minimal(tmp_path)
    for place, z in enumerate((20.0, 0.0, 10.0, 40.0)):
        write(
            root / f"mr{place}.dcm",
            knee(10 + place),
            PatientID="A1",
            Modality="MR",
            SeriesInstanceUID="1.2.3",
            ImagePositionPatient=[0, 0, z],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            InstanceNumber=place,
        )
    archive = run(root, tmp_path, modalities=("XR", "MR"))
    slices = archive.index.loc[archive.index["modality"] == "MR", "slice"]
    assert slices.tolist() == [3, 1, 2, 4]
    assert "1 series: gaps between slices" in archive.flow["notes"]
    assert archive.index.loc[archive.index["modality"] == "XR", "slice"].isna().all()


def test_duplicates(tmp_path):
    root = minimal(tmp_path)
    shutil.copy(root / "x" / "a.dcm", root / "y.dcm")  # same object
    write(root / "z.dcm", knee(1), PatientID="A1")  # another object, same pixels
    write(root / "zz.dcm", knee(1), PatientID="B2")  # another patient: not ours to judge
    archive = run(root, tmp_path)
    assert codes(archive) == ["duplicate_pixels", "duplicate_sop"]
    assert archive.flow["kept"] == 3 and archive.flow["read"] == 5


def test_bad_files_are_one_quarantine_row_each_and_counted(tmp_path):
    root = minimal(tmp_path)
    (root / "empty.dcm").touch()
    (root / "text.dcm").write_text("nothing")
    good = write(root / "cut.dcm", knee(4), PatientID="A1")
    good.write_bytes(good.read_bytes()[:-500])
    write(root / "huge.dcm", knee(5), PatientID="A1", Rows=60000, Columns=60000)
    write(root / "report.dcm", knee(5), PatientID="A1", Modality="SR")
    (root / "images.csv").write_text("file,patient_id\nabsent.dcm,A1\n")
    archive = run(root, tmp_path)
    expected = ["empty_file", "missing_file", "not_dicom", "too_large", "truncated"]
    assert codes(archive) == [*expected, "wrong_modality"]
    flow = archive.flow
    assert flow["received"] == flow["kept"] + sum(flow["refused"].values()) == 8
    assert flow["classes"]["osteosarcoma"]["refused"]["truncated"] == 1
    for row in archive.quarantine.itertuples():
        assert row.advice == ADVICE[row.code] and row.reason


def test_frames_of_a_file_that_fails_half_way_leave_nothing(tmp_path):
    root = minimal(tmp_path)
    stack = np.stack([knee(seed) for seed in range(10, 14)])
    path = write(root / "a.dcm", stack, JPEG2000Lossless, PatientID="A1")
    data = bytearray(path.read_bytes())
    last = data.rfind(b"\xfe\xff\x00\xe0")  # the item of the last frame
    data[last + 8 : last + 60] = bytes(52)
    path.write_bytes(data)
    archive = run(root, tmp_path)
    assert codes(archive) == ["decode_failed"] and len(archive) == 2
    kept = sum(archive.pixels(row).nbytes for row in range(2))
    assert (tmp_path / "archive" / "pixels-0000.bin").stat().st_size <= kept + 64


def test_masks_and_boxes_follow_the_kept_size(tmp_path):
    root = minimal(tmp_path)
    write(root / "c.dcm", knee(3, (200, 100)), PatientID="A1", PixelSpacing=[0.5, 0.5])
    mask = np.zeros((200, 100), np.uint8)
    mask[100:, 50:] = 2
    (root / "masks").mkdir()
    Image.fromarray(mask).save(root / "masks" / "c.png")
    (root / "c.json").write_text(labelme(100, 200, [[10, 20], [50, 80]]))
    archive = run(root, tmp_path, max_side=100)
    assert archive.quarantine.empty
    row = int(archive.index.index[archive.index["mask_shard"] >= 0][0])
    assert archive.pixels(row).shape == (100, 50)
    expected = np.zeros((100, 50), np.uint8)
    expected[50:, 25:] = 2
    np.testing.assert_array_equal(archive.mask(row), expected)
    assert archive.boxes(row) == [[5.0, 10.0, 25.0, 40.0, "lesion"]]
    assert json.loads(archive.index["pixel_spacing_mm"][row]) == [1.0, 1.0]
    assert archive.mask(1 - row if row < 2 else 0) is None


def labelme(width: int, height: int, points: list[list[float]]) -> str:
    shape = {"label": "lesion", "points": points, "shape_type": "rectangle", "flags": {}}
    return json.dumps(
        {"version": "5.4.1", "shapes": [shape], "imageWidth": width, "imageHeight": height}
    )


def test_bad_mask_or_box_refuses_itself_and_keeps_the_image(tmp_path):
    root = minimal(tmp_path)
    (root / "masks" / "x").mkdir(parents=True)
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(root / "masks" / "x" / "a.png")
    (root / "masks" / "x" / "b.png").write_text("no picture")
    (root / "x" / "a.json").write_text(labelme(40, 48, [[10, 20], [500, 800]]))
    (root / "x" / "b.json").write_text("{")
    archive = run(root, tmp_path)
    expected = ["box_outside_image", "boxes_unreadable", "mask_shape_mismatch", "mask_unreadable"]
    assert codes(archive) == expected
    assert archive.flow["kept"] == 2 and archive.flow["refused"] == {}
    assert archive.flow["refused_annotations"] == dict.fromkeys(expected, 1)


def test_single_shapes_are_refused_and_polygons_boxed_with_a_note(tmp_path):
    root = minimal(tmp_path)
    drawing = json.loads(labelme(40, 48, [[10, 20], [30, 40]]))
    beyond = {**drawing["shapes"][0], "points": [[10, 20], [500, 800]]}
    flat = {**drawing["shapes"][0], "points": [[10, 20], [10, 40]]}
    outline = {"label": "osteosarcoma", "points": [[1, 1], [5, 1], [3, 6]]}
    drawing["shapes"] += [beyond, flat, outline]
    (root / "x" / "a.json").write_text(json.dumps(drawing))
    archive = run(root, tmp_path)
    assert archive.boxes(0) == [[10, 20, 30, 40, "lesion"], [1, 1, 5, 6, "osteosarcoma"]]
    assert codes(archive) == ["box_outside_image", "boxes_unreadable"]
    assert archive.flow["refused_annotations"] == {"box_outside_image": 1, "boxes_unreadable": 1}
    assert "1 polygons without a rectangle were boxed" in archive.flow["notes"]


def test_boxes_of_a_missing_slice_are_counted_apart_from_files(tmp_path):
    root = minimal(tmp_path)
    (root / "x" / "gone.json").write_text(labelme(40, 48, [[10, 20], [30, 40]]))
    (root / "x" / "a.json").write_text('{"RepetitionTime": 4}')  # a converter's sidecar
    (root / "dataset_description.json").write_text('{"Name": "cohort"}')
    archive = run(root, tmp_path)
    assert codes(archive) == ["boxes_without_image"]
    assert archive.quarantine["advice"][0] == ADVICE["boxes_without_image"]
    flow = archive.flow
    assert flow["refused_annotations"] == {"boxes_without_image": 1} and flow["notes"] == []
    assert flow["received"] == flow["kept"] == 2 and flow["refused"] == {}


def test_a_sidecar_that_a_table_calls_boxes_is_refused(tmp_path):
    root = minimal(tmp_path)
    (root / "x" / "a.json").write_text('{"RepetitionTime": 4}')
    (root / "images.csv").write_text("file,patient_id,boxes\nx/a.dcm,A1,x/a.json\n")
    assert codes(run(root, tmp_path)) == ["boxes_unreadable"]


def test_burned_in_text(tmp_path):
    root = minimal(tmp_path)
    write(root / "c.dcm", knee(3), PatientID="A1", BurnedInAnnotation="YES")
    warned = run(root, tmp_path, "warn")
    assert warned.flow["burned_in_text_suspected"] == 1 and len(warned) == 3
    assert warned.index["burned_in_text"].sum() == 1
    refused = run(root, tmp_path, "quarantine", burned_in_text="quarantine")
    assert codes(refused) == ["burned_in_text_suspected"]
    ignored = run(root, tmp_path, "ignore", burned_in_text="ignore")
    assert not ignored.index["burned_in_text"].any()


def test_cohorts_that_cannot_be_used_stop_with_the_reason(tmp_path):
    root = folder_of(tmp_path)
    (root / "a.dcm").touch()
    archive = run(root, tmp_path, "none")
    with pytest.raises(CohortError, match=r"no usable patient.*empty_file 1"):
        check_usable(archive.flow, CohortConfig())
    assert len(pd.read_parquet(tmp_path / "none" / "quarantine.parquet")) == 1
    write(root / "b.dcm", knee(1), PatientID="A1")
    archive = run(root, tmp_path, "one")
    with pytest.raises(CohortError, match=r"one class only.*osteosarcoma.*non_tumour"):
        check_usable(archive.flow, CohortConfig())


def test_a_path_that_speaks_of_two_patients_decides_nothing(tmp_path):
    root = folder_of(tmp_path, "patient_id,label\n17,osteosarcoma\n1,non_tumour\n2,non_tumour\n")
    for seed, name in enumerate(("17/1/a.png", "17/2/b.png", "17/series/c.png", "1/d.png")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(knee(seed).astype(np.uint8)).save(root / name)
    archive = run(root, tmp_path)
    assert codes(archive) == ["no_patient", "no_patient"]
    assert len(archive) == 2


def test_a_table_and_a_header_that_contradict_each_other_are_refused(tmp_path):
    root = minimal(tmp_path)
    write(root / "c.dcm", knee(3), PatientID="A1")
    (root / "images.csv").write_text("file,patient_id\nc.dcm,B2\n")
    assert "patient_conflict" in codes(run(root, tmp_path))


def test_patients_left_out_on_purpose_are_not_quarantined(tmp_path):
    text = PATIENTS + "C3,other,,,\n"
    root = folder_of(tmp_path, text)
    for seed, name in enumerate(("A1", "B2", "C3")):
        write(root / f"{name}.dcm", knee(seed), PatientID=name)
    labels = {"osteosarcoma": "osteosarcoma", "non_tumour": "non_tumour", "other": None}
    archive = run(root, tmp_path, labels=labels)
    assert archive.quarantine.empty
    assert archive.flow["left_out"] == 1 and archive.flow["kept"] == 2


CANARY = "Kanarienvogel"


def identifying(number: int) -> dict[str, object]:
    """A canary in every element that identifies, free text and UIDs included."""
    word = f"{CANARY}{number}"
    texts = (
        "PatientName PatientBirthName OtherPatientIDs PatientMotherBirthName AccessionNumber "
        "InstitutionName InstitutionAddress InstitutionalDepartmentName StationName StudyID "
        "ReferringPhysicianName PerformingPhysicianName NameOfPhysiciansReadingStudy OperatorsName "
        "RequestingPhysician PatientAddress PatientTelephoneNumbers MilitaryRank PatientComments "
        "StudyDescription SeriesDescription ProtocolName ImageComments AdditionalPatientHistory "
        "DeviceSerialNumber RequestedProcedureDescription DerivationDescription Occupation "
        "ViewPosition BodyPartExamined ImageLaterality"
    )
    uids = {
        name: f"1.2.826.777555333.{number}.{place}"
        for place, name in enumerate(
            ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
        )
    }
    return dict.fromkeys(texts.split(), word) | uids | {"PatientBirthDate": "19130507"}


def test_nothing_identifying_is_written_or_logged(tmp_path, caplog, capfd):
    ids = [f"{CANARY}-id-{n}" for n in range(3)]
    rows = [
        f"{ids[0]},osteosarcoma,{CANARY} clinic",
        f"{ids[1]},non_tumour,",
        f"{ids[2]},non_tumour,",
    ]
    root = folder_of(tmp_path, "patient_id,label,centre\n" + "\n".join(rows) + "\n")
    for n, name in enumerate(ids):
        elements = identifying(n) | {"PatientID": name}
        path = write(root / f"{CANARY}_folder" / f"{CANARY}_{n}.dcm", knee(n), **elements)
    made = identifying(9) | {"PatientID": f"{CANARY}-id-unlisted"}
    write(root / f"{CANARY}_u.dcm", knee(9), **made)
    write(root / f"{CANARY}_w.dcm", knee(8), **(made | {"Modality": CANARY[:12].upper()}))
    data = path.read_bytes()
    for end in (len(data) - 100, 700, 300, 135):
        (root / f"{CANARY}_{end}.dcm").write_bytes(data[:end])
    (root / f"{CANARY}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + CANARY.encode())
    (root / "masks" / f"{CANARY}_folder").mkdir(parents=True)
    (root / "masks" / f"{CANARY}_folder" / f"{CANARY}_0.png").write_text(CANARY)
    (root / f"{CANARY}_folder" / f"{CANARY}_1.json").write_text(f'{{"shapes": "{CANARY}"}}')
    caplog.clear()
    capfd.readouterr()
    with caplog.at_level(logging.DEBUG):
        archive = run(root, tmp_path)
    assert archive.flow["kept"] == 3 and len(archive.quarantine) >= 8
    forbidden = [CANARY.lower(), "777555333", "19130507"]
    streams = capfd.readouterr()
    said = caplog.text + streams.out + streams.err
    for path in archive.folder.rglob("*"):
        assert CANARY.lower() not in path.name.lower()
        said += path.read_bytes().decode("latin-1")
    said += archive.index.to_csv() + archive.patients.to_csv() + archive.quarantine.to_csv()
    for word in forbidden:
        assert word not in said.lower()


def test_fingerprint_follows_files_tables_and_settings(tmp_path):
    root = minimal(tmp_path)
    config = CohortConfig(source="folder", path=str(root))
    first = fingerprint(root, config, KEY)
    assert first == fingerprint(root, config, KEY)
    assert first == fingerprint(root, config.model_copy(update={"workers": 7}), KEY)
    assert first != fingerprint(root, config.model_copy(update={"max_side": 512}), KEY)
    assert first != fingerprint(root, config, b"another key of some length......")
    path = root / "x" / "a.dcm"
    before = path.stat()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert first != fingerprint(root, config, KEY)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert first == fingerprint(root, config, KEY)
    (root / "x" / "c.dcm").touch()
    assert first != fingerprint(root, config, KEY)


def test_fingerprint_sees_a_table_of_equal_size_and_time(tmp_path):
    root = minimal(tmp_path)
    config = CohortConfig(source="folder", path=str(root))
    table = root / "patients.csv"
    before, first = table.stat(), fingerprint(root, config, KEY)
    table.write_text(table.read_text().replace("15", "16"))
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert first != fingerprint(root, config, KEY)


def test_every_real_conformance_file_passes_through_ingestion(real_data, tmp_path):
    root = folder_of(tmp_path, "patient_id,label\nA1,osteosarcoma\nB2,non_tumour\n")
    for name in ("A1", "B2"):
        write(root / name / "own.dcm", knee(len(name)), PatientID=name)
    write(root / "B2" / "own2.dcm", knee(77), PatientID="B2")
    shutil.copytree(real_data / "dicom_conformance", root / "A1" / "real")
    (root / "A1" / "real" / "inventory.csv").unlink()
    archive = run(root, tmp_path, modalities=("XR", "CT", "MR"))
    flow = archive.flow
    assert flow["received"] == flow["kept"] + sum(flow["refused"].values())
    assert flow["kept"] > 30 and flow["refused"]["wrong_modality"] > 50
    # one slice in nine files: the same object, kept once
    assert flow["refused"]["duplicate_sop"] + flow["refused"].get("duplicate_pixels", 0) >= 8
