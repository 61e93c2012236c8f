"""Each schema takes a good table as it is, and refuses each kind of bad one."""

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.validation.exceptions import DataValidationError
from pandera.errors import SchemaErrors

from osteon.cohorts.archive import INDEX
from osteon.cohorts.tables import patients_frame
from osteon.schemas import images, patients, predictions, samples, splits

ONE, TWO = "P0123456789abcdef", "Pfedcba9876543210"


def patients_table():
    return patients_frame(
        [
            {
                **{"patient_id": ONE, "label": "osteosarcoma", "age": 14.0, "sex": "F"},
                **{"centre": "C1", "alp": 300.0, "alp_low": 45.0, "alp_high": 125.0},
            },
            {"patient_id": TWO, "label": "non_tumour", "split": None},
        ]
    )


def images_table():
    table = pd.DataFrame(
        {
            "sample_id": [f"{ONE}-000", f"{TWO}-000"],
            "patient_id": [ONE, TWO],
            "file_id": ["F0123456789abcdef", "Ffedcba9876543210"],
            "frame": 0,
            "shard": 0,
            "offset": [0, 64],
            "rows": 8,
            "columns": 8,
            "channels": [1, 3],
            "dtype": ["<u2", "|u1"],
            "modality": "XR",
            "slice": [None, None],
            "burned_in_text": False,
            "content_hash": "0" * 64,
            "phash": "0" * 16,
            "thumbnail": [bytes(1024)] * 2,
            "boxes": "[]",
            "mask_shard": -1,
            "mask_offset": -1,
        }
    )
    for name in INDEX:
        if name not in table:
            table[name] = pd.Series([None, None], dtype="str")
    return table


def samples_table():
    texts = ("site", "location", "centre", "sequence", "view", "scanner", "split", "parent")
    return pd.DataFrame(
        {
            "sample_id": ["a", "b", "c"],
            "patient_id": [ONE, ONE, TWO],
            "row": [0, 1, 2],
            "archive_row": [4, 7, 9],
            **dict.fromkeys(("crop_x0", "crop_y0"), 0),
            **dict.fromkeys(("crop_x1", "crop_y1"), 64),
            "crop_source": ["whole", "mask", "otsu"],
            "label": [1, 1, 0],
            "class": ["os", "os", "no"],
            "age": [14.0, 14.0, np.nan],
            "sex": ["F", "F", "unknown"],
            **{name: pd.Series([None] * 3, dtype="str") for name in texts},
            "gender": [0.5, 0.5, 0.0],
            **{name: 0.5 for name in ("age_norm", "alp_norm", "ldh_norm")},
            **{name: False for name in ("age_missing", "alp_missing", "ldh_missing")},
        }
    )


def splits_table():
    return pd.DataFrame(
        {
            "sample_id": ["a", "b", "c"],
            "patient_id": [ONE, ONE, TWO],
            "fold": [0, 0, 1],
            "split": ["cv", "cv", "cv"],
        }
    )


def predictions_table():
    return pd.DataFrame(
        {
            "sample_id": ["a", "b"],
            "patient_id": [ONE, TWO],
            "paper": "p",
            "learner": "l",
            "fold": [0, 1],
            "split": "cv",
            "label": [1, 0],
            "prob_no": [0.25, 0.5],
            "prob_os": [0.75, 0.5],
            "sex": ["F", None],
        }
    )


GOOD = {
    "patients": (patients.schema, patients_table),
    "images": (images.schema, images_table),
    "samples": (samples.schema, samples_table),
    "splits": (splits.schema, splits_table),
    "patient splits": (splits.patient_schema, splits_table),
    "predictions": (predictions.schema, predictions_table),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_table_passes_and_keeps_its_values(name):
    schema, table = GOOD[name]
    found = schema.validate(table(), lazy=True)
    pd.testing.assert_frame_equal(found, table(), check_dtype=False)
    missing = table().isna().to_numpy()
    assert (found.isna().to_numpy() == missing).all()  # null stays null, never the word "nan"


@pytest.mark.parametrize("name", GOOD)
def test_an_empty_table_passes(name):
    schema, table = GOOD[name]
    schema.validate(table().iloc[:0], lazy=True)


BAD = [
    ("patients", "patient_id", "MRN-1234"),
    ("patients", "patient_id", TWO),
    ("patients", "label", None),
    ("patients", "age", -1.0),
    ("patients", "age", 121.0),
    ("patients", "sex", "female"),
    ("patients", "centre", "City Hospital"),
    ("patients", "split", "validation"),
    ("patients", "alp", -1.0),
    ("patients", "alp", np.inf),
    ("patients", "alp_low", 125.0),
    ("patients", "alp_low", 200.0),
    ("patients", "alp_high", np.nan),
    ("patients", "name", "Smith"),
    ("images", "sample_id", "MRN-1234-000"),
    ("images", "file_id", "smith.dcm"),
    ("images", "rows", 0),
    ("images", "channels", 3),
    ("images", "dtype", "<f8"),
    ("images", "modality", "US"),
    ("images", "content_hash", "x"),
    ("images", "phash", None),
    ("images", "thumbnail", b"x"),
    ("images", "mask_shard", -2),
    ("samples", "label", 0),
    ("samples", "row", 1),
    ("samples", "archive_row", 7),
    ("samples", "crop_x0", 64),
    ("samples", "crop_y1", 0),
    ("samples", "crop_source", "hand"),
    ("samples", "split", "train"),
    ("samples", "gender", 1.0),
    ("samples", "alp_norm", np.nan),
    ("samples", "alp_norm", np.inf),
    ("splits", "sample_id", "b"),
    ("splits", "fold", -2),
    ("splits", "fold", -1),
    ("splits", "split", "train"),
    ("splits", "split", "other"),
    ("patient splits", "fold", 1),
    ("predictions", "label", -1),
    ("predictions", "label", 2),
    ("predictions", "prob_os", np.nan),
    ("predictions", "prob_os", 0.75001),
    ("predictions", "prob_os", 1.75),
    ("predictions", "fold", -1),
    ("predictions", "learner", None),
    ("predictions", "split", "train"),
]


@pytest.mark.parametrize(("name", "column", "value"), BAD)
def test_a_bad_value_is_refused(name, column, value):
    schema, table = GOOD[name]
    frame = table()
    if column not in frame:
        frame[column] = value
    cells = frame[column].astype(object)
    cells.iloc[0] = value
    frame[column] = cells
    with pytest.raises(SchemaErrors):
        schema.validate(frame, lazy=True)


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_column_is_refused(name):
    schema, table = GOOD[name]
    for column in schema.columns:
        if not column.startswith("^"):
            with pytest.raises(SchemaErrors):
                schema.validate(table().drop(columns=column), lazy=True)


def test_an_image_level_split_may_divide_a_patient_and_a_patient_level_one_may_not():
    frame = splits_table().assign(fold=[0, 1, 1])
    splits.schema.validate(frame)
    with pytest.raises(SchemaErrors, match="one fold a patient"):
        splits.patient_schema.validate(frame, lazy=True)


def test_a_fixed_split_trains_on_fold_minus_one():
    frame = splits_table().assign(fold=[-1, -1, 0], split=["train", "train", "test"])
    splits.patient_schema.validate(frame)


def test_a_sample_judged_twice_in_a_fold_and_a_single_probability_are_refused():
    table = predictions_table()
    with pytest.raises(SchemaErrors, match="judges a sample once"):
        predictions.schema.validate(pd.concat([table, table]), lazy=True)
    predictions.schema.validate(pd.concat([table, table.assign(learner="m")]), lazy=True)
    with pytest.raises(SchemaErrors):
        predictions.schema.validate(table.drop(columns="prob_os"), lazy=True)


@pytest.mark.parametrize("name", ["patients", "images", "samples", "splits", "predictions"])
def test_the_catalog_takes_each_schema_as_validator(name, tmp_path):
    entry = {
        "type": "pandas.ParquetDataset",
        "filepath": str(tmp_path / "table.parquet"),
        "validator": f"osteon.schemas.{name}.schema",
    }
    catalog = DataCatalog.from_config({"table": entry})
    good = GOOD[name][1]()
    catalog.save("table", good)
    loaded = catalog.load("table")
    assert (loaded.isna().to_numpy() == good.isna().to_numpy()).all()
    with pytest.raises(DataValidationError):
        catalog.save("table", good.drop(columns=good.columns[0]))
