"""The AlexNet-BN paper's Tables 2 and 3 in their own layout, with what it never printed."""

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
    with_spread,
)

METHODS = {"alexnet_bn": "Our method", "googlenet": "GoogLeNet"}
ENDINGS = ("", "_holdout")
METRICS = {
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "f1": "F1 value",
    "precision": "Precision",
}
OVERALL = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_auroc": "AUC, mean over the classes",
}
BATCH_NORM = {
    "alexnet_no_bn": "no convolution",
    "alexnet_bn": "conv1 and conv2 (the paper)",
    "alexnet_bn_all": "all convolutions",
}
PERCENT = 100.0
CAPTION = (
    "Each cell: printed value; ours by patient, pooled over the judged parts, with its 95 % "
    "interval by bootstrap over patients; mean ± SD of the folds where there are several."
)


def tables(metrics: Mapping[str, Any], published: Mapping[str, Any]) -> list[PaperTable]:
    """Tables 2 and 3, the tests between the two methods, all classes, and the ablation.

    Args:
        metrics: of a run's evaluation; published: the paper's block. Cross-validation and hold-out
            differ in the names of the learners only.
    """
    learners = methods(metrics)
    made = [
        table2(metrics, published, learners),
        table3(metrics, published, learners),
        paired(metrics, learners),
    ]
    if len(metrics["classes"]) > 2:
        made += [class_rows(metrics, learners), overall(metrics, learners)]
    known = {*metrics["learners"], *metrics["skipped"]}
    return [*made, batch_norm(metrics)] if len(known & set(BATCH_NORM)) > 1 else made


def methods(metrics: Mapping[str, Any]) -> dict[str, str]:
    """The paper's method → the learner of the run that answers it."""
    known = {*metrics["learners"], *metrics["skipped"]}
    for ending in ENDINGS:
        named = {method: f"{method}{ending}" for method in METHODS}
        if known & set(named.values()):
            return named
    return {method: method for method in METHODS}


def positive(metrics: Mapping[str, Any]) -> str:
    """Which class counts as positive, in words."""
    *others, last = metrics["classes"]
    return f"Positive: {last}, against {' and '.join(others)}."


def table2(
    metrics: Mapping[str, Any], published: Mapping[str, Any], learners: Mapping[str, str]
) -> PaperTable:
    """The four metrics in per cent, and the precision."""
    rows = []
    for metric, name in METRICS.items():
        row = [name]
        for method, learner in learners.items():
            printed = published["table2"][method].get(metric)
            entry = at(metrics, "learners", learner, "patient", FIXED, metric)
            row.append(of_method(printed, entry, 2, PERCENT))
        rows.append([*row, remark(metrics, learners, metric)])
    return PaperTable(
        "Table 2, per cent, threshold 0.5",
        f"{positive(metrics)} {CAPTION}",
        ("Performance metrics", *METHODS.values(), NOTE),
        rows,
    )


def table3(
    metrics: Mapping[str, Any], published: Mapping[str, Any], learners: Mapping[str, str]
) -> PaperTable:
    """The AUC."""
    row = ["AUC"]
    for method, learner in learners.items():
        entry = at(metrics, "learners", learner, "patient", SCORES, "auroc")
        row.append(of_method(published["table3_auc"][method], entry, 3, 1.0))
    return PaperTable(
        "Table 3",
        f"{positive(metrics)} {CAPTION}",
        ("Performance metrics", *METHODS.values(), NOTE),
        [[*row, remark(metrics, learners)]],
    )


def of_method(
    printed: float | None, entry: Mapping[str, Any] | None, digits: int, scale: float
) -> str:
    """The lines of one cell."""
    ours = {} if entry is None else {"pooled": with_interval(entry, digits, scale)}
    folds = with_spread(entry, digits, scale)
    return cell({"printed": number(printed, digits), **ours, "folds": folds})


def remark(metrics: Mapping[str, Any], learners: Mapping[str, str], metric: str = "") -> str:
    """Why a cell is empty: a method that did not run, the precision that was never printed."""
    said = ["named by the paper, never printed"] if metric == "precision" else []
    for method, learner in learners.items():
        if why := why_absent(metrics, learner):
            said.append(f"{METHODS[method]}: {why}")
    return "; ".join(said)


def paired(metrics: Mapping[str, Any], learners: Mapping[str, str]) -> PaperTable:
    """DeLong, McNemar and the paired bootstrap between the two methods."""
    mine, other = learners.values()
    direct = metrics["settings"]["reference"] == other
    delong, mcnemar, auroc, accuracy = (
        chosen(metrics, mine, *which) if direct else {}
        for which in (
            ("delong", SCORES, "auroc"),
            ("mcnemar", FIXED, "accuracy"),
            ("bootstrap", SCORES, "auroc"),
            ("bootstrap", FIXED, "accuracy"),
        )
    )
    areas = [number(at(delong, key), 3) for key in ("first", "second")]
    right = [str(mcnemar.get(key, DASH)) for key in ("only_first", "only_second")]
    rows = [
        ["AUC, DeLong", *areas, with_interval(auroc, 3), *tested(delong)],
        ["Only this one right, McNemar", *right, with_interval(accuracy, 3), *tested(mcnemar)],
    ]
    note = "Paired on the same patients and folds; difference of AUC and of accuracy with its 95 % "
    note += "interval by paired bootstrap; Holm over all learners compared with the same reference."
    if not direct:
        note += f" Not tested here: the reference is {metrics['settings']['reference']}."
    columns = ("Test", *METHODS.values(), "Difference", "p", "p (Holm)", "Method")
    return PaperTable("The two methods compared (the paper has no test)", note, columns, rows)


def tested(test: Mapping[str, Any]) -> list[str]:
    """p, p by Holm and the method of a test."""
    return [p_value(test.get("p")), p_value(test.get("p_holm")), str(test.get("method", DASH))]


def class_rows(metrics: Mapping[str, Any], learners: Mapping[str, str]) -> PaperTable:
    """Each class against the rest."""
    rows = []
    for name in metrics["classes"]:
        entries = {
            word: at(metrics, "by_class", learner, name) or {}
            for word, learner in zip(("ours", METHODS["googlenet"]), learners.values(), strict=True)
        }
        auc = {word: with_interval(one.get("auroc"), 3) for word, one in entries.items()}
        row = [cell(auc)]
        for metric in METRICS:
            row.append(
                cell({w: with_interval(at(o, FIXED, metric), 3) for w, o in entries.items()})
            )
        rows.append([str(name), *row])
    return PaperTable(
        "One class against the rest, threshold 0.5",
        "By patient, 95 % intervals by bootstrap over patients. Ours: our method.",
        ("Class", "AUC", *METRICS.values()),
        rows,
    )


def overall(metrics: Mapping[str, Any], learners: Mapping[str, str]) -> PaperTable:
    """All classes at once."""
    rows = []
    for key, title in OVERALL.items():
        found = [at(metrics, "multiclass", learner, key) for learner in learners.values()]
        rows.append([title, *(with_interval(one, 3) for one in found)])
    return PaperTable(
        "All classes at once",
        "By patient: the class of greatest mean probability; 95 % intervals by bootstrap.",
        ("Metric", *METHODS.values()),
        rows,
    )


def batch_norm(metrics: Mapping[str, Any]) -> PaperTable:
    """Which convolutions are normalised."""
    reference = str(metrics["settings"]["reference"])
    rows: list[Sequence[str]] = []
    for learner, title in BATCH_NORM.items():
        levels = at(metrics, "learners", learner, "patient")
        gain = chosen(metrics, learner, "bootstrap", SCORES, "auroc")
        keys = ((SCORES, "auroc"), (FIXED, "accuracy"), (FIXED, "f1"))
        shown = [with_interval(one, 3) for one in (*(at(levels, *key) for key in keys), gain)]
        rows.append([title, *shown, why_absent(metrics, learner)])
    return PaperTable(
        "Batch normalisation (the paper has no ablation)",
        "By patient, threshold 0.5, 95 % intervals by bootstrap over patients. The variants are "
        "not tested against one another; each stands with its own interval.",
        (
            "Normalised",
            "AUC",
            "Accuracy",
            "F1 value",
            f"AUC less that of {METHODS.get(reference, reference)}",
            NOTE,
        ),
        rows,
    )
