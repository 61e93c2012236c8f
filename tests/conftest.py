"""What every test may lean on: the real files, where they are, and one thread a process."""

import gc
import os
from pathlib import Path

import pytest

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

# They take minutes: started last, one of them would keep a single worker busy at the end.
WHOLE_RUNS = (
    "test_row",
    "test_wff_row",
    "test_penn_row",
    "test_image_rows",
    "test_tuning_row",
    "test_tuning_killed",
    "test_evidence",
    "test_servers",
    "test_privacy",
)
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images (OSTEON_REAL_DATA, or ../shared/data); skips where it is absent."""
    folder = Path(os.environ.get("OSTEON_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real images here: set OSTEON_REAL_DATA to the folder that holds them")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that run whole pipelines first, so that the workers end together."""
    place = {name: number for number, name in enumerate(WHOLE_RUNS)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


def pytest_collection_finish() -> None:
    """Spare each search for garbage what lives to the end: thousands of tests, every library."""
    gc.freeze()
