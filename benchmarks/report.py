"""Evaluation and report of 16 learners × 850 patients × 2,600 images × 2,000 rounds.

    python benchmarks/report.py

Wanted: under 60 s together on two cores, and a page under 8 MB; both are printed as ratios to those
bounds (below 1 is good), and the time as a ratio to the plain scikit-learn loop of
`evaluation.py`, which runs three rounds in the same process and is scaled up. The page holds every
chart, and galleries as large as those of the default settings (noise, which no JPEG makes small).
"""

import json
import time

import numpy as np
import pandas as pd
from evaluation import IMAGES, LEARNERS, cohort, loop

from osteon.measures.evaluator import Evaluation, evaluate
from osteon.recipes.evaluation import EvaluationConfig
from osteon.reporting.figures.charts import build_charts
from osteon.reporting.figures.draw import figure
from osteon.reporting.gallery import data_uri
from osteon.reporting.page.render import ReportParts, render

SECONDS, MEGABYTES = 60, 8
GALLERIES, CASES, TILES, SIDE = 5, 8, 5, 224


def galleries() -> list[dict]:
    generator = np.random.default_rng(0)

    def tile() -> dict[str, str]:
        smooth = generator.integers(0, 256, (SIDE // 8, SIDE // 8, 3), np.uint8)
        grey = np.kron(smooth[..., 0], np.ones((8, 8), np.uint8))
        colour = np.kron(smooth, np.ones((8, 8, 1), np.uint8))
        return {"caption": "map", "image": data_uri(grey), "overlay": data_uri(colour)}

    case = {"sample": "case 1", "label": "b", "text": "0.5"}
    return [
        {
            "name": f"gallery{number}",
            "title": "Gallery",
            "caption": "A rule.",
            "cases": [case | {"tiles": [tile() for _ in range(TILES)]} for _ in range(CASES)],
        }
        for number in range(GALLERIES)
    ]


def page(found: Evaluation, predictions: pd.DataFrame, shown: list[dict]) -> str:
    charts = build_charts(
        found.metrics, found.curves, found.comparison, {}, predictions=predictions
    )
    for chart in charts.values():
        figure(chart)
    parts = ReportParts(
        title="Benchmark",
        metrics=found.metrics,
        curves=found.curves,
        comparison=found.comparison,
        galleries=shown,
        charts=charts,
    )
    return render(parts)


def main() -> None:
    predictions, config, shown = cohort(), EvaluationConfig(), galleries()
    start = time.perf_counter()
    found = evaluate(predictions, config, "learner_0")
    evaluated = time.perf_counter()
    made = page(found, predictions, shown)
    seconds = time.perf_counter() - start
    rounds = 3
    rival = loop(predictions, config, rounds)[0] * config.rounds / rounds
    megabytes = len(made.encode()) / 1e6
    facts = {
        "learners": LEARNERS,
        "images": IMAGES,
        "rounds": config.rounds,
        "seconds_evaluation": round(evaluated - start, 1),
        "seconds_report": round(seconds - evaluated + start, 1),
        "ratio_to_60_s": round(seconds / SECONDS, 3),
        "megabytes": round(megabytes, 2),
        "ratio_to_8_MB": round(megabytes / MEGABYTES, 3),
        "scikit_learn_loop_s": round(rival),
        "loop_over_ours": round(rival / seconds, 1),
    }
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
