"""Tables 3 and 4 of the WFF paper in their own layout, N = 4, 8, 16, and what a report adds.

The numbers of Figs. 5 to 7, the weights, the ablations and the times stand in
`osteon.measures.wff_extra_tables`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from osteon.measures.judging import FIXED, SCORES
from osteon.measures.paper_table import (
    DASH,
    NOTE,
    PaperTable,
    at,
    cell,
    chosen,
    number,
    p_value,
    why_absent,
    with_interval,
)
from osteon.measures.wff_extra_tables import (
    ablations,
    age_table,
    locations,
    optimism,
    series_groups,
    stages,
    weights,
)
from osteon.measures.wff_part_tables import prevalence, quick
from osteon.measures.wff_words import CAPTION, DOCTORS, LAMBDAS, MADE_UP, OTHERS

ROWS = {
    "det": "Det",
    "det_age": "Det-Age",
    "seq": "Seq",
    "seq_age": "Seq-Age",
    "det_seq": "Det-Seq",
    "det_seq_age": "Det-Seq-Age",
}
PUBLISHED_WEIGHTS = {"det_seq_age_published": "Det-Seq-Age, printed λ"}
METRICS = {
    "ACC": ("acc", FIXED, "accuracy"),
    "AUC": ("auc", SCORES, "auroc"),
    "SE": ("se", FIXED, "sensitivity"),
    "SP": ("sp", FIXED, "specificity"),
}
PROPORTIONS = {name: METRICS[name] for name in ("ACC", "SE", "SP")}
MODES = {
    "without age": ("mri", "MRI", "det_seq"),
    "with age": ("mri_age", "MRI-Age", "det_seq_age"),
}
"""Mode → the paper's key, its word, and the framework's learner."""
SLICES = {
    4: ("seq_n4", "det_seq_age_n4"),
    8: ("seq_n8", "det_seq_age_n8"),
    16: ("seq", "det_seq_age"),
}
PERMUTED = "seq_permuted"
NONE = ""
"""A cell of lines without any."""


def tables(
    metrics: Mapping[str, Any], published: Mapping[str, Any], extras: Mapping[str, Any]
) -> list[PaperTable]:
    """All tables of the paper and what it never printed, in the order of a report.

    Args:
        metrics: of a run's evaluation; published: the paper's block.
        extras: what evaluation does not know; each may be absent and leaves its tables out.
            `lambdas`: learner → (λ1, λ2, λ3); `readers`: of `readers.compare_readers`; `locations`:
            of `locations.by_location`; `groups`: of `series_groups.by_series_group`; `optimism`: of
            `fusion_search.optimism`; `prevalence`: see `wff_part_tables`; `ablations`: name → what,
            accuracy, auroc, sensitivity, specificity, note; `times`: `stages` and `modes` → name →
            n, mean, median (seconds), patients, device, note; `age_table`: of `AgeTable.as_json`.
    """
    made = [
        table3(metrics, published, extras),
        against_reference(metrics),
        table4(metrics, published, extras),
    ]
    known = {*metrics["learners"], *metrics["skipped"]}
    if known & {name for n in (4, 8) for name in SLICES[n]}:
        made.append(slices(metrics))
    for key, make in (("optimism", optimism), ("ablations", ablations)):
        made += [make(extras[key])] if extras.get(key) else []
    if extras.get("times"):
        made.append(stages(extras["times"], published))
    if extras.get("prevalence"):
        made.append(prevalence(extras["prevalence"], published))
    if extras.get("age_table"):
        made.append(age_table(extras["age_table"], published))
    if extras.get("locations"):
        made += locations(extras["locations"], published)
    if extras.get("groups"):
        made += series_groups(extras["groups"], published, ROWS)
    return made


def positive(metrics: Mapping[str, Any]) -> str:
    """Which class counts as positive, in words."""
    settings = metrics["settings"]
    return f"Positive: {settings['positive_class']}."


def table3(
    metrics: Mapping[str, Any], published: Mapping[str, Any], extras: Mapping[str, Any]
) -> PaperTable:
    """The six rows of the fusion and our rows with the printed weights."""
    known = {*metrics["learners"], *metrics["skipped"]}
    rows = []
    for learner, name in {**ROWS, **PUBLISHED_WEIGHTS}.items():
        if learner in PUBLISHED_WEIGHTS and learner not in known:
            continue
        printed = published["table3"].get(learner, {})
        row = [name]
        for key, group, metric in METRICS.values():
            entry = at(metrics, "learners", learner, "patient", group, metric)
            row.append(beside(printed.get(key), entry))
        row.append(weights(learner, published, extras.get("lambdas") or {}))
        rows.append([*row, why_absent(metrics, learner)])
    shuffled = at(metrics, "permuted_labels", "learners", PERMUTED, "patient", SCORES, "auroc")
    control = f" Seq on permuted labels, which must be about 0.5: AUC {with_interval(shuffled, 3)}."
    return PaperTable(
        "Table 3, fusion methods",
        f"{positive(metrics)} {CAPTION} {LAMBDAS}" + quick(metrics) + (control if shuffled else ""),
        ("Fusion method", *METRICS, "λ", NOTE),
        rows,
    )


def beside(printed: float | None, entry: Mapping[str, Any] | None, digits: int = 3) -> str:
    """The two lines of a cell: printed and ours."""
    ours = None if entry is None else with_interval(entry, digits)
    return cell({"printed": number(printed, digits), "ours": ours})


def against_reference(metrics: Mapping[str, Any]) -> PaperTable:
    """McNemar and DeLong of every row against the reference."""
    reference = str(metrics["settings"]["reference"])
    names = {**ROWS, **PUBLISHED_WEIGHTS}
    rows = []
    for learner, name in names.items():
        if learner == reference or learner not in metrics["learners"]:
            continue
        accuracy, auroc = (
            chosen(metrics, learner, "bootstrap", *which)
            for which in ((FIXED, "accuracy"), (SCORES, "auroc"))
        )
        mcnemar = chosen(metrics, learner, "mcnemar", FIXED, "accuracy")
        delong = chosen(metrics, learner, "delong", SCORES, "auroc")
        right = [str(mcnemar.get(key, DASH)) for key in ("only_first", "only_second")]
        rows.append(
            [
                name,
                with_interval(accuracy, 3),
                *right,
                p_value(mcnemar.get("p")),
                p_value(mcnemar.get("p_holm")),
                with_interval(auroc, 3),
                p_value(delong.get("p")),
                p_value(delong.get("p_holm")),
            ]
        )
    shown = names.get(reference, reference)
    return PaperTable(
        f"Fusion methods against {shown} (the paper has no test)",
        f"Row less {shown} on the same patients, 95 % interval by paired bootstrap. McNemar on who "
        "is called rightly, exact below 25 discordant patients; DeLong on the AUC; Holm over all "
        "learners compared with the same reference.",
        (
            "Fusion method",
            "Difference of ACC",
            "Only this one right",
            f"Only {shown} right",
            "p, McNemar",
            "p (Holm)",
            "Difference of AUC",
            "p, DeLong",
            "p (Holm), DeLong",
        ),
        rows,
    )


def table4(
    metrics: Mapping[str, Any], published: Mapping[str, Any], extras: Mapping[str, Any]
) -> PaperTable:
    """Printed doctors, our readers and the framework, without and with the age."""
    rows: list[Sequence[str]] = []
    for mode, (key, word, _) in MODES.items():
        for doctor, who in published["observers"].items():
            rows.append(of_doctor(f"{doctor}_{key}", f"{doctor.upper()} ({word})", who, published))
        readers = at(extras.get("readers"), "modes", mode, "readers") or {}
        made_up = ", made up" if phantom(metrics) else ""
        rows += [of_reader(f"{name}{made_up} ({word})", one) for name, one in readers.items()]
        rows.append(of_framework(mode, metrics, published, extras.get("times") or {}))
    note = DOCTORS
    if not extras.get("readers"):
        note += " No reader called the patients of this cohort."
    else:
        note += f" p: {at(extras['readers'], 'statement')}"
        # A reader of the phantom looks like a colleague in a table: this must be read first.
        note = f"{MADE_UP} {note}" if phantom(metrics) else note
    if extras.get("times"):
        count = extras["times"].get("patients", DASH)
        note += f" Our framework's times are of {count} patients, without decoding DICOM files."
    return PaperTable(
        "Table 4, readers and framework",
        f"{positive(metrics)} {note}",
        ("Method", "Time, s", *PROPORTIONS, "p", "Holm", NOTE),
        rows,
    )


def of_doctor(
    row: str, name: str, who: Mapping[str, Any], published: Mapping[str, Any]
) -> list[str]:
    """A printed doctor: never tested, as nobody has his calls."""
    printed, time = published["table4"][row], published["table4_seconds"][row]
    cells = [cell({"printed": number(printed[key], 3)}) for key, _, _ in PROPORTIONS.values()]
    told = f"{who['role']}, {who['experience_years']} years; {OTHERS}"
    return [name, f"printed {number(time, 2)}", *cells, NONE, NONE, told]


def of_reader(name: str, one: Mapping[str, Any]) -> list[str]:
    """A reader of the run, with his test against the framework."""
    cells = [
        cell({"ours": with_interval(one.get(metric), 3)}) for _, _, metric in PROPORTIONS.values()
    ]
    test = one.get("mcnemar") or {}
    told = [str(one["role"])] if one.get("role") else []
    if one.get("experience_years") is not None:
        told.append(f"{one['experience_years']:g} years")
    told.append(f"{one.get('n')} patients")
    if one.get("not_called"):
        told.append(f"{one['not_called']} not called")
    if test:
        told.append(
            f"only the framework right {test['only_first']}, only the reader {test['only_second']}"
        )
    # One word each, as the lines of a cell are taken apart at blanks.
    tests = [f"ours {p_value(test.get(key)).replace(' ', '')}" for key in ("p", "p_holm")]
    return [name, took(None, one.get("seconds")), *cells, *tests, "; ".join(told)]


def phantom(metrics: Mapping[str, Any]) -> bool:
    """Whether the patients, and with them their readers, are made by the software."""
    return bool(at(metrics, "data", "source") == "phantom")


def of_framework(
    mode: str,
    metrics: Mapping[str, Any],
    published: Mapping[str, Any],
    times: Mapping[str, Any],
) -> list[str]:
    """The framework in one mode, printed and ours."""
    key, word, learner = MODES[mode]
    printed = published["table4"][f"wff_{key}"]
    cells = [
        beside(printed[short], at(metrics, "learners", learner, "patient", group, metric))
        for short, group, metric in PROPORTIONS.values()
    ]
    time = took(published["table4_seconds"][f"wff_{key}"], at(times, "modes", mode), 3)
    name = f"{ROWS[learner]} ({word})"
    return [name, time, *cells, NONE, NONE, why_absent(metrics, learner)]


def took(printed: float | None, ours: Mapping[str, Any] | None, digits: int = 2) -> str:
    """Printed mean time, and our mean with the median."""
    lines: dict[str, str | None] = {}
    if printed is not None:
        lines["printed"] = number(printed, digits)
    if ours:
        median = number(ours.get("median"), digits)
        lines["ours"] = f"{number(ours.get('mean'), digits)} (median {median})"
    return cell(lines)


def slices(metrics: Mapping[str, Any]) -> PaperTable:
    """The sequence model with 4, 8 and 16 slices, alone and in the framework."""
    rows = []
    for n, learners in SLICES.items():
        row = [f"N = {n}"]
        for learner in learners:
            for key, group, metric in (METRICS["ACC"], METRICS["AUC"]):
                del key
                entry = at(metrics, "learners", learner, "patient", group, metric)
                row.append(with_interval(entry, 3))
        why = [f"{one}: {said}" for one in learners if (said := why_absent(metrics, one))]
        rows.append([*row, "; ".join([*(["printed: better"] if n == 16 else []), *why])])
    return PaperTable(
        "Slices of the sequence model",
        "The paper says that N = 16 was better than 4 and 8 and prints no number. Ours by patient, "
        "95 % intervals by bootstrap over patients; each N stands with its own interval. The "
        "framework has the weights chosen with N = 16 throughout: where the sequence model weighs "
        "little, N can change little there.",
        ("Slices", "Seq, ACC", "Seq, AUC", "Det-Seq-Age, ACC", "Det-Seq-Age, AUC", NOTE),
        rows,
    )
