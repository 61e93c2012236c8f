"""The cohort of a report: flow, refusals, demographics, balance, missing values, acquisition.

All cells are ready text without any identifier. Values that only one or two patients have are
counted together: what a user wrote into a table can name somebody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from osteon.imaging.refusals import ADVICE
from osteon.reporting.acquisition import acquisition_table
from osteon.reporting.cells import (
    NONE,
    NOT_STATED,
    age_band,
    grouped,
    in_order,
    median,
    median_age,
    out_of,
    row,
    share,
    table,
)
from osteon.reporting.cohort_target import target_table

ALL = "all"
NAMES = {"gender": "sex", "age": "age", "alp": "ALP", "ldh": "LDH"}
LABS = ("alp", "ldh")
STATED = ("site", "location", "subtype", "centre")
KEPT_WHOLE = ("sex",)  # a closed list of values: nothing to hide


@dataclass(frozen=True)
class Part:
    """A column of the demographics: its patients, and its images' patients, one entry an image."""

    name: str
    patients: pd.DataFrame
    owners: pd.Series


def cohort_tables(
    patients: pd.DataFrame,
    images: pd.DataFrame,
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    flow: Mapping[str, Any] | None = None,
    missingness: Mapping[str, Any] | None = None,
    quarantine: pd.DataFrame | None = None,
    clinical: Mapping[str, Any] | None = None,
    classes: Sequence[str] | None = None,
    preparation: Mapping[str, Any] | None = None,
    labelled_by: str = "patients",
) -> dict[str, Any]:
    """All tables that describe a cohort.

    Args:
        patients, images, samples, splits: as `osteon.schemas` describes them.
        flow: counts received → read → kept (`cohort_flow`).
        missingness: value → class → counts (`missingness`).
        quarantine: one row a refused file, mask or box; only its codes are read.
        clinical: how missing values are filled (`ClinicalConfig` as a dict).
        classes: names, the positive one last; None: those of the samples.
        preparation: slices, regions and colours that the networks were given, as counted.
        labelled_by: `patients` have a class each; or `masks` show the last class on single slices,
            and then patients are not told apart by class.

    Returns:
        flow, refused, demographics, class_balance, missing, filled, acquisition, preparation and
        whether the patients table fixes the parts (`parts_fixed`); with masks also `target`, the
        slices that show it by part. JSON values.
    """
    classes = [*classes] if classes else _classes(samples)
    masks = labelled_by == "masks"
    parts = _parts(patients, samples, splits, [] if masks else classes)
    own = {"target": target_table(samples, splits, classes[-1])} if masks else {}
    if masks:
        patients = patients.assign(label=classes[-1])
        missingness, classes = {}, []
    return own | {
        "flow": _flow(flow, samples, splits, preparation or {}),
        "refused": _refused(flow, quarantine),
        "demographics": _demographics(parts, classes),
        "class_balance": _balance(samples, classes) if classes else [],
        "missing": _missing(missingness or {}, classes),
        "filled": _filled(missingness or {}, clinical),
        "acquisition": acquisition_table(images, samples, classes),
        "preparation": dict(preparation or {}),
        "parts_fixed": bool("split" in patients and patients["split"].notna().any()),
    }


def _classes(samples: pd.DataFrame) -> list[str]:
    """Names of the classes, the positive one last."""
    return [str(one) for one in samples.sort_values("label")["class"].unique()]


def _parts(
    patients: pd.DataFrame, samples: pd.DataFrame, splits: pd.DataFrame, classes: list[str]
) -> list[Part]:
    """All, each class, then each fold of a cross-validation or the cohort's train and test part."""
    placed = samples[["sample_id", "patient_id", "class"]].merge(
        splits[["sample_id", "fold", "split"]], on="sample_id", how="left"
    )
    by_fold = "fold " + placed["fold"].astype("Int64").astype("str")
    placed["part"] = placed["split"].where(placed["split"] != "cv", by_fold)
    groups = {ALL: placed}
    groups |= {name: placed[placed["class"] == name] for name in classes}
    order = {"train": "0", "test": "1"}
    for part in sorted(placed["part"].dropna().unique(), key=lambda one: order.get(one, one)):
        groups[str(part)] = placed[placed["part"] == part]
    return [
        Part(name, patients[patients["patient_id"].isin(rows["patient_id"])], rows["patient_id"])
        for name, rows in groups.items()
    ]


def _flow(
    flow: Mapping[str, Any] | None,
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    preparation: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Received → judged; a number that was not counted at a step is None."""
    steps: list[tuple[str, int | None, int | None, str]] = []
    if flow:
        owners, refused = flow["patients"], sum(flow["refused"].values())
        steps += [
            ("received", owners["listed"], flow["received"], "patients listed; files"),
            ("left out on purpose", None, flow["left_out"], "files"),
            ("refused", None, refused, "files; by code below"),
            ("kept", owners["with_images"], flow["kept"], "files"),
            ("without a usable image", owners["without_images"], None, "patients listed"),
            ("images in the kept files", owners["with_images"], flow["images"], "frames or slices"),
        ]
    slices = preparation.get("slices") or {}
    if slices and slices["chosen"] < slices["frames"]:
        steps.append(
            ("chosen by rule", samples["patient_id"].nunique(), slices["chosen"], "slices")
        )
    steps.append(("learnt from or judged", *_count(samples), "images"))
    judged = splits[splits["fold"] >= 0]
    if len(judged) < len(splits):
        steps.append(("learnt from only", *_count(splits[splits["fold"] < 0]), "the train part"))
    steps.append(("judged", *_count(judged), "held out"))
    if bool((splits.groupby("patient_id")["fold"].nunique() > 1).any()):
        steps[-1] = (*steps[-1][:3], "patients are divided over folds: an audit")
    return [
        {"step": step, "patients": whom, "images": images, "note": note}
        for step, whom, images, note in steps
    ]


def _count(rows: pd.DataFrame) -> tuple[int, int]:
    return int(rows["patient_id"].nunique()), len(rows)


def _refused(
    flow: Mapping[str, Any] | None, quarantine: pd.DataFrame | None
) -> list[dict[str, Any]]:
    """Code, count and advice of what was refused, the most frequent first."""
    if flow is not None:
        counts = dict(flow["refused"])
        for code, count in flow.get("refused_annotations", {}).items():
            counts[code] = counts.get(code, 0) + count
    elif quarantine is not None:
        counts = {str(code): int(n) for code, n in quarantine["code"].value_counts().items()}
    else:
        return []
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [{"code": c, "count": int(n), "advice": ADVICE.get(c, "")} for c, n in ordered]


def _demographics(parts: list[Part], classes: list[str]) -> dict[str, object]:
    everybody = parts[0].patients
    rows = [
        row("patients", {p.name: str(len(p.patients)) for p in parts}),
        row("images", {p.name: str(len(p.owners)) for p in parts}),
        row(
            "images a patient: median [IQR]",
            {p.name: median(p.owners.value_counts()) for p in parts},
        ),
    ]
    if classes:
        rows += _stated_rows(parts, "class", everybody["label"], classes)
    rows.append(
        row("age, years: median [IQR]", {p.name: median_age(p.patients["age"]) for p in parts})
    )
    bands = age_band(everybody["age"]).where(everybody["age"].notna(), NOT_STATED)
    rows += _stated_rows(parts, "age", bands, sorted(bands.unique()))
    for name in KEPT_WHOLE:
        rows += _stated_rows(parts, name, everybody[name], sorted(everybody[name].unique()))
    for name in STATED:
        values = grouped(everybody[name], everybody["patient_id"])
        if len(everybody) and not (values == NOT_STATED).all():
            rows += _stated_rows(parts, name, values, in_order(values))
    for lab in LABS:
        rows += _lab_rows(parts, lab)
    return table([part.name for part in parts], rows)


def _stated_rows(
    parts: list[Part], name: str, values: pd.Series, order: list[Any]
) -> list[dict[str, object]]:
    """One row a value: patients of each part that have it, and their share of the part."""
    return [
        row(
            f"{name}: {value}",
            {
                p.name: share(int((values[p.patients.index] == value).sum()), len(p.patients))
                for p in parts
            },
        )
        for value in order
    ]


def _lab_rows(parts: list[Part], lab: str) -> list[dict[str, object]]:
    """A laboratory value: measured, median, above the range that its own record states."""

    def above(rows: pd.DataFrame) -> str:
        with_range = rows[rows[lab].notna() & rows[f"{lab}_high"].notna()]
        raised = int((with_range[lab] > with_range[f"{lab}_high"]).sum())
        return out_of(raised, len(with_range)) if len(with_range) else NONE

    if parts[0].patients[lab].isna().all():
        return []
    name = NAMES[lab]
    measured = {p.name: out_of(int(p.patients[lab].notna().sum()), len(p.patients)) for p in parts}
    return [
        row(f"{name}: measured", measured),
        row(f"{name}, U/L: median [IQR]", {p.name: median(p.patients[lab]) for p in parts}),
        row(f"{name}: above its record's range", {p.name: above(p.patients) for p in parts}),
    ]


def _balance(samples: pd.DataFrame, classes: list[str]) -> list[dict[str, object]]:
    """Patients and images of each class."""
    total_patients, total = _count(samples)
    rows = []
    for name in classes:
        patients, images = _count(samples[samples["class"] == name])
        cells = {"patients": share(patients, total_patients), "images": share(images, total)}
        rows.append(row(name, cells))
    return [*rows, row(ALL, {"patients": str(total_patients), "images": str(total)})]


def _missing(missingness: Mapping[str, Any], classes: list[str]) -> list[dict[str, object]]:
    """How often a clinical value is absent, and the classes' difference in percentage points."""
    rows = []
    for name, by_class in missingness.items():
        for key, what in (("missing", "missing"), ("fallback_range", "without a range of its own")):
            if not any(key in counts for counts in by_class.values()):
                continue
            cells = {c: out_of(n.get(key, 0), n["patients"]) for c, n in by_class.items()}
            ordered = {c: cells[c] for c in [*classes, *cells] if c in cells}
            everybody = sum(n["patients"] for n in by_class.values())
            ordered[ALL] = out_of(_total(by_class, key), everybody)
            shares = [100 * n.get(key, 0) / n["patients"] for n in by_class.values()]
            points = {"points": round(max(shares) - min(shares), 1)}
            rows.append(row(f"{NAMES.get(name, name)}: {what}", ordered) | points)
    return rows


def _total(by_class: Mapping[str, Any], key: str) -> int:
    return sum(counts.get(key, 0) for counts in by_class.values())


def _filled(
    missingness: Mapping[str, Any], clinical: Mapping[str, Any] | None
) -> list[dict[str, object]]:
    """What a network gets where a value is missing, and how many patients it concerns."""
    rows = []
    for name, by_class in missingness.items():
        cells = {
            "patients": str(_total(by_class, "missing")),
            "handling": filling(name, clinical) if clinical else "not stated in this run",
        }
        usual = (clinical or {}).get(f"{name}_range")
        if usual:
            count = _total(by_class, "fallback_range")
            cells["range"] = (
                f"{usual[0]:g} to {usual[1]:g} U/L for {count} without one of their own"
            )
        rows.append(row(NAMES.get(name, name), cells))
    return rows


def filling(name: str, clinical: Mapping[str, Any]) -> str:
    """The policy for one clinical input in a sentence (see `osteon.recipes.clinical`)."""
    policy = clinical.get("missing", "impute")
    if policy == "drop":
        return "patient left out by the learners that use it"
    middle = {"gender": "0, between female and male", "age": "0.5, which stands for 50 years"}
    said = middle.get(name, "0.5, the middle of the reference range")
    if policy == "indicator" and name in LABS:
        said += ", and a further input says that it was missing"
    return said
