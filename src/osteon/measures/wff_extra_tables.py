"""The WFF paper's figures as tables, and what it never printed: weights, ablations, times."""

from collections.abc import Mapping, Sequence
from typing import Any

from osteon.measures.intervals import wilson
from osteon.measures.paper_table import (
    DASH,
    NOTE,
    PaperTable,
    at,
    cell,
    number,
    p_value,
    with_interval,
)

WEIGHTS = {
    "chosen": "chosen out of fold",
    "best_on_test": "best on the test part, never to be used",
    "published": "printed in the paper",
}
MEASURED = {
    "ACC": "accuracy",
    "AUC": "auroc",
    "SE": "sensitivity",
    "SP": "specificity",
}
JUDGES = {"framework": "WFF"}


def ratios(lambdas: Sequence[float]) -> str:
    """`0.45/0.45/0.1`: weights of detector, sequence model and age."""
    return "/".join(f"{one:g}" for one in lambdas)


def weights(learner: str, published: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """The cell of a row's weights; the paper prints those of three rows."""
    printed = at(published, "protocol", "lambdas", learner)
    found = ours.get(learner)
    if isinstance(found, Mapping):
        found = found.get("lambdas") or found.get("lambda")
    own = None if found is None else ratios([round(float(one), 4) for one in found])
    return cell({"printed": ratios(printed) if printed else DASH, "ours": own})


def entry(value: Any, digits: int = 3) -> str:
    """A metric with its interval or a bare number as text."""
    return with_interval(value if isinstance(value, Mapping) else {"value": value}, digits)


def optimism(found: Mapping[str, Any]) -> PaperTable:
    """What the weights look like out of fold and on the test part.

    Args:
        found: of `osteon.measures.fusion_search.optimism`.
    """
    rows = []
    for key, name in WEIGHTS.items():
        one = found.get(key)
        if one:
            parts = [
                entry(at(one, part, metric))
                for part in ("oof", "test")
                for metric in ("accuracy", "auroc")
            ]
            rows.append([name, ratios(one.get("lambdas") or ()), *parts])
    said = [
        "The weights are chosen on out-of-fold scores of the training patients and judged once on "
        "the test part. Choosing them on the test part would look better by "
        f"{number(found.get('gap'), 3)} of accuracy (0 or more by construction): that is the "
        "optimism a reader must take off a result whose weights saw the test part."
    ]
    if found.get("ties"):
        lowest, highest = (found.get("ties_test_accuracy") or [None, None])[:2]
        said.append(
            f"{found['ties']} of the {found.get('tried', DASH)} weights of the grid in which all "
            "three terms count share the best out-of-fold accuracy; on the test part these range "
            f"from {number(lowest, 3)} to {number(highest, 3)}."
        )
    columns = ("Weights", "λ", "ACC, out of fold", "AUC, out of fold", "ACC, test", "AUC, test")
    return PaperTable("Optimism of the weights (the paper has none)", " ".join(said), columns, rows)


def ablations(found: Mapping[str, Any]) -> PaperTable:
    """Variants of the framework.

    Args:
        found: name → what (words), accuracy, auroc, sensitivity, specificity (value, lo, hi, or a
            number) and note, each may be absent.
    """
    intervals = any(
        isinstance(one.get(metric), Mapping)
        for one in found.values()
        for metric in MEASURED.values()
    )
    rows = [
        [
            str(one.get("what") or name.replace("_", " ")),
            *(entry(one.get(metric)) for metric in MEASURED.values()),
            str(one.get("note") or ""),
        ]
        for name, one in found.items()
    ]
    return PaperTable(
        "Ablations (the paper has none)",
        "By patient on the held-out part"
        + (", with 95 % intervals where they are known" if intervals else ", without intervals")
        + ". The variants are not tested against one another: a description, no finding.",
        ("Variant", *MEASURED, NOTE),
        rows,
    )


def stages(found: Mapping[str, Any], published: Mapping[str, Any]) -> PaperTable:
    """Seconds of each stage of a diagnosis.

    Args:
        found: `stages` → stage → n, mean, median (seconds a patient), or the seconds alone; `modes`
            → mode → the same for the whole; device, note: words. published: the paper's block.
    """
    rows = [
        [str(name).replace("_", " "), *took(one)]
        for key in ("stages", "modes")
        for name, one in (found.get(key) or {}).items()
    ]
    said = [f"Measured on {found['device']}." if found.get("device") else "", found.get("note")]
    without, with_age = (published["table4_seconds"][f"wff_{key}"] for key in ("mri", "mri_age"))
    said.append(
        f"Seconds a patient, one patient at a time. Printed for the whole: {number(without, 3)} s "
        f"without and {number(with_age, 3)} s with the age."
    )
    columns = ("Stage", "Patients", "Mean", "Median")
    return PaperTable(
        "Time of a diagnosis by stage", " ".join(str(one) for one in said if one), columns, rows
    )


def took(one: Any) -> list[str]:
    """Number of patients, mean and median."""
    if not isinstance(one, Mapping):
        return [DASH, DASH, number(one, 3)]
    count = one.get("n")
    return [str(count) if count else DASH, *(number(one.get(key), 3) for key in ("mean", "median"))]


def age_table(found: Mapping[str, Any], published: Mapping[str, Any]) -> PaperTable:
    """Fig. 5 as a table: patients, share and probability of each age group.

    Args:
        found: of `AgeTable.as_json`; published: the paper's block.
    """
    rows = []
    for place, name in enumerate(found["bins"]):
        benign, malignant = found["benign"][place], found["malignant"][place]
        total = benign + malignant
        share = DASH
        if total:
            ends = wilson(malignant, total)
            share = entry({"value": malignant / total, "lo": ends.lo, "hi": ends.hi})
        printed = printed_share(found["edges"], place, published["age_curve"])
        probability = number(found["probability"][place], 3)
        rows.append([str(name), str(benign), str(malignant), share, probability, printed])
    shift = found.get("prior_shift")
    return PaperTable(
        "Fig. 5 as a table: malignant tumours by age",
        "Training patients; share with a 95 % Wilson interval. Probability: what the fusion uses, "
        f"{found.get('smoothing', 'smoothed')}"
        + (f", {number(shift, 3)} added to its logit" if shift else "")
        + ". Printed: the paper's words, read off its figure by itself and called approximate.",
        ("Age, years", "Benign", "Malignant", "Share malignant", "Probability", "Printed"),
        rows,
    )


def printed_share(edges: Sequence[float | None], place: int, curve: Mapping[str, Any]) -> str:
    """What the paper says of an age group; of one that reaches beyond 80 years, both of its words.

    Args:
        edges: lower edges of the groups; place: which one; curve: the paper's `age_curve`.
    """
    low, high = edges[place], (edges[place + 1] if place + 1 < len(edges) else None)
    over_40, over_80 = (f"about {number(curve[f'malignant_over_{age}'], 1)}" for age in (40, 80))
    if low is None or low < 40:
        return DASH
    if low >= 80:
        return over_80
    return over_40 if high is not None and high <= 80 else f"{over_40}, above 80 {over_80}"


def locations(found: Mapping[str, Any], published: Mapping[str, Any]) -> list[PaperTable]:
    """Fig. 6 as a table for each mode.

    Args:
        found: of `osteon.measures.locations.by_location`; published: the paper's block.
    """
    printed, text = published["cohort"]["locations"], published["text"]
    most = ", ".join(f"{who.upper()} {place}" for who, place in text["most_errors"].items())
    note = (
        f"{found['statement']} {found['patients']} patients have {found['of_locations']} "
        f"locations. Printed, whole cohort: patients by location. Printed in words: most errors "
        f"{most}; fewest errors {text['fewest_errors']}; lowest error rate "
        f"{text['lowest_error_rate']}, highest {text['highest_error_rate']}."
    )
    made = []
    for mode, judges in found["modes"].items():
        rows = []
        for place in found["locations"]:
            cells = [str(printed.get(place, DASH)), str(found["numbers"][place])]
            for judge in judges.values():
                one = judge[place]
                cells.append(f"{one['errors']} of {one['patients']}: {entry(one['rate'])}")
            rows.append([place, *cells])
        names = [JUDGES.get(name, name) for name in judges]
        columns = (
            "Location",
            "Patients, printed",
            "Patients",
            *(f"{one}, errors" for one in names),
        )
        made.append(
            PaperTable(f"Fig. 6 as a table: errors by location, {mode}", note, columns, rows)
        )
    return made


def series_groups(
    found: Mapping[str, Any], published: Mapping[str, Any], names: Mapping[str, str]
) -> list[PaperTable]:
    """Fig. 7 as tables: accuracy and AUC by group of sequences, and the gains.

    Args:
        found: of `osteon.measures.series_groups.by_series_group`; published: the paper's block;
            names: learner → row of the paper.
    """
    rows, gains = [], []
    for row in found["rows"]:
        cells = []
        for group in found["groups"]:
            one = at(found, "figures", group, row)
            shown = {"ACC": entry(at(one, "accuracy")), "AUC": entry(at(one, "auroc"))}
            cells.append(cell(shown) if one else DASH)
        rows.append([names.get(row, row), *cells])
        gains.append(
            [names.get(row, row), *(gain(one.get(row)) for one in found["differences"].values())]
        )
    sizes = {
        group: max((one["n"] for one in found["figures"][group].values()), default=0)
        for group in found["groups"]
    }
    counts = ", ".join(f"{words}: {sizes[key]} patients" for key, words in found["groups"].items())
    low, high = published["t2_vs_t1_gain_pp"]
    made = [
        PaperTable(
            "Fig. 7 as a table: groups of sequences",
            f"{found['statement']} {counts}.",
            ("Fusion method", *found["groups"].values()),
            rows,
        )
    ]
    if found["differences"]:
        made.append(
            PaperTable(
                "Fig. 7: gain of accuracy between groups of sequences",
                f"Percentage points on the patients of both groups, p by McNemar, not adjusted. "
                f"Printed: T2 about {low} to {high} points above T1; all sequences like T2.",
                ("Fusion method", *(f"{one}, points" for one in found["differences"])),
                gains,
            )
        )
    return made


def gain(one: Mapping[str, Any] | None) -> str:
    """`+4.3 (n = 140, p 0.210)`; a dash where the groups share no patient."""
    if not one:
        return DASH
    return f"{one['points']:+.1f} (n = {one['n']}, p {p_value(one.get('p'))})"
