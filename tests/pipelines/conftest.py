"""A cohort of cropped CT slices: archive, samples, predictions and image store."""

from pathlib import Path

import pandas as pd
import pytest

from tests.explaining_crops import SPOTS, Originals, make_predictions, make_samples, write_store


@pytest.fixture
def archive() -> Originals:
    return Originals(SPOTS[::-1])


@pytest.fixture
def samples() -> pd.DataFrame:
    return make_samples()


@pytest.fixture
def predictions(samples: pd.DataFrame) -> pd.DataFrame:
    return make_predictions(samples)


@pytest.fixture
def prepared(tmp_path: Path, archive: Originals, samples: pd.DataFrame) -> Path:
    return write_store(tmp_path, archive, samples)
