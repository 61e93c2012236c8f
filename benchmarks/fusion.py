"""How long the search over 231 weights × 445 patients × 1,625 sequences × 15,778 images takes.

    python benchmarks/fusion.py [--loop-rows 12] [--repeats 30]

Ours is all of `search`: votes, scores, accuracy, AUROC, sensitivity and specificity of every row.
The rival is Eq. 1 and its votes written out in nested loops (tests/fusion_reference.py), without
any metric. It runs a few rows of weights, spread over the grid, and is scaled up; votes of those
rows must be equal and scores agree to 1e-12. Both at their best of several repeats, on one core.
Prints one JSON line with the ratio.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from osteon.measures.fusion import Terms, grid, votes
from osteon.measures.fusion_search import search
from tests.fusion_reference import of_patient, patients_of

# Training part of Liu et al. 2022 (Insights Imaging 13:87).
PATIENTS, SEQUENCES, IMAGES = 445, 1625, 15778
LOOP_REPEATS = 3


def shared_out(total: int, among: int, generator: np.random.Generator) -> np.ndarray:
    """The owner of each of `total`, rising, every one of `among` having one at least."""
    extra = generator.integers(0, among, total - among)
    return np.sort(np.concatenate([np.arange(among), extra]))


def cohort(seed: int = 0) -> Terms:
    generator = np.random.default_rng(seed)
    label = (np.arange(PATIENTS) % 5 < 3).astype(np.int64)
    patient = shared_out(SEQUENCES, PATIENTS, generator)
    sequence = shared_out(IMAGES, SEQUENCES, generator)

    def draw(truth: np.ndarray, absent: float) -> np.ndarray:
        noise = generator.normal(size=len(truth))
        values = 1 / (1 + np.exp(-(1.5 * noise + truth - 0.5)))
        return np.where(generator.random(len(truth)) < absent, np.nan, values)

    bare = generator.random(SEQUENCES) < 0.1
    return Terms(
        d=np.where(bare[sequence], np.nan, draw(label[patient[sequence]], 0.3)),
        sequence=sequence,
        m=draw(label[patient], 0.05),
        patient=patient,
        a=draw(label, 0.05),
        label=label,
        image_ids=np.arange(IMAGES).astype(np.str_),
        sequence_ids=np.arange(SEQUENCES).astype(np.str_),
        patient_ids=np.arange(PATIENTS).astype(np.str_),
        kinds=np.full(SEQUENCES, "T2WI"),
    )


def best(work: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of some repeats: others may be busy on this machine."""
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loop-rows", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=30)
    arguments = parser.parse_args()
    terms, lambdas = cohort(), grid()
    some = lambdas[np.linspace(0, len(lambdas) - 1, arguments.loop_rows).round().astype(int)]
    nested, rows = patients_of(terms), some.tolist()

    def loop() -> list[list[tuple[bool, float]]]:
        return [[of_patient(row, patient) for patient in nested] for row in rows]

    ours = best(lambda: search(terms, lambdas), arguments.repeats)
    alone = best(lambda: votes(terms, lambdas), arguments.repeats)
    theirs = best(loop, LOOP_REPEATS) / len(rows) * len(lambdas)
    found, wanted = votes(terms, some), np.array(loop())
    otherwise = int((found.vote != (wanted[..., 0] > 0)).sum())
    worst = float(np.abs(found.score - wanted[..., 1]).max())
    report = {
        "search_ms": round(1e3 * ours, 2),
        "votes_only_ms": round(1e3 * alone, 2),
        "loop_seconds_scaled": round(theirs, 2),
        "loop_rows": len(rows),
        "ratio": round(theirs / ours, 1),
        "ratio_of_votes_only": round(theirs / alone, 1),
        "votes_otherwise": otherwise,
        "largest_difference": worst,
    }
    print(json.dumps(report))
    if otherwise or worst > 1e-12:
        raise SystemExit(f"{otherwise} votes and scores by {worst} differ, 0 and 1e-12 allowed")


if __name__ == "__main__":
    main()
