"""The tiny cohort as fixtures."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from osteon.learning.batches import ImageCases
from osteon.learning.tasks import FoldTask
from tests.tiny_cohort import make_cases, make_recipe, make_tasks

# Children are forked from this process, which a pool of threads would not survive.
torch.set_num_threads(1)


@pytest.fixture
def cases(tmp_path: Path) -> ImageCases:
    return make_cases(tmp_path)


@pytest.fixture
def tasks(tmp_path: Path) -> Callable[..., list[FoldTask]]:
    """`tasks(recipe keys…)`: two folds of the tiny cohort."""
    return lambda **recipe: make_tasks(tmp_path, make_recipe(**recipe))
