"""The evaluation's parameters: typos stop, and the import is cheap."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from osteon.recipes.evaluation import EvaluationConfig


def test_defaults_keep_the_standard():
    config = EvaluationConfig()
    assert config.rounds >= 2000 and config.interval == "bca" and config.level == "patient"


@pytest.mark.parametrize(
    "given",
    [
        {"round": 10},
        {"rounds": 49},
        {"prevalences": [0.0]},
        {"alpha": 1},
        {"level": "knee"},
        {"age_caliper": -1},
        {"decision_range": (0.0, 0.5)},
        {"decision_range": (0.5, 0.2)},
    ],
)
def test_a_typo_or_a_wrong_value_stops(given):
    with pytest.raises(ValidationError, match=next(iter(given))):
        EvaluationConfig(**given)


def test_import_is_cheap():
    code = (
        "import sys, osteon.recipes.evaluation\n"
        "print([m for m in ('torch', 'sklearn', 'scipy', 'pandas') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
