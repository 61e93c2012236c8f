"""The WFF paper's Figs. 5 to 7 and a map of the weights, as descriptions that a report draws.

A description is JSON-able: `kind` (lines, bars, ternary), name, title, note and data, see
`osteon.reporting.figures.grid_charts.paper_figures`. Nothing is drawn here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from osteon.measures.describing import plain
from osteon.measures.discrimination import Floats
from osteon.measures.intervals import wilson
from osteon.measures.locations import FRAMEWORK
from osteon.measures.paper_table import at

CORNERS = ("Det", "Seq", "Age")
WEIGHTS = ["l1", "l2", "l3"]
MOST_JUDGES = 8
ROWS = {
    "det": "Det",
    "det_age": "Det-Age",
    "seq": "Seq",
    "seq_age": "Seq-Age",
    "det_seq": "Det-Seq",
    "det_seq_age": "Det-Seq-Age",
}


def age_figure(table: Mapping[str, Any]) -> dict[str, Any]:
    """Fig. 5: share of malignant and benign tumours by age, and what the fusion uses.

    Args:
        table: of `AgeTable.as_json`: bins, benign, malignant (counts), probability.
    """
    benign, malignant = (np.asarray(table[key], dtype=np.int64) for key in ("benign", "malignant"))
    total = benign + malignant
    share = np.divide(malignant, total, out=np.full(len(total), np.nan), where=total > 0)
    band = [wilson(int(k), int(n)) for k, n in zip(malignant, total, strict=True)]
    lo, hi = (np.array([getattr(one, end) for one in band]) for end in ("lo", "hi"))
    counts = [f"{k} of {n} malignant" for k, n in zip(malignant, total, strict=True)]
    described = {
        "kind": "lines",
        "name": "age",
        "title": "Malignant and benign tumours by age (Fig. 5)",
        "x": "Age, years; n: training patients",
        "y": "Share of the age group's patients",
        "x_labels": [f"{name}\nn={n}" for name, n in zip(table["bins"], total, strict=True)],
        "y_range": [0.0, 1.04],
        "series": [
            _banded("malignant", (share, lo, hi), counts),
            _banded("benign", (1 - share, 1 - hi, 1 - lo), counts),
            {
                "name": f"malignant, as the fusion uses it ({table.get('smoothing', 'smoothed')})",
                "x": list(range(len(total))),
                "y": list(table["probability"]),
                "role": "context",
            },
        ],
        "note": "Training patients only. Bands: 95 % Wilson intervals. Age groups of few patients "
        "are joined to their neighbour. The paper calls the probability about one half above 40 "
        "years and almost one above 80.",
    }
    return dict(plain(described))


def _banded(name: str, columns: tuple[Floats, Floats, Floats], text: list[str]) -> dict[str, Any]:
    """A line over the age groups with its band: value, lower and upper end."""
    y, lo, hi = (column.tolist() for column in columns)
    return {"name": name, "x": list(range(len(y))), "y": y, "lo": lo, "hi": hi, "text": text}


def location_figures(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Fig. 6: numbers of patients (b), and for each mode errors (a) and error rates (c).

    Args:
        found: of `osteon.measures.locations.by_location`. Of more than seven readers the first
            seven are drawn, and the note says so.
    """
    places = list(found["locations"])
    numbers = [found["numbers"][place] for place in places]
    made = [
        _bars(
            "location_numbers",
            "Patients by location (Fig. 6b)",
            "Patients",
            places,
            [{"name": "patients", "y": numbers, "text": [f"n = {n}" for n in numbers]}],
            f"{found['patients']} patients have {found['of_locations']} locations: a patient "
            "counts once in every location he has.",
        )
    ]
    for mode, judges in found["modes"].items():
        key, drawn = mode.replace(" ", "_"), list(judges)[:MOST_JUDGES]
        said = found["statement"]
        if len(judges) > len(drawn):
            said += f" {len(judges) - len(drawn)} more readers are not drawn."
        for part, title, y, make in (
            ("errors", f"Patients called wrongly by location, {mode} (Fig. 6a)", "Errors", _errors),
            ("error_rate", f"Error rate by location, {mode} (Fig. 6c)", "Error rate", _rates),
        ):
            series = [
                make(_called(name), [judges[name][place] for place in places]) for name in drawn
            ]
            made.append(_bars(f"location_{part}_{key}", title, y, places, series, said))
    return [dict(plain(one)) for one in made]


def _called(judge: str) -> str:
    return "WFF" if judge == FRAMEWORK else judge


def _errors(name: str, cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    text = [f"of {one['patients']} patients" for one in cells]
    return {"name": name, "y": [one["errors"] for one in cells], "text": text}


def _rates(name: str, cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    ends = {key: [at(one, "rate", word) for one in cells] for key, word in _ENDS.items()}
    return {
        "name": name,
        **ends,
        "text": [f"{one['errors']} of {one['patients']}" for one in cells],
    }


_ENDS = {"y": "value", "lo": "lo", "hi": "hi"}


def groups_figure(found: Mapping[str, Any]) -> dict[str, Any]:
    """Fig. 7: accuracy of each row of the fusion with T1 only, T2 only and all sequences.

    Args:
        found: of `osteon.measures.series_groups.by_series_group`.
    """
    series = []
    for group, words in found["groups"].items():
        cells = [at(found, "figures", group, row) for row in found["rows"]]
        ends = {key: [at(one, "accuracy", word) for one in cells] for key, word in _ENDS.items()}
        text = [f"{at(one, 'n') or 0} patients" for one in cells]
        series.append({"name": words, **ends, "text": text})
    names = [ROWS.get(row, row) for row in found["rows"]]
    title = "Accuracy by group of sequences (Fig. 7)"
    note = (
        "95 % Wilson intervals. A group holds the patients that have a sequence of it. Weights as "
        "chosen with all sequences."
    )
    made = _bars("series_groups", title, "Accuracy, by vote", names, series, note)
    return dict(plain(made | {"y_range": [0.0, 1.04]}))


def _bars(
    name: str,
    title: str,
    y: str,
    labels: Sequence[str],
    series: Sequence[Mapping[str, Any]],
    note: str,
) -> dict[str, Any]:
    shown = {"x": "", "y": y, "x_labels": list(labels), "series": list(series)}
    return {"kind": "bars", "name": name, "title": title, "note": note, **shown}


def lambda_figure(
    search: pd.DataFrame, chosen: Sequence[float], published: Sequence[float]
) -> dict[str, Any]:
    """Out-of-fold accuracy over the simplex of weights, the chosen and the printed one marked.

    Args:
        search: l1, l2, l3 (detector, sequence model, age), accuracy and auroc, a row each; of
            `osteon.measures.fusion.search`.
        chosen, published: three weights.
    """
    weights = search[WEIGHTS].to_numpy(dtype=np.float64)
    text = [
        f"{_weights(row)}: accuracy {accuracy:.3f}, AUC {auroc:.3f}"
        for row, accuracy, auroc in zip(
            weights.tolist(), search["accuracy"], search["auroc"], strict=True
        )
    ]
    marks = [_mark(search, "chosen", chosen), _mark(search, "printed", published)]
    if np.allclose(chosen, published):
        marks = [_mark(search, "chosen = printed", chosen)]
    best = search["accuracy"].max()
    level = int((search["accuracy"] == best).sum())
    described = {
        "kind": "ternary",
        "name": "weights",
        "title": "Weights of the fusion: accuracy out of fold",
        "corners": list(CORNERS),
        "points": weights.tolist(),
        "values": search["accuracy"].tolist(),
        "value": "Accuracy out of fold",
        "text": text,
        "marks": marks,
        "note": f"Training patients, every model judged on patients it had not seen. "
        f"{len(search)} weights; {level} of them reach the highest accuracy, {best:.3f}. At a "
        "corner one term decides alone, on a side two. Chosen is the best of those in which all "
        "three terms count.",
    }
    return dict(plain(described))


def _weights(row: Sequence[float]) -> str:
    return "/".join(f"{one:.4g}" for one in row)


def _mark(search: pd.DataFrame, name: str, weights: Sequence[float]) -> dict[str, Any]:
    """A marked place, with its accuracy where it was searched."""
    own = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    found = np.isclose(search[WEIGHTS].to_numpy(dtype=np.float64), own).all(axis=1)
    detail = _weights(list(weights))
    if found.any():
        detail += f"; accuracy {search.loc[found, 'accuracy'].iloc[0]:.3f}"
    return {"name": name, "at": [float(one) for one in weights], "detail": detail}
