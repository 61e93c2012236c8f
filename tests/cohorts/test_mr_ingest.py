"""MR series through ingestion: sequence and plane from headers, tables and configuration."""

from pathlib import Path
from typing import Any

import pytest

from osteon.cohorts.archive import Archive
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.ingest import ingest
from osteon.imaging.refusals import ADVICE
from tests.dicom_makers import knee, write

KEY = b"a key for the tests, not a secret"
MR = "1.2.840.10008.5.1.4.1.1.4"
SAGITTAL, CORONAL = [0, 1, 0, 0, 0, -1], [1, 0, 0, 0, 0, -1]
CANARY = "Kanarienvogel"
T2 = {"RepetitionTime": "4000", "EchoTime": "90", "ScanningSequence": ["SE"]}


def mr(path: Path, patient: str, seed: int, **changes: Any) -> Path:
    """A sagittal T2WI slice at x = seed; `changes` are tags, None leaves one out."""
    tags = {
        "SOPClassUID": MR,
        "Modality": "MR",
        "PatientID": patient,
        "ImageOrientationPatient": SAGITTAL,
        "ImagePositionPatient": [seed, 0, 0],
        "SeriesDescription": f"{CANARY} t2_tse_sag",
        "ProtocolName": f"Wirbel {CANARY}",
        **T2,
        **changes,
    }
    return write(path, knee(seed), **{k: v for k, v in tags.items() if v is not None})


def cohort(tmp_path: Path) -> Path:
    """One T2WI slice of each of two patients."""
    root = tmp_path / "cohort"
    root.mkdir()
    (root / "patients.csv").write_text("patient_id,label\nA1,benign\nB2,malignant\n")
    mr(root / "a0.dcm", "A1", 1, SeriesInstanceUID="1.2.9")
    mr(root / "b0.dcm", "B2", 2, SeriesInstanceUID="1.2.8")
    return root


def run(root: Path, tmp_path: Path, name: str = "archive", **settings: Any) -> Archive:
    folder, private = tmp_path / name, tmp_path / f"{name}-private"
    folder.mkdir()
    private.mkdir()
    chosen = {"workers": 1, "modalities": ("MR",), "classes": ("benign", "malignant")} | settings
    config = CohortConfig.model_validate({"source": "folder", "path": str(root), **chosen})
    ingest(root, config, KEY, folder, private)
    archive = Archive(folder)
    flow = archive.flow
    assert flow["received"] == flow["kept"] + flow["left_out"] + sum(flow["refused"].values())
    for row in archive.quarantine.itertuples():
        assert row.advice == ADVICE[row.code] and row.reason
    return archive


def by_file(archive: Archive, column: str) -> list[str]:
    """Values in the order of the files' names."""
    return archive.index[column].tolist()


def test_header_words_and_times_name_the_sequence_and_the_plane(tmp_path):
    root = cohort(tmp_path)
    plain = {"SeriesDescription": "sag", "ProtocolName": None}
    mr(root / "c.dcm", "A1", 3, ScanOptions=["FS"])
    mr(root / "d.dcm", "A1", 4, **plain, RepetitionTime="500", EchoTime="12")
    mr(root / "e.dcm", "A1", 5, **plain, RepetitionTime="3000", EchoTime="20")
    mr(root / "f.dcm", "A1", 6, ImageOrientationPatient=CORONAL)
    mr(root / "g.dcm", "A1", 7, ImageOrientationPatient=None)
    archive = run(root, tmp_path)
    expected = ["T2WI", "T2WI", "FS-T2WI", "T1WI", "", "T2WI", "T2WI"]
    assert by_file(archive, "sequence") == expected
    assert by_file(archive, "view") == ["SAGITTAL"] * 5 + ["CORONAL", ""]
    notes = [note for note in archive.flow["notes"] if "which sequence" in note]
    assert len(notes) == 1 and notes[0].startswith("1 MR images")


def test_the_images_table_wins_and_its_mr_names_a_modality_only(tmp_path):
    root = cohort(tmp_path)
    mr(root / "c.dcm", "A1", 3)
    rows = "a0.dcm,A1,T1WI,sagittal\nb0.dcm,B2,MR,\nc.dcm,A1,,coronal\n"
    (root / "images.csv").write_text("file,patient_id,sequence,view\n" + rows)
    archive = run(root, tmp_path, sequences={"t2": "FS-T2WI"})
    assert by_file(archive, "sequence") == ["T1WI", "FS-T2WI", "FS-T2WI"]
    assert by_file(archive, "view") == ["sagittal", "SAGITTAL", "coronal"]
    bare = {"RepetitionTime": None, "SeriesDescription": "", "ProtocolName": ""}
    mr(root / "b0.dcm", "B2", 2, **bare)
    assert by_file(run(root, tmp_path, "second"), "sequence") == ["T1WI", "MR", "T2WI"]


def test_values_of_the_images_table_are_mapped_as_before(tmp_path):
    root = cohort(tmp_path)
    rows = "a0.dcm,A1,STIR\nb0.dcm,B2,?\n"
    (root / "images.csv").write_text("file,patient_id,sequence\n" + rows)
    values = {"sequence": {"STIR": "FS-T2WI", "?": None}}
    assert by_file(run(root, tmp_path, values=values), "sequence") == ["FS-T2WI", "T2WI"]


def test_own_words_of_a_description_win_over_the_header(tmp_path):
    root = cohort(tmp_path)
    mr(root / "c.dcm", "A1", 3, SeriesDescription="Fettunterdrueckt", ProtocolName="x")
    mr(root / "d.dcm", "A1", 4, SeriesDescription="x", ProtocolName="Fettunterdrueckt neu")
    archive = run(root, tmp_path, sequences={"fettunter": "FS-T2WI", "fett*": "T1WI"})
    assert by_file(archive, "sequence") == ["T2WI", "T2WI", "FS-T2WI", "FS-T2WI"]


def test_series_left_out_are_refused_with_advice(tmp_path):
    root = cohort(tmp_path)
    mr(root / "c.dcm", "A1", 3, SeriesDescription="t2 Planung")
    mr(root / "d.dcm", "A1", 4, SeriesDescription="t2 Planung")
    (root / "images.csv").write_text("file,patient_id,sequence\nd.dcm,A1,T2WI\n")
    archive = run(root, tmp_path, sequences={"planung": None})
    assert archive.quarantine["code"].tolist() == ["sequence_left_out"]
    assert archive.flow["classes"]["benign"]["refused"] == {"sequence_left_out": 1}
    assert by_file(archive, "sequence") == ["T2WI"] * 3


def test_other_modalities_do_not_know_sequences_of_mr(tmp_path):
    root = cohort(tmp_path)
    write(root / "x.dcm", knee(9), PatientID="A1", SeriesDescription="t2 sag")
    archive = run(root, tmp_path, modalities=("MR", "XR"), sequences={"*": "T1WI"})
    assert by_file(archive, "sequence") == ["T1WI", "T1WI", "XR"]
    assert by_file(archive, "view") == ["SAGITTAL", "SAGITTAL", ""]


def test_a_series_of_two_sequences_and_a_wrong_claim_are_noted(tmp_path):
    root = cohort(tmp_path)
    bare = {"SeriesInstanceUID": "1.2.5", "SeriesDescription": "", "ProtocolName": ""}
    for number, te in enumerate(("20", "90")):
        mr(root / f"c{number}.dcm", "A1", 3 + number, EchoTime=te, **bare)
    (root / "images.csv").write_text("file,patient_id,view\nc0.dcm,A1,axial\nc1.dcm,A1,axial\n")
    notes = run(root, tmp_path).flow["notes"]
    assert "1 series: slices of more than one sequence" in notes
    assert "1 series: claimed axial, but the slices are sagittal" in notes


def test_a_plane_by_the_header_is_no_claim(tmp_path):
    root = cohort(tmp_path)
    lean = [0.64, 0.768, 0, 0, 0, -1]  # 40 degrees: SAGITTAL as a word, oblique as a geometry
    for number in range(3):
        place = [0.768 * 4 * number, -0.64 * 4 * number, 0]
        tags = {"ImageOrientationPatient": lean, "ImagePositionPatient": place}
        mr(root / f"c{number}.dcm", "A1", 3 + number, SeriesInstanceUID="1.2.5", **tags)
    archive = run(root, tmp_path)
    assert by_file(archive, "view") == ["SAGITTAL"] * 5 and archive.flow["notes"] == []


@pytest.mark.parametrize("sequences", [{}, {"kanarien": "T1WI"}, {"kanarien": None}])
def test_a_description_never_leaves_the_door(tmp_path, caplog, capfd, sequences):
    root = cohort(tmp_path)
    archive = run(root, tmp_path, sequences=sequences)
    streams = capfd.readouterr()
    said = caplog.text + streams.out + streams.err
    for path in [*archive.folder.rglob("*"), *(tmp_path / "archive-private").rglob("*")]:
        said += path.read_bytes().decode("latin-1")
    for table in (archive.index, archive.patients, archive.quarantine, archive.readers):
        said += table.to_csv()
    assert CANARY.lower() not in said.lower() and "tse" not in archive.index.to_csv()
