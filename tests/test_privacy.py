"""Nothing that names a patient passes ingestion: canaries planted everywhere, and none found."""

import json
from pathlib import Path

import pandas as pd
import pydicom
from pydicom.dataset import Dataset

from osteon.cohorts.phantom.knee import KneePhantomConfig, write_knee_phantom
from tests.project import PAPER, kedro_run, make_project, params

CANARY = "Zanzibarowitz"
NUMBER = "77118822"
TEXTS = [
    "PatientName",
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "PatientAddress",
    "PatientComments",
    "MedicalRecordLocator",
    "InstitutionName",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "StationName",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "NameOfPhysiciansReadingStudy",
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "ImageComments",
    "AdmittingDiagnosesDescription",
    "AdditionalPatientHistory",
    "DeviceSerialNumber",
    "DetectorID",
    "ViewPosition",
    "BodyPartExamined",
    "ImageLaterality",
    "AccessionNumber",
    "StudyID",
    "PatientTelephoneNumbers",
]
SHORT = {"BodyPartExamined", "ViewPosition", "ImageLaterality", "AccessionNumber", "StudyID"}
UIDS = ["StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"]


def test_no_canary_survives(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    cohort = project / f"{CANARY}_{NUMBER}"
    cohort.mkdir()
    write_knee_phantom(cohort, KneePhantomConfig(patients=12, image_size=96, views_max=2))
    _plant(cohort)
    own = params(cohort__source="folder", cohort__path=cohort, cohort__extra_columns="ignore")
    printed = kedro_run(project, own)
    assert len(list((project / "data" / "06_models").rglob("model.json"))) == 9
    assert _canaries_in(printed.encode()) == []
    found = {
        str(file.relative_to(project)): _canaries_in(_content(file))
        for file in project.rglob("*")
        if file.is_file() and cohort not in file.parents and "01_raw" not in file.parts
    }
    assert {name: canaries for name, canaries in found.items() if canaries} == {}
    named = [str(file) for file in (project / "data").rglob(f"*{CANARY}*")]
    assert [name for name in named if "01_raw" not in name] == []
    linkage = project / "data" / "01_raw" / PAPER / "linkage" / "linkage.csv"
    assert CANARY in linkage.read_text()  # the way back exists, and only its owner may read it
    assert linkage.stat().st_mode & 0o077 == 0


def test_the_search_itself_would_find_a_canary(tmp_path: Path) -> None:
    pd.DataFrame({"a": [f"Dr {CANARY}"]}).to_parquet(tmp_path / "t.parquet")
    assert _canaries_in(_content(tmp_path / "t.parquet")) == [CANARY.encode()]


def _plant(cohort: Path) -> None:
    """Canaries in every identifying tag, folder, file name and table cell."""
    names: dict[str, str] = {}
    for number, file in enumerate(sorted((cohort / "dicom").rglob("*"))):
        if file.is_dir() or file.suffix == ".json":
            continue
        header = pydicom.dcmread(file)
        _plant_header(header, number)
        folder = cohort / f"{CANARY}_{NUMBER}"
        folder.mkdir(exist_ok=True)
        target = folder / f"{CANARY}-{number}.dcm"
        header.save_as(target, enforce_file_format=True)
        names[file.relative_to(cohort).as_posix()] = target.relative_to(cohort).as_posix()
        file.unlink()
    images = pd.read_csv(cohort / "images.csv")
    images["file"] = images["file"].map(names)
    patients = pd.read_csv(cohort / "patients.csv")
    for table in (images, patients):
        table["patient_id"] = [f"{CANARY}{NUMBER}{name}" for name in table["patient_id"]]
        table["remarks"] = f"{CANARY} {NUMBER}"
    patients["centre"] = f"{CANARY} Hospital"
    calls = patients[["patient_id"]].assign(reader=f"Dr {CANARY} {NUMBER}", with_age="no")
    calls.assign(call=patients["label"]).to_csv(cohort / "readers.csv", index=False)
    images.to_csv(cohort / "images.csv", index=False)
    patients.to_csv(cohort / "patients.csv", index=False)
    for file in (cohort / "dicom").rglob("*.json"):
        boxes = json.loads(file.read_text())
        boxes["imagePath"] = f"{CANARY}.dcm"
        boxes["shapes"][0]["label"] = f"{CANARY} {NUMBER}"
        file.write_text(json.dumps(boxes))
    (cohort / f"{CANARY}.txt").write_text(CANARY)  # quarantined: not an image


def _plant_header(header: Dataset, number: int) -> None:
    for tag in TEXTS:
        setattr(header, tag, CANARY.upper()[:16] if tag in SHORT else f"{CANARY} {NUMBER}")
    header.PatientID = f"{CANARY}{NUMBER}{number}"
    header.PatientBirthDate = "19771122"
    for tag in UIDS:
        setattr(header, tag, f"1.2.826.{NUMBER}.{number}")
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = (
        f"1.2.826.{NUMBER}.9.{number}"
    )
    request = Dataset()
    request.RequestedProcedureDescription = f"{CANARY} {NUMBER}"
    header.RequestAttributesSequence = [request]
    header.private_block(0x0011, f"{CANARY} PRIVATE", create=True).add_new(1, "LO", CANARY)


def _content(file: Path) -> bytes:
    """Bytes of a file; a table's are unpacked first, because Parquet compresses them."""
    if file.suffix == ".parquet":
        return pd.read_parquet(file).to_csv().encode() + file.read_bytes()
    return file.read_bytes()


def _canaries_in(content: bytes) -> list[bytes]:
    lowered = content.lower()
    return [c for c in (CANARY.encode(), NUMBER.encode(), b"19771122") if c.lower() in lowered]
