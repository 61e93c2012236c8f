"""The table of doctors' calls: checks, mapping, pseudonyms."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.cohorts.archive import Archive
from osteon.cohorts.config import READER_COLUMNS, CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.cohorts.ingest import fingerprint, ingest
from osteon.cohorts.pseudonym import pseudonym
from osteon.cohorts.tables import read_tables
from tests.dicom_makers import knee, write

KEY = b"a key for the tests, not a secret"
CANARY = "Kanarienvogel"
PATIENTS = "patient_id,label\nA1,benign\nB2,malignant\n"
HEADER = "reader,patient_id,call,with_age\n"
FULL = (
    "reader,role,experience_years,patient_id,call,with_age,seconds\n"
    "Dr Weber,radiologist,18,A1,benign,no,35.5\n"
    "Dr Abel,,,A1,malignant,no,\n"
    "Dr Weber,,,B2,malignant,yes,12\n"
    "Dr Abel,spine surgeon,8,B2,benign,yes,0\n"
)


def config(**more):
    given = {"source": "folder", "path": "given", "classes": ("benign", "malignant")}
    return CohortConfig.model_validate({**given, **more})


def cohort(root: Path, readers: str | None = FULL, patients: str = PATIENTS) -> Path:
    (root / "patients.csv").write_text(patients)
    if readers is not None:
        (root / "readers.csv").write_text(readers)
    return root


def fails(root: Path, **more) -> str:
    with pytest.raises(CohortError) as error:
        read_tables(root, config(**more))
    return str(error.value)


def test_calls_are_read_and_facts_of_a_reader_hold_for_all_rows(tmp_path):
    found = read_tables(cohort(tmp_path), config()).readers
    assert tuple(found.columns) == READER_COLUMNS
    assert found["reader"].tolist() == ["R1", "R2", "R1", "R2"]  # by first appearance
    assert found["role"].tolist() == ["radiologist", "spine surgeon"] * 2
    assert found["experience_years"].tolist() == [18.0, 8.0] * 2
    assert found["patient_id"].tolist() == ["A1", "A1", "B2", "B2"]
    assert found["call"].tolist() == ["benign", "malignant", "malignant", "benign"]
    assert found["with_age"].tolist() == [False, False, True, True]
    assert found["seconds"].isna().tolist() == [False, True, False, False]
    assert found["with_age"].dtype == bool and found["seconds"].dtype == "float64"


def test_optional_columns_and_the_table_itself_may_be_absent(tmp_path):
    found = read_tables(cohort(tmp_path, HEADER + "x,A1,benign,no\n"), config()).readers
    assert found["role"].isna().all() and found["experience_years"].isna().all()
    (tmp_path / "readers.csv").unlink()
    found = read_tables(tmp_path, config()).readers
    assert tuple(found.columns) == READER_COLUMNS and found.empty
    assert found["with_age"].dtype == bool
    assert "no such file" in fails(tmp_path, tables={"readers": "doctors.csv"})
    (tmp_path / "readers.csv").write_text("rubbish")
    assert read_tables(tmp_path, config(tables={"readers": None})).readers.empty


def test_the_table_is_no_candidate_image(tmp_path):
    assert read_tables(cohort(tmp_path), config()).files.empty


def test_own_columns_words_and_labels(tmp_path):
    text = "arzt;case;urteil;alter\nx;A1;gut;1\nx;A1;boese;0\n"
    patients = "case,dx\nA1,gut\nB2,boese\n"
    columns = {
        "patient_id": "case",
        "label": "dx",
        "reader": "arzt",
        "call": "urteil",
        "with_age": "alter",
    }
    found = read_tables(
        cohort(tmp_path, text, patients),
        config(
            columns=columns,
            labels={"gut": "benign", "boese": "malignant"},
            values={"with_age": {"1": "yes", "0": "no"}},
        ),
    ).readers
    assert found["call"].tolist() == ["benign", "malignant"]
    assert found["with_age"].tolist() == [True, False]
    (tmp_path / "readers.csv").write_text(HEADER + "x,A1,B,no\n")
    mapped = config(columns={"patient_id": "case", "label": "dx"}, values={"call": {"B": "benign"}})
    (tmp_path / "patients.csv").write_text("case,dx\nA1,benign\n")
    assert read_tables(tmp_path, mapped).readers["call"].tolist() == ["benign"]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("x,C3,benign,no\n", "row 2, column 'patient_id': not a patient of the patients table"),
        ("x,,benign,no\n", "row 2, column 'patient_id': is empty"),
        (",A1,benign,no\n", "row 2, column 'reader': is empty"),
        ("x,A1,bening,no\n", "row 2, column 'call': not a known class (did you mean 'benign'?)"),
        ("x,A1,cyst,no\n", "allowed: 'benign', 'malignant'"),
        ("x,A1,,no\n", "row 2, column 'call': is empty"),
        ("x,A1,benign,\n", "row 2, column 'with_age': is empty; allowed: 'yes', 'no'"),
        ("x,A1,benign,maybe\n", "row 2, column 'with_age': not an allowed value"),
        (
            "x,A1,benign,no\ny,A1,benign,no\nx,A1,malignant,no\n",
            "row 4, column 'patient_id': the reader of row 2 calls this patient again",
        ),
    ],
)
def test_bad_rows_are_named(tmp_path, rows, says):
    message = fails(cohort(tmp_path, HEADER + rows))
    assert message.startswith("readers.csv: 1 problem\n") and says in message
    assert "C3" not in message and "cyst" not in message


@pytest.mark.parametrize(
    ("column", "cells", "says"),
    [
        ("seconds", ("-1", ""), "row 2, column 'seconds': found -1, allowed is 0 or more"),
        ("seconds", ("soon", ""), "row 2, column 'seconds': not a number"),
        ("experience_years", ("81", ""), "row 2, column 'experience_years': found 81"),
        ("experience_years", ("8", "9"), "row 3, column 'experience_years': differs from row 2"),
        ("role", ("surgeon", "radiologist"), "row 3, column 'role': differs from row 2"),
        ("role", ("born 1970-01-01", ""), "row 2, column 'role': free text"),
    ],
)
def test_bad_optional_cells_are_named(tmp_path, column, cells, says):
    text = HEADER.strip() + f",{column}\nx,A1,benign,no,{cells[0]}\nx,B2,benign,no,{cells[1]}\n"
    assert says in fails(cohort(tmp_path, text))


def test_both_modes_of_one_patient_are_two_calls(tmp_path):
    text = HEADER + "x,A1,benign,no\nx,A1,malignant,yes\n"
    assert len(read_tables(cohort(tmp_path, text), config()).readers) == 2


def test_a_missing_column_names_the_table(tmp_path):
    message = fails(cohort(tmp_path, "reader,patient_id,call\nx,A1,benign\n"))
    assert message.startswith("readers.csv: 1 missing column(s)\n  no column 'with_age'")
    message = fails(cohort(tmp_path, HEADER.strip() + ",mood\nx,A1,benign,no,bad\n"))
    assert "1 unknown column(s)" in message and "'mood'" in message


def test_calls_of_patients_left_out_are_counted_and_calls_mapped_to_null_refused(tmp_path):
    text = HEADER + "x,A1,benign,no\nx,C3,benign,no\n"
    left = config(labels={"unclear": None})
    tables = read_tables(cohort(tmp_path, text, PATIENTS + "C3,unclear\n"), left)
    assert tables.readers["patient_id"].tolist() == ["A1"]
    assert any(note.startswith("1 readers' calls of patients who") for note in tables.notes)
    (tmp_path / "readers.csv").write_text(HEADER + "x,A1,unclear,no\n")
    message = fails(tmp_path, labels={"unclear": None})
    assert "maps it to null, and a call without a class cannot be scored" in message


def ingested(root: Path, tmp_path: Path) -> Archive:
    folder, private = tmp_path / "archive", tmp_path / "private"
    folder.mkdir()
    private.mkdir()
    ingest(root, config(path=str(root), workers=1), KEY, folder, private)
    return Archive(folder)


def with_images(tmp_path: Path, readers: str | None) -> Path:
    root = tmp_path / "cohort"
    root.mkdir()
    for seed, name in enumerate(("A1", "B2")):
        write(root / f"{name}.dcm", knee(seed), PatientID=name)
    return cohort(root, readers)


def test_the_archive_holds_pseudonyms_and_no_name(tmp_path):
    archive = ingested(with_images(tmp_path, FULL.replace("Weber", CANARY)), tmp_path)
    found = archive.readers
    assert found["patient_id"].tolist() == [
        pseudonym(KEY, name) for name in ("A1", "A1", "B2", "B2")
    ]
    assert set(found["patient_id"]) == set(archive.patients["patient_id"])
    assert found["reader"].tolist() == ["R1", "R2", "R1", "R2"]
    for path in [*archive.folder.rglob("*"), *(tmp_path / "private").rglob("*")]:
        assert CANARY.encode() not in path.read_bytes()
    assert CANARY not in found.to_csv() and "Abel" not in found.to_csv()


def test_an_archive_without_readers_has_an_empty_table(tmp_path):
    found = ingested(with_images(tmp_path, None), tmp_path).readers
    assert tuple(found.columns) == READER_COLUMNS and found.empty


def test_the_fingerprint_sees_the_readers(tmp_path):
    root = with_images(tmp_path, FULL)
    (root / "more").mkdir()
    (root / "readers.csv").rename(root / "more" / "calls.csv")
    own = config(path=str(root), tables={"readers": "more/calls.csv"})
    before = fingerprint(root, own, KEY)
    table = root / "more" / "calls.csv"
    stat = table.stat()
    table.write_text(FULL.replace("35.5", "35.6"))
    os.utime(table, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert fingerprint(root, own, KEY) != before


CELLS = st.lists(
    st.sampled_from(["x", "y", "A1", "B2", "benign", "yes", "no", "-1", ""]), min_size=4
)


@settings(max_examples=40, deadline=None)
@given(st.lists(CELLS, max_size=6))
def test_any_rows_give_a_table_or_an_error(rows):
    with tempfile.TemporaryDirectory() as name:
        text = HEADER + "\n".join(",".join(row[:4]) for row in rows)
        try:
            found = read_tables(cohort(Path(name), text), config()).readers
        except CohortError:
            return
        assert len(found) == len(rows) and set(found["call"]) <= {"benign", "malignant"}
        assert not found.duplicated(["reader", "patient_id", "with_age"]).any()
