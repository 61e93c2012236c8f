"""What is not there loads as None, and nothing demands it of an earlier stage."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from kedro.pipeline import Pipeline, node
from kedro.runner import SequentialRunner

from osteon.datasets import OptionalDataset


def described(path: Path, kind: str = "json.JSONDataset") -> dict[str, Any]:
    return {"type": kind, "filepath": str(path)}


def test_none_stands_for_what_is_not_there(tmp_path: Path) -> None:
    made = OptionalDataset(described(tmp_path / "deep" / "result.json"))
    assert made.load() is None
    assert not made.exists()


def test_what_is_there_comes_back_as_the_wrapped_dataset_gives_it(tmp_path: Path) -> None:
    made = OptionalDataset(described(tmp_path / "result.json"))
    made.save({"chosen": {"lr": 0.01}})
    assert made.exists()
    assert OptionalDataset(described(tmp_path / "result.json")).load() == {"chosen": {"lr": 0.01}}


def test_a_table_passes_through_unchanged(tmp_path: Path) -> None:
    table = pd.DataFrame({"number": [0, 1], "state": ["COMPLETE", "FAIL"]})
    given = described(tmp_path / "trials.csv", "pandas.CSVDataset") | {
        "save_args": {"index": False}
    }
    made = OptionalDataset(given)
    made.save(table)
    pd.testing.assert_frame_equal(made.load(), table)


def test_the_configuration_is_left_as_it_was(tmp_path: Path) -> None:
    given = described(tmp_path / "result.json")
    OptionalDataset(given)
    assert given == described(tmp_path / "result.json")


def test_a_damaged_file_is_an_error_and_no_absence(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("{")
    with pytest.raises(DatasetError):
        OptionalDataset(described(tmp_path / "result.json")).load()


def test_versions_are_refused(tmp_path: Path) -> None:
    given = described(tmp_path / "a.json") | {"versioned": True}
    with pytest.raises(ValueError, match="'versioned' found"):
        OptionalDataset(given)


def patterned(folder: Path) -> DataCatalog:
    """A catalog whose pattern makes optional results of every paper."""
    return DataCatalog.from_config(
        {
            "{paper}.tuning_result": {
                "type": "osteon.datasets.OptionalDataset",
                "dataset": described(folder / "{paper}" / "result.json"),
            },
            "page": {"type": "MemoryDataset"},
        }
    )


def test_kedro_runs_a_node_whose_optional_input_is_not_there(tmp_path: Path) -> None:
    def show(result: Any) -> str:
        return "without" if result is None else str(result["value"])

    shown = Pipeline([node(show, "row.tuning_result", "page", name="show")])
    catalog = patterned(tmp_path)
    SequentialRunner().run(shown, catalog)
    assert catalog["page"].load() == "without"
    made = Pipeline([node(lambda: {"value": 3}, None, "row.tuning_result", name="make")])
    SequentialRunner().run(made + shown, catalog)
    assert catalog["page"].load() == "3"
    assert (tmp_path / "row" / "result.json").exists()


def test_mlflow_logs_what_is_saved_and_not_what_is_missing(tmp_path: Path) -> None:
    import mlflow

    catalog = DataCatalog.from_config(
        {
            "result": {
                "type": "kedro_mlflow.io.artifacts.MlflowArtifactDataset",
                "dataset": {
                    "type": "osteon.datasets.OptionalDataset",
                    "dataset": described(tmp_path / "result.json"),
                },
            }
        }
    )
    assert isinstance(catalog["result"], OptionalDataset)
    assert catalog["result"].load() is None
    tracking = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    try:
        mlflow.create_experiment("here", artifact_location=str(tmp_path / "artifacts"))
        mlflow.set_experiment("here")
        with mlflow.start_run() as run:
            catalog["result"].save({"value": 3})
        logged = mlflow.MlflowClient().list_artifacts(run.info.run_id)
    finally:
        mlflow.set_tracking_uri(tracking)
    assert [one.path for one in logged] == ["result.json"]
    assert catalog["result"].load() == {"value": 3}


def test_memory_can_be_wrapped() -> None:
    assert OptionalDataset(MemoryDataset()).load() is None
    assert OptionalDataset(MemoryDataset(3)).load() == 3
