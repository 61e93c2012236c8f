"""How long a diagnosis takes, as the paper measured it: series in, call out."""

from typing import Any

import numpy as np
import pandas as pd

from osteon.pipelines.spinal_wff import parts
from osteon.pipelines.spinal_wff.boxes import with_series
from osteon.recipes.spinal_wff import DiagnosisConfig

WITHOUT_AGE, WITH_AGE = "without age", "with age"
MODES = (WITHOUT_AGE, WITH_AGE)


def time_diagnosis(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    archive: Any,
    detector: Any,
    sequence: Any,
    framework: dict[str, Any],
    config: DiagnosisConfig,
) -> dict[str, Any]:
    """Diagnose single patients of the test part, one after the other, and time every stage.

    Args:
        samples: one row a slice.
        splits: train and test part.
        archive: pixels, read from disk within the time.
        detector: the final detector, or why there is none.
        sequence: the final sequence model.
        framework: λ, age table and how votes are counted.
        config: how many patients.

    Returns:
        patients, device, threads, `stages` → n, mean and median seconds of the diagnosis with age
        (with `read` and `total`), `modes` → the same of the total with and without age, and
        `calls`, so that it can be seen that these are the calls of the report.
    """
    import torch

    from osteon.recipes.artefact import SkippedLearner
    from osteon.recipes.diagnosis import framework_of

    found = None if isinstance(detector, SkippedLearner) else detector
    made = framework_of(framework, found, sequence)
    tested = splits.loc[splits["split"] == parts.TEST, "sample_id"]
    table = with_series(samples[samples["sample_id"].isin(tested)])
    names = table["patient_id"].drop_duplicates().tolist()[: config.patients + 1]
    timed: dict[str, list[dict[str, float]]] = {mode: [] for mode in MODES}
    calls = {}
    for place, name in enumerate(names):
        own = table[table["patient_id"] == name]
        # Whoever comes first reads from a cold disk: the modes take turns.
        for mode in MODES[:: -1 if place % 2 else 1]:
            seconds, diagnosis = _diagnose(made, own, archive, with_age=mode == WITH_AGE)
            timed[mode].append(seconds)
            if mode == WITH_AGE:
                calls[name] = {"call": diagnosis.call, "score": diagnosis.score}
    # The first patient warms the machine up: its time is nobody's.
    kept = {mode: pd.DataFrame(rows[1:] or rows) for mode, rows in timed.items()}
    return {
        "patients": len(kept[WITH_AGE]),
        "device": str(made.device),
        "threads": torch.get_num_threads(),
        "note": "One patient after the other, series read from the archive, call out; DICOM "
        "files were decoded before. With this configuration's networks and pixels, which need not "
        "be the paper's.",
        "stages": {stage: _summed(kept[WITH_AGE][stage]) for stage in kept[WITH_AGE]},
        "modes": {mode: _summed(rows["total"]) for mode, rows in kept.items()},
        "calls": calls,
    }


def _summed(seconds: pd.Series) -> dict[str, float]:
    return {
        "n": len(seconds),
        "mean": float(seconds.mean()),
        "median": float(seconds.median()),
    }


def _diagnose(
    framework: Any, table: pd.DataFrame, archive: Any, with_age: bool
) -> tuple[dict[str, float], Any]:
    """Seconds of one patient stage by stage, reading included, and the diagnosis."""
    from time import perf_counter

    ordered = table.sort_values(["slice", "archive_row"], kind="stable")
    groups = ordered.groupby("sequence_id", sort=False)
    started = perf_counter()
    series, names = [], []
    for _, rows in groups:
        series.append([np.array(archive.pixels(int(row))) for row in rows["archive_row"]])
        names.append(str(rows["sequence"].iloc[0]))
    read = perf_counter() - started
    age = table["age"].iloc[0]
    known = with_age and not pd.isna(age)
    found = framework.diagnose(series, float(age) if known else None, names)
    seconds = {"read": read, **found.seconds}
    return seconds | {"total": sum(seconds.values())}, found
