"""Charts of rows: comparison, AUROC, subgroups, calibration, clinical attributions."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from osteon.reporting.figures.cast import Cast
from osteon.reporting.figures.spec import (
    Chart,
    Column,
    Row,
    Rule,
    Series,
    defined,
    extent,
    figure_of,
    forest,
    in_words,
    number,
)
from osteon.reporting.figures.style import Role, readable

# Kind of the comparison's rows → heading.
KINDS = {"learner": "Learners", "control": "Controls", "permuted": "Permuted labels"}
FEW = 30


def differences(cast: Cast, comparison: pd.DataFrame) -> Chart | None:
    """AUROC less the reference's, with Holm's p value."""
    if cast.reference is None or "auroc_difference" not in comparison.columns:
        return None
    groups: dict[str, list[Row]] = {}
    for heading, table in _kinds(comparison):
        rows = [
            Row(
                cast.label(row["learner"]),
                row["learner"],
                *_ends(row, "auroc_difference"),
                (*_difference(row), _p(row.get("auroc_p_holm"))),
                cast.role(row["learner"]),
            )
            for row in table.to_dict("records")
            if row["learner"] != cast.reference and heading != KINDS["permuted"]
        ]
        groups[heading] = rows
    return forest(
        "forest",
        f"AUROC compared with {cast.label(cast.reference)}",
        f"Difference of AUROC from {cast.label(cast.reference)} (95 % interval)",
        groups,
        ("difference [95 %]", "p (Holm)"),
        (Rule(0.0, "x", "no difference"),),
        note=f"By {cast.level}, same patients. Right of the line: better than the reference.",
    )


def aurocs(cast: Cast, comparison: pd.DataFrame) -> Chart | None:
    """AUROC of learners, controls and permuted labels."""
    if "auroc" not in comparison.columns:
        return None
    groups = {
        heading: [
            Row(
                cast.label(row["learner"]),
                row["learner"],
                *_ends(row, "auroc"),
                _own(row),
                cast.role(row["learner"]),
            )
            for row in table.to_dict("records")
        ]
        for heading, table in _kinds(comparison)
    }
    return forest(
        "forest_auroc",
        "AUROC of learners and controls",
        "AUROC (95 % interval)",
        groups,
        ("AUROC [95 %]",),
        (Rule(0.5, "x", "chance"),),
        limits=(0.0, 1.0),
        note=f"By {cast.level}.",
    )


def subgroups(cast: Cast, metrics: Mapping[str, Any]) -> Chart | None:
    """AUROC of the headline learner by each variable of two values or more, with its patients."""
    own = metrics["learners"].get(cast.headline, {}).get(cast.level, {})
    groups: dict[str, list[Row]] = {}
    few = False
    found = own.get("subgroups") or []
    values = Counter(group["variable"] for group in found)
    for group in (one for one in found if values[one["variable"]] > 1):
        patients, positive = group["n_patients"], group["positive_patients"]
        small = min(positive, patients - positive) < FEW
        few |= small
        value, lo, hi = figure_of(group.get("auroc"))
        words = in_words(value, lo, hi) + (" *" if small else "")
        row = Row(
            readable(str(group["value"])),
            "subgroup",
            value,
            lo,
            hi,
            (f"{patients} ({positive})", words),
        )
        groups.setdefault(readable(group["variable"]), []).append(row)
    overall = figure_of(own.get("scores", {}).get("auroc"))
    everyone = Row(
        "all patients",
        str(cast.headline),
        *overall,
        (f"{own.get('n_patients')} ({own.get('positive_patients')})", in_words(*overall)),
        "headline",
    )
    if not groups:
        return None
    return forest(
        "subgroups",
        f"Subgroups: {cast.label(str(cast.headline))}",
        "AUROC (95 % interval)",
        {"": [everyone]} | groups,
        ("patients (positive)", "AUROC [95 %]"),
        (Rule(overall[0], "x", "all"),) if np.isfinite(overall[0]) else (),
        limits=(0.0, 1.0),
        note=f"* fewer than {FEW} patients of a class: not to be relied on." if few else "",
    )


def age_matched(cast: Cast, metrics: Mapping[str, Any]) -> Chart | None:
    """AUROC among patients of both classes matched by age."""
    found = metrics.get("age_matched") or {}
    if not found.get("learners"):
        return None
    rows = [
        Row(
            cast.label(name),
            name,
            *figure_of(own.get("auroc")),
            (in_words(*figure_of(own.get("auroc"))), _matched(own.get("difference"))),
            cast.role(name),
        )
        for name, own in found["learners"].items()
    ]
    age = figure_of(found.get("age_auroc"))
    check = [Row("age by itself", "age", *age, (in_words(*age), ""), "context")]
    return forest(
        "age_matched",
        "Patients matched by age",
        "AUROC (95 % interval)",
        {"Learners": rows, "Did the matching work?": check},
        ("AUROC [95 %]", "gain over reference"),
        (Rule(0.5, "x", "chance"),),
        limits=(0.0, 1.0),
        note=f"{found.get('pairs')} pairs. Age by itself near 0.5 shows that the matching worked.",
    )


def calibration(cast: Cast, metrics: Mapping[str, Any]) -> Chart | None:
    """Expected calibration error of each learner, as predicted and after temperature."""
    learners = metrics["learners"]
    before, after = [], []
    for own in learners.values():
        kept = own.get(cast.level, {}).get("calibration") or {}
        before.append(figure_of(kept.get("expected_calibration_error")))
        scaled = (kept.get("temperature") or {}).get("after") or {}
        after.append(figure_of(scaled.get("expected_calibration_error")))
    series = [
        _dodged("as predicted", before, -0.14, "first"),
        _dodged("after temperature", after, 0.14, "third"),
    ]
    series = [one for one in series if defined(one.x)]
    span = extent(series, limits=(0.0, 1.0))
    if span is None:
        return None
    columns = [Column("as predicted", tuple(in_words(*one)[:5] for one in before))]
    if len(series) > 1:
        columns.append(Column("after", tuple(in_words(*one)[:5] for one in after)))
    return Chart(
        "calibration",
        "Calibration before and after temperature",
        "Expected calibration error (95 % interval); 0 is best",
        "",
        tuple(series),
        (0.0, span[1]),
        note=f"By {cast.level}. {_origin(metrics)}",
        y_labels=tuple(cast.label(name) for name in learners),
        columns=tuple(columns),
    )


def _origin(metrics: Mapping[str, Any]) -> str:
    """Where temperatures come from: under one hold-out there are no other folds."""
    said = str((metrics.get("settings") or {}).get("temperature") or "")
    if "training part" in said:
        return "The temperature is fitted on the training part."
    return "A fold's temperature is fitted on the other folds."


def attributions(
    cast: Cast, summary: Mapping[str, Any], name: str, methods: Mapping[str, str], x: str
) -> Chart | None:
    """Mean absolute attribution of the positive logit to each clinical input.

    Args:
        summary: the explanations' summary; methods: key → words, all of one unit; x: the axis
            title, {} in it the positive class.
    """
    clinical = summary.get("clinical") or {}
    learner = _attributed(cast, clinical)
    if learner is None:
        return None
    features = clinical[learner]["features"]
    shifts = np.linspace(-0.14, 0.14, len(methods)) if len(methods) > 1 else [0.0]
    looks: tuple[Role, ...] = ("first", "third")
    series = [
        _dodged(words, [figure_of(own.get(key)) for own in features.values()], shift, look)
        for (key, words), shift, look in zip(methods.items(), shifts, looks, strict=False)
    ]
    series = [one for one in series if defined(one.x)]
    span = extent(series)
    if span is None:
        return None
    ratios = clinical[learner].get("ratio_alp_ldh") or {}
    said = [
        f"{words} {in_words(*figure_of(ratios[key]))}"
        for key, words in methods.items()
        if ratios.get(key)
    ]
    return Chart(
        name,
        f"Clinical inputs by {name[:-1]}: {cast.label(learner)}",
        x.format(cast.positive),
        "",
        tuple(series),
        (min(0.0, span[0]), span[1]),
        note=f"ALP over LDH: {'; '.join(said)}." if said else "",
        y_labels=tuple(readable(feature) for feature in features),
    )


def _kinds(comparison: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame]]:
    """Heading → its rows; no heading without the column `kind`."""
    if "kind" not in comparison.columns:
        yield "", comparison
        return
    kinds = comparison["kind"].fillna("learner")
    for kind, heading in KINDS.items():
        yield heading, comparison[kinds == kind]


def _skipped(row: Mapping[Any, Any]) -> bool:
    return isinstance(row.get("skipped"), str) and bool(row["skipped"])


def _difference(row: Mapping[Any, Any]) -> tuple[str]:
    return ("skipped" if _skipped(row) else in_words(*_ends(row, "auroc_difference"), sign="+"),)


def _own(row: Mapping[Any, Any]) -> tuple[str]:
    return ("skipped" if _skipped(row) else in_words(*_ends(row, "auroc")),)


def _ends(row: Mapping[Any, Any], column: str) -> tuple[float, float, float]:
    return number(row[column]), number(row[f"{column}_lo"]), number(row[f"{column}_hi"])


def _p(value: Any) -> str:
    p = number(value)
    if not np.isfinite(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _matched(difference: Mapping[str, Any] | None) -> str:
    return in_words(*figure_of(dict(difference)), sign="+") if difference else "–"


def _dodged(
    name: str, values: list[tuple[float, float, float]], shift: float, role: Role
) -> Series:
    """One point a row, a little above or below the row's middle."""
    value, lo, hi = (tuple(column) for column in zip(*values, strict=True))
    rows = tuple(index + shift for index in range(len(values)))
    return Series(name, name.replace(" ", "_"), value, rows, lo, hi, "points", role)


def _attributed(cast: Cast, clinical: Mapping[str, Any]) -> str | None:
    """The headline learner if it has clinical inputs, else the one with the most."""
    found = [name for name, own in clinical.items() if own.get("features")]
    if cast.headline in found:
        return cast.headline
    return max(found, key=lambda name: len(clinical[name]["features"])) if found else None
