import pytest

from osteon.cohorts.btxrd import COLUMNS, TASKS
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.tables import CohortError, read_tables


def config(classes=("benign", "malignant"), **more):
    return CohortConfig.model_validate(
        {"source": "btxrd", "path": "given", "classes": classes, **more}
    )


def row(number, age=20, on=("tumor", "benign", "osteochondroma", "lower limb"), **more):
    cells = {"image_id": f"IMG{number:06d}.jpeg", "center": 1, "age": age, "gender": "M"}
    cells |= {name: int(name in on) for name in COLUMNS[4:]} | more
    return cells


NORMAL = ("lower limb", "femur", "frontal")
OS = ("tumor", "malignant", "osteosarcoma", "lower limb", "femur")


def write(root, rows, columns=COLUMNS, files=()):
    lines = [",".join(columns)] + [",".join(str(r.get(c, "z")) for c in columns) for r in rows]
    (root / "dataset.csv").write_text("\n".join(lines))
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"x")
    return root


def test_neighbours_alike_form_a_group_in_image_order(tmp_path):
    rows = [row(4), row(1), row(3, age=21), row(2), row(5, on=OS), row(6, on=OS, gender="F")]
    tables = read_tables(write(tmp_path, rows), config())
    assert tables.patients["age"].tolist() == [20, 21, 20, 20, 20]
    assert tables.patients["label"].tolist() == ["benign"] * 3 + ["malignant"] * 2
    assert tables.patients["sex"].tolist() == ["M"] * 4 + ["F"]
    assert any("6 rows form 5 surrogate groups" in note for note in tables.notes)


def test_bones_of_one_limb_and_multiple_osteochondromas_are_one_group(tmp_path):
    many = ("tumor", "benign", "multiple osteochondromas")
    rows = [
        row(1, on=("tumor", "benign", "lower limb", "femur")),
        row(2, on=("tumor", "benign", "lower limb", "tibia")),
        row(3, age=9, on=(*many, "upper limb", "hand")),
        row(4, age=9, on=(*many, "lower limb", "foot")),
        row(5, age=30, on=("tumor", "benign", "upper limb", "hand")),
        row(6, age=30, on=("tumor", "benign", "lower limb", "foot")),
    ]
    tables = read_tables(write(tmp_path, rows), config())
    assert tables.patients["site"].tolist() == ["femur+tibia", "hand+foot", "hand", "foot"]


@pytest.mark.parametrize(
    ("classes", "labels", "left_out"),
    [
        (("benign", "malignant"), ["benign", "malignant"], "1 normal"),
        (("normal", "benign", "malignant"), ["normal", "benign", "malignant"], None),
        (("non_tumour", "osteosarcoma"), ["non_tumour", "osteosarcoma"], "1 benign"),
    ],
)
def test_classes_pick_the_task(tmp_path, classes, labels, left_out):
    rows = [row(1, on=NORMAL), row(2), row(3, on=OS)]
    files = ["images/IMG000001.jpeg", "images/IMG000002.jpeg", "images/IMG000003.jpeg"]
    tables = read_tables(write(tmp_path, rows, files=files), config(classes))
    assert tables.patients["label"].tolist() == labels
    assert len(tables.files) == 3 and tables.files["patient_id"].notna().all()
    assert len(tables.excluded) == (left_out is not None)
    assert not left_out or any(note.endswith(left_out) for note in tables.notes)


def test_images_boxes_views_and_absent_files(tmp_path):
    files = ["images/IMG000001.jpeg", "Annotations/IMG000001.json"]
    rows = [row(1, frontal=1), row(2)]
    tables = read_tables(write(tmp_path, rows, files=files), config())
    found = tables.files.set_index("file").loc["images/IMG000001.jpeg"]
    assert found["boxes"] == "Annotations/IMG000001.json" and found["view"] == "frontal"
    assert tables.refused[["file", "code"]].to_numpy().tolist() == [
        ["IMG000002.jpeg", "missing_file"]
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"age": -1}, "column 'age'"),
        ({"gender": "x"}, "column 'gender'"),
        ({"femur": 2}, "column 'femur'"),
        ({"malignant": 1}, "the flags tumor"),
        ({"image_id": "../x.jpeg"}, "column 'image_id'"),
        ({"image_id": "IMG000001.jpeg"}, "the image of row 2 again"),
    ],
)
def test_bad_rows_are_named(tmp_path, change, says):
    with pytest.raises(CohortError, match="row 3") as error:
        read_tables(write(tmp_path, [row(1), row(2) | change]), config())
    assert says in str(error.value)


def test_extra_columns_are_left_unread_and_a_missing_one_is_named(tmp_path):
    read_tables(write(tmp_path, [row(1)], (*COLUMNS, "class_name")), config())
    with pytest.raises(CohortError, match="no column 'pelvis'"):
        read_tables(write(tmp_path, [row(1)], [c for c in COLUMNS if c != "pelvis"]), config())


def test_other_classes_and_no_table_are_errors(tmp_path):
    with pytest.raises(CohortError, match="BTXRD can give"):
        read_tables(tmp_path, config(("malignant", "benign")))
    with pytest.raises(CohortError, match=r"dataset\.csv or dataset\.xlsx"):
        read_tables(tmp_path, config())
    assert len(COLUMNS) == 37 and all(len(set(t)) >= 2 for t in TASKS)


def test_the_real_table(real_data):
    root = real_data / "btxrd_labels"
    names = {"patients": "btxrd_tumour_rows_1867.csv"}
    tables = read_tables(root, config(tables=names))
    # one run of neighbours, by any grouping between bone flags (1,116) and none (907)
    assert 907 <= len(tables.patients) <= 1116
    assert set(tables.patients["label"]) == {"benign", "malignant"}
    listed = tables.files.dropna(subset=["patient_id"])
    assert listed["file"].tolist() == ["embedded/IMG000163.jpeg", "embedded/IMG000164.jpeg"]
    assert listed["boxes"].notna().all()
    assert listed["patient_id"].nunique() == 1
    assert len(tables.refused) == 1865
