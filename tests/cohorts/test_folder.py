"""A user's folder: mappings, bad cells, paths that try to leave, files and companions."""

import os
import tempfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.cohorts.config import IMAGE_COLUMNS, PATIENT_COLUMNS, CohortConfig
from osteon.cohorts.scan import inside
from osteon.cohorts.tables import CohortError, read_tables

ROOT = Path(__file__).resolve().parents[2]
GOOD = "patient_id,label,age,sex\nA1,osteosarcoma,14,F\nB2,non_tumour,40,M\n"


def config(**more):
    return CohortConfig.model_validate({"source": "folder", "path": "given", **more})


def cohort(root, patients=GOOD, images=None, files=()):
    if patients is not None:
        data = patients if isinstance(patients, bytes) else patients.encode()
        (root / "patients.csv").write_bytes(data)
    if images is not None:
        (root / "images.csv").write_text(images)
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"x")
    return root


def fails(root, **more):
    with pytest.raises(CohortError) as error:
        read_tables(root, config(**more))
    return str(error.value)


def test_a_plain_folder(tmp_path):
    files = ["x/IM1", "x/b.dcm", "DICOMDIR", ".DS_Store", "x/Thumbs.db"]
    tables = read_tables(cohort(tmp_path, files=files), config())
    assert tuple(tables.patients.columns) == PATIENT_COLUMNS
    assert tuple(tables.files.columns) == IMAGE_COLUMNS
    assert tables.patients["label"].tolist() == ["osteosarcoma", "non_tumour"]
    assert tables.patients["age"].tolist() == [14.0, 40.0]
    assert tables.patients["alp"].isna().all() and tables.patients["site"].isna().all()
    assert tables.files["file"].tolist() == ["x/IM1", "x/b.dcm"]
    assert tables.files["patient_id"].isna().all()
    assert tables.refused.empty


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_encodings_and_delimiters(tmp_path, encoding, delimiter):
    text = "patient_id,label,site\nÄ1,osteosarcoma,fémur\n".replace(",", delimiter)
    tables = read_tables(cohort(tmp_path, text.encode(encoding)), config())
    assert tables.patients[["patient_id", "site"]].iloc[0].tolist() == ["Ä1", "fémur"]


def test_decimal_comma_where_cells_are_parted_by_semicolons(tmp_path):
    tables = read_tables(cohort(tmp_path, "patient_id;label;age\nA;osteosarcoma;12,5\n"), config())
    assert tables.patients["age"].tolist() == [12.5]
    assert "not a number" in fails(cohort(tmp_path, "patient_id;label;alp\nA;osteosarcoma;1,234\n"))


@pytest.mark.parametrize(
    "text",
    [
        "patient_id,label,note\nA,osteosarcoma,pasted\rtext\nB,non_tumour,\n",
        "patient_id,label,note\r\nA,osteosarcoma,x\r\nB,non_tumour,\r\n",
        "patient_id,label,note\rA,osteosarcoma,x\rB,non_tumour,\r",
    ],
)
def test_line_ends_and_a_carriage_return_pasted_into_a_cell(tmp_path, text):
    tables = read_tables(cohort(tmp_path, text), config(extra_columns="ignore"))
    assert tables.patients["patient_id"].tolist() == ["A", "B"]


def test_xlsx(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["patient_id", "label", "age"])
    book.active.append([101, "osteosarcoma", 14.5])
    book.save(tmp_path / "cohort.xlsx")
    tables = read_tables(tmp_path, config(tables={"patients": "cohort.xlsx"}))
    assert tables.patients[["patient_id", "age"]].iloc[0].tolist() == ["101", 14.5]
    (tmp_path / "cohort.xlsx").write_bytes(b"PK\x03\x04 broken")
    assert "XLSX" in fails(tmp_path, tables={"patients": "cohort.xlsx"})


def test_not_utf_8_names_file_and_byte(tmp_path):
    text = GOOD.encode() + b"C3,osteosarcoma,20,\xe4\n"
    message = fails(cohort(tmp_path, text))
    assert f"patients.csv: not UTF-8 at byte offset {text.index(0xE4)}" in message


def test_columns_labels_and_values_are_mapped(tmp_path):
    text = "case,diagnosis,gender,age\n1,OS,female,0\n2,meniscus,,30\n3,unclear,male,9\n"
    tables = read_tables(
        cohort(tmp_path, text, files=["a/1"]),
        config(
            columns={"patient_id": "case", "label": "diagnosis", "sex": "gender"},
            labels={"OS": "osteosarcoma", "meniscus": "non_tumour", "unclear": None},
            values={"sex": {"female": "F", "male": "M"}, "age": {"0": None}},
        ),
    )
    assert tables.patients["label"].tolist() == ["osteosarcoma", "non_tumour"]
    assert tables.patients["sex"].tolist() == ["F", "unknown"]
    assert pd.isna(tables.patients["age"][0])
    assert tables.excluded == {"3"}
    assert any("1 patients are left out on purpose" in note for note in tables.notes)


@pytest.mark.parametrize(
    ("header", "more", "says"),
    [
        ("patient_id,lable", {}, ["no column 'label'", "did you mean 'lable'", "found:"]),
        ("patient_id,label,weight", {}, ["column 3, 'weight'", "allowed:", "extra_columns"]),
        ("patient_id,label,agee", {}, ["did you mean 'age'"]),
        ("patient_id,label,label", {}, ["repeats the name"]),
        ("patient_id,label", {"columns": {"sex": "gender"}}, ["maps sex to 'gender'"]),
        ("patient_id,label", {"columns": {"label": "diagnosis"}}, ["no column 'diagnosis'"]),
        ("Smith,osteosarcoma", {}, ["none of the expected columns"]),
    ],
)
def test_a_wrong_column_is_named(tmp_path, header, more, says):
    width = header.count(",") + 1
    message = fails(cohort(tmp_path, f"{header}\n" + ",".join(["A"] * width) + "\n"), **more)
    assert "patients.csv" in message or "cohort.columns" in message
    assert all(part in message for part in says), message
    assert "Smith" not in message


def test_extra_columns_may_be_left_unread(tmp_path):
    text = "patient_id,label,name\nA,osteosarcoma,Smith\n"
    tables = read_tables(cohort(tmp_path, text), config(extra_columns="ignore"))
    assert "Smith" not in tables.patients.to_csv()


@pytest.mark.parametrize(
    ("columns", "row", "says"),
    [
        ("age", "-3", "found -3, allowed is 0 to 120"),
        ("age", "121", "found 121"),
        ("age", "19800211", "allowed is 0 to 120"),
        ("age", "nan", "not a finite number"),
        ("age", "inf", "not a finite number"),
        ("age", "twelve", "not a number"),
        ("age", "1_0", "not a number"),
        ("sex", "female", "allowed: 'F', 'M', 'unknown'"),
        ("alp", "-1", "found -1"),
        ("alp", "high", "not a number"),
        ("alp,alp_low,alp_high", "80,125,45", "reversed or empty range"),
        ("alp,alp_low,alp_high", "80,45,45", "reversed or empty range"),
        ("ldh,ldh_low,ldh_high", "80,120,", "no ldh_high"),
        ("ldh,ldh_low,ldh_high", "80,,250", "no ldh_low"),
        ("split", "validation", "allowed: 'train', 'test'"),
        ("site", "seen 2019-10-02 by a colleague", "free text"),
        ("site", "x" * 65, "free text"),
        ("site", "a@b.org", "free text"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_column(tmp_path, columns, row, says):
    empty = "," * columns.count(",")
    text = f"patient_id,label,{columns}\nA,osteosarcoma,{empty}\nB,non_tumour,{row}\n"
    message = fails(cohort(tmp_path, text))
    assert "patients.csv: 1 problem" in message
    assert "row 3, column '" in message and says in message
    if len(row) > 5:
        assert row not in message


@pytest.mark.parametrize(
    ("label", "says"), [("osteosarkoma", "mean 'osteosarcoma'"), ("", "is empty")]
)
def test_an_unknown_label_is_named_by_row_with_the_allowed(tmp_path, label, says):
    message = fails(cohort(tmp_path, GOOD + f"C3,{label},1,F\n"), labels={"OS": "osteosarcoma"})
    assert "row 4, column 'label'" in message and says in message
    assert "allowed: 'OS', 'non_tumour', 'osteosarcoma'" in message


def test_a_repeated_and_an_absent_patient(tmp_path):
    message = fails(cohort(tmp_path, GOOD + "A1,osteosarcoma,14,F\n,non_tumour,1,F\n"))
    assert "row 4, column 'patient_id': the patient of row 2 again" in message
    assert "row 5, column 'patient_id': is empty" in message
    assert "A1" not in message


def test_all_problems_of_a_table_come_at_once(tmp_path):
    rows = "".join(f"P{n},nonsense,-1,X\n" for n in range(10))
    message = fails(cohort(tmp_path, "patient_id,label,age,sex\n" + rows))
    assert "30 problems" in message and "and 10 more" in message


def test_a_value_without_a_range_is_refused_or_on_request_allowed_and_said(tmp_path):
    text = "patient_id,label,alp\nA,osteosarcoma,80\nB,non_tumour,\n"
    assert "row 2, column 'alp_low'" in fails(cohort(tmp_path, text))
    tables = read_tables(tmp_path, config(missing_range="fallback"))
    assert any(note.startswith("1 of 1 ALP values have no reference") for note in tables.notes)


def test_rows_longer_than_the_header_and_open_quotes(tmp_path):
    assert "row 2: has 3 cells" in fails(cohort(tmp_path, "patient_id,label\nA,B,C\n"))
    assert "row 2 cannot be split" in fails(cohort(tmp_path, 'patient_id,label\nA,"B\n'))
    assert "no rows" in fails(cohort(tmp_path, "patient_id,label\n"))
    assert "first row is empty" in fails(cohort(tmp_path, ""))


def test_no_table_no_folder(tmp_path):
    assert "patients.csv: no such file" in fails(tmp_path)
    assert "no such folder" in fails(tmp_path / "absent")


# ---- images.csv -----------------------------------------------------------------------------


def test_images_are_matched_by_path_or_unique_name(tmp_path):
    images = (
        "file,patient_id,sequence,view,slice\na/x.png,A1,XR,AP,\ny.png,B2,CT,,3\nb\\z.png,,,,\n"
    )
    tables = read_tables(
        cohort(tmp_path, images=images, files=["a/x.png", "b/y.png", "b/z.png", "c/w.png"]),
        config(),
    )
    files = tables.files.set_index("file")
    assert files.loc["a/x.png", ["patient_id", "sequence", "view"]].tolist() == ["A1", "XR", "AP"]
    assert files.loc["b/y.png", "slice"] == 3
    assert files.loc["b/z.png":, "patient_id"].isna().all()
    assert "c/w.png" in files.index  # not listed, still a candidate


def test_absent_files_and_unknown_patients_are_refused_rows(tmp_path):
    images = "file,patient_id\nx.png,A1\ngone.png,A1\ny.png,nobody\n"
    tables = read_tables(cohort(tmp_path, images=images, files=["x.png", "y.png"]), config())
    assert tables.files["file"].tolist() == ["x.png"]
    refused = tables.refused.set_index("file")["code"].to_dict()
    assert refused == {"gone.png": "missing_file", "y.png": "not_in_patients_csv"}
    assert not tables.refused["reason"].str.contains("nobody|gone|y.png").any()


@pytest.mark.parametrize(
    "path", ["../x.png", "a/../../x.png", "/etc/passwd", "C:\\x.png", "..\\x.png", "\\\\h\\x", "."]
)
def test_a_path_cannot_leave_the_folder(tmp_path, path):
    root = tmp_path / "cohort"
    root.mkdir()
    (tmp_path / "x.png").write_bytes(b"x")
    message = fails(cohort(root, images=f"file,patient_id\n{path},A1\n"))
    assert "images.csv" in message and "row 2, column 'file'" in message
    assert "passwd" not in message


@pytest.mark.parametrize("column", ["mask", "boxes"])
def test_a_mask_or_box_path_cannot_leave_either(tmp_path, column):
    root = tmp_path / "cohort"
    root.mkdir()
    images = f"file,patient_id,{column}\nx.png,A1,../y.png\n"
    assert f"column '{column}'" in fails(cohort(root, images=images, files=["x.png"]))


def test_a_link_that_leaves_the_folder_is_an_error(tmp_path):
    root = tmp_path / "cohort"
    root.mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x.png").write_bytes(b"x")
    cohort(root)
    for target in (tmp_path / "secret", tmp_path / "secret" / "x.png"):
        (root / "link").symlink_to(target)
        assert "symbolic link" in fails(root)
        (root / "link").unlink()


def test_links_inside_pipes_and_broken_links(tmp_path):
    cohort(tmp_path, images="file,patient_id\nlink/x.png,A1\n", files=["a/x.png"])
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "broken").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    tables = read_tables(tmp_path, config())
    assert tables.files[["file", "patient_id"]].to_numpy().tolist() == [["a/x.png", "A1"]]
    assert tables.refused["file"].tolist() == ["broken", "pipe"]


def test_an_ambiguous_name_and_a_repeated_file(tmp_path):
    images = "file,patient_id\nx.png,A1\na/x.png,A1\na/x.png,B2\n"
    message = fails(cohort(tmp_path, images=images, files=["a/x.png", "b/x.png"]))
    assert "row 2, column 'file': is a bare name that 2 files have" in message
    assert "row 4, column 'file': the file of row 3 again" in message


@pytest.mark.parametrize(
    ("column", "cell"), [("sequence", "T3"), ("slice", "1.5"), ("slice", "-1")]
)
def test_bad_image_cells(tmp_path, column, cell):
    images = f"file,patient_id,{column}\nx.png,A1,{cell}\n"
    assert f"row 2, column '{column}'" in fails(cohort(tmp_path, images=images, files=["x.png"]))


def test_a_patient_in_both_parts_is_an_error(tmp_path):
    images = "file,patient_id,split\nx.png,A1,train\ny.png,A1,test\n"
    message = fails(cohort(tmp_path, images=images, files=["x.png", "y.png"]))
    assert "row 3, column 'split': differs from row 2" in message
    patients = "patient_id,label,split\nA1,osteosarcoma,train\n"
    images = "file,patient_id,split\nx.png,A1,test\n"
    message = fails(cohort(tmp_path, patients, images, ["x.png"]))
    assert "differs from row 2 of patients.csv" in message


def test_a_fixed_split_is_whole(tmp_path):
    text = "patient_id,label,split\nA,osteosarcoma,train\nB,non_tumour,\n"
    assert "row 3, column 'split': is empty while" in fails(cohort(tmp_path, text))


def test_one_table_for_both(tmp_path):
    same = {"patients": "patients.csv", "images": "patients.csv"}
    text = "patient_id,label,age,file\nA,osteosarcoma,14,x.png\nA,osteosarcoma,,y.png\n"
    tables = read_tables(cohort(tmp_path, text, files=["x.png", "y.png"]), config(tables=same))
    assert len(tables.patients) == 1 and tables.patients["age"].tolist() == [14.0]
    assert tables.files["patient_id"].tolist() == ["A", "A"]
    text = text.replace(",,y", ",15,y")
    assert "row 3, column 'age': differs from row 2" in fails(cohort(tmp_path, text), tables=same)


def test_a_left_out_patients_files_stay_candidates(tmp_path):
    tables = read_tables(
        cohort(tmp_path, images="file,patient_id\nx.png,B2\n", files=["x.png"]),
        config(labels={"non_tumour": None}),
    )
    assert tables.excluded == {"B2"}
    assert tables.files["patient_id"].tolist() == ["B2"]
    assert tables.refused.empty


# ---- LabelMe files and masks ----------------------------------------------------------------


def test_companions_are_matched_by_name(tmp_path):
    files = [
        *("a/x.png", "a/x.json", "b/1.2.840.113", "annotations/b/1.2.840.113.json"),
        *("c/u.dcm", "Annotations/u.json", "masks/a/x.png", "masks/u_mask.nii.gz"),
        *("d/t.png", "e/t.png", "annotations/t.json", "lonely.json"),
    ]
    cohort(tmp_path, files=files)
    for name in ("lonely.json", "annotations/t.json"):
        (tmp_path / name).write_text('{"shapes": []}')
    tables = read_tables(tmp_path, config())
    found = tables.files.set_index("file")
    assert found["boxes"].dropna().to_dict() == {
        "a/x.png": "a/x.json",
        "b/1.2.840.113": "annotations/b/1.2.840.113.json",
        "c/u.dcm": "Annotations/u.json",
    }
    assert found["mask"].dropna().to_dict() == {
        "a/x.png": "masks/a/x.png",
        "c/u.dcm": "masks/u_mask.nii.gz",
    }
    assert tables.refused[["file", "code"]].to_numpy().tolist() == [
        ["lonely.json", "boxes_without_image"]
    ]
    assert any("1 LabelMe files match several" in note for note in tables.notes)


@pytest.mark.parametrize(
    ("content", "counts"),
    [
        ('{"shapes": [], "imagePath": "x.png"}', True),
        ('{"imageData": "AAAA", "shapes": []}', True),
        ('{"version": "5.4.1", "shapes": [', True),  # cut off
        ('{"RepetitionTime": 4}', False),  # a converter's sidecar
        ('{"categories": [], "images": [{"shapes": 1}]}', False),
        ('[{"shapes": []}]', False),
        ("", False),
        ("no JSON", False),
    ],
)
def test_only_labelme_files_are_missed_an_image(tmp_path, content, counts):
    cohort(tmp_path, files=["a/x.png"])
    (tmp_path / "a" / "y.json").write_text(content)
    tables = read_tables(tmp_path, config())
    assert tables.refused["code"].tolist() == ["boxes_without_image"] * counts
    assert tables.notes == () and tables.files["boxes"].isna().all()


def test_companions_named_in_the_table(tmp_path):
    images = "file,patient_id,mask,boxes\nx.png,A1,seg/m.png,b.json\ny.png,A1,gone.png,\n"
    files = ["x.png", "y.png", "seg/m.png", "other/b.json"]
    tables = read_tables(cohort(tmp_path, images=images, files=files), config())
    found = tables.files.set_index("file")
    assert list(found.index) == ["x.png", "y.png"]
    assert found.loc["x.png", ["mask", "boxes"]].tolist() == ["seg/m.png", "other/b.json"]
    assert tables.refused["code"].tolist() == ["missing_file"]


# ---- laws -----------------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=6), max_size=6), st.booleans())
def test_noise_in_cells_gives_a_table_or_a_cohort_error(rows, with_images):
    with tempfile.TemporaryDirectory() as name:
        text = "\n".join(",".join(row) for row in rows)
        header = "patient_id,label,age,sex,alp,split\n"
        images = "file,patient_id,slice,mask,boxes,view\n" + text if with_images else None
        root = cohort(Path(name), GOOD if with_images else header + text, images, ["x.png"])
        try:
            tables = read_tables(root, config())
        except CohortError:
            return
        assert tuple(tables.patients.columns) == PATIENT_COLUMNS


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_table_or_a_cohort_error(data):
    with tempfile.TemporaryDirectory() as name:
        for file in ("patients.csv", "patients.xlsx"):
            (Path(name) / file).write_bytes(data)
            with pytest.raises(CohortError):
                read_tables(Path(name), config(tables={"patients": file}))


@given(
    st.lists(st.sampled_from(["..", ".", "a", "link", "/", "\\", "C:", "x.png", ""]), max_size=7)
)
def test_a_path_is_inside_or_refused(parts):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "cohort"
        root.mkdir()
        (root / "link").symlink_to(name)
        for separator in ("/", "\\", ""):
            try:
                file = inside(root, separator.join(parts))
            except ValueError:
                continue
            assert (root / file).resolve().is_relative_to(root.resolve())


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.text("abcdefgh", min_size=1, max_size=8),
        st.sampled_from(["osteosarcoma", "non_tumour"]),
        min_size=1,
        max_size=8,
    )
)
def test_mapped_labels_come_back_as_mapped(labels):
    with tempfile.TemporaryDirectory() as name:
        text = "case,dx\n" + "".join(f"{n},{word}\n" for n, word in enumerate(labels))
        tables = read_tables(
            cohort(Path(name), text),
            config(columns={"patient_id": "case", "label": "dx"}, labels=labels),
        )
        assert tables.patients["label"].tolist() == list(labels.values())


# ---- real pictures --------------------------------------------------------------------------


def test_medpix_is_a_cohort_by_configuration_alone(real_data):
    path = ROOT / "conf" / "medpix" / "parameters_osteosarcoma_fusion.yml"
    given = yaml.safe_load(path.read_text())["osteosarcoma_fusion"]["cohort"]
    assert given["path"] is None
    root = real_data / "medpix_bone"
    tables = read_tables(root, CohortConfig.model_validate({**given, "path": str(root)}))
    assert tables.patients["label"].value_counts().to_dict() == {"benign": 19, "malignant": 6}
    assert set(tables.patients["sex"]) <= {"F", "M", "unknown"}
    assert tables.patients["age"].min() > 0
    assert tables.patients["alp"].isna().all()
    listed = tables.files.dropna(subset=["patient_id"])
    assert len(listed) == 78 and set(listed["sequence"]) == {"MR", "CT"}
    assert tables.refused.empty
