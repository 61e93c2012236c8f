"""The time of a diagnosis: who is timed, and in which order."""

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from osteon.pipelines.spinal_wff import diagnosing


def test_modes_of_a_timed_diagnosis_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def diagnose(*given: Any, with_age: bool) -> tuple[dict[str, float], Any]:
        asked.append(with_age)
        said = SimpleNamespace(call="with" if with_age else "without", score=0.5)
        return {"read": 0.1, "total": 0.2}, said

    monkeypatch.setattr(diagnosing, "_diagnose", diagnose)
    monkeypatch.setattr(
        "osteon.recipes.diagnosis.framework_of", lambda *given: SimpleNamespace(device="cpu")
    )
    monkeypatch.setattr(diagnosing, "with_series", lambda table: table)
    samples = pd.DataFrame({"sample_id": ["a", "b", "c"], "patient_id": ["a", "b", "c"]})
    found = diagnosing.time_diagnosis(
        samples,
        samples.assign(split="test"),
        None,
        None,
        None,
        {},
        SimpleNamespace(patients=2),  # type: ignore[arg-type]
    )
    assert asked == [False, True, True, False, False, True]
    assert {one["call"] for one in found["calls"].values()} == {"with"}
