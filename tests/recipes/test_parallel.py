"""Where work runs is said once, and what does not fit together is named."""

import pytest
from pydantic import ValidationError

from osteon.recipes.parallel import ParallelConfig


@pytest.mark.parametrize(
    ("given", "jobs"),
    [
        ({}, -1),
        ({"workers": 3}, 3),
        ({"backend": "sequential"}, 1),
        ({"backend": "sequential", "workers": 1}, 1),
        ({"backend": "dask", "address": "tcp://10.0.0.5:8786"}, -1),
    ],
)
def test_workers_are_joblib_s_jobs(given: dict, jobs: int) -> None:
    assert ParallelConfig.model_validate(given).jobs == jobs


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"backend": "dask"}, "address: not given with backend dask"),
        ({"address": "tcp://10.0.0.5:8786"}, "address: given with backend loky"),
        ({"backend": "sequential", "workers": 2}, "workers: 2 found.*allowed are 0 and 1"),
        ({"backend": "threads"}, "backend"),
        ({"workers": -1}, "workers"),
        ({"worker": 1}, "worker"),
    ],
)
def test_what_does_not_fit_is_named(given: dict, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ParallelConfig.model_validate(given)
