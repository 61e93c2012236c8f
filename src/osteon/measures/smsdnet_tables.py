"""The SMSDNet paper's Table 1 in its own layout, ours beside the printed numbers; ablations."""

from collections.abc import Mapping
from typing import Any

from osteon.measures.judging import FIXED, SCORES, YOUDEN
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

HEADLINE, PAIR = "smsdnet", "pair_"
ROWS = {"osteosarcoma": "Spinal osteosarcoma", "giant_cell_tumor": "Giant cell tumor of bone"}
COLUMNS = {"Accuracy": "accuracy", "Sensitivity": "sensitivity", "Specificity": "specificity"}
GROUPS = {FIXED: "threshold 0.5", YOUDEN: "Youden's threshold"}
SOFTMAX = "One softmax model; each row is one class against the rest."
MODELS = "Two models of one logit; each row is the model of its class."
CAPTION = (
    "Each cell: printed value; ours by patient (mean over the slices) and by slice, with 95 % "
    "intervals by bootstrap over patients. The paper does not say what it counts nor which "
    "threshold it uses."
)
LEARNERS = {
    "smsdnet": "SMSDNet",
    "densenet": "plain DenseNet, same depth",
    "attention_only": "attention only",
    "multiscale_only": "multi-scale fusion only",
    "smsdnet_rgb": "SMSDNet, RGB instead of HSV",
    "densenet121": "DenseNet-121",
}


def tables(metrics: Mapping[str, Any], published: Mapping[str, Any]) -> list[PaperTable]:
    """Table 1 at 0.5 and at Youden's threshold, and the ablations.

    Args:
        metrics: of a run's evaluation, with `by_class`; a report of the learners `pair_<class>`
            answers each row by the model of its class. published: the paper's block.
    """
    pair = any(name.startswith(PAIR) for name in [*metrics["learners"], *metrics["skipped"]])
    made = [table1(metrics, published, group, pair) for group in GROUPS]
    return made if pair else [*made, ablations(metrics)]


def table1(
    metrics: Mapping[str, Any], published: Mapping[str, Any], group: str, pair: bool
) -> PaperTable:
    """The paper's rows, and one for each further class of the run; a Note where ours is absent."""
    names = [*ROWS, *(one for one in metrics["classes"] if one not in ROWS)]
    rows, sources = [], set()
    for name in names:
        learner = f"{PAIR}{name}" if pair else HEADLINE
        entry = at(metrics, "by_class", learner, name)
        sources.add(at(entry, "youden_from"))
        why = "" if entry else why_absent(metrics, learner) or "no such class in this cohort"
        printed = published["table1"].get(name, {})
        rows.append([ROWS.get(name, name), *cells(entry, printed, group), why])
    source = "; ".join(sorted(one for one in sources if one)) or "none could be chosen"
    said = f" Threshold chosen on: {source}." if group == YOUDEN else ""
    return PaperTable(
        f"Table 1, {GROUPS[group]}",
        f"{MODELS if pair else SOFTMAX} {CAPTION}{said}",
        ("Type of tumors being classified by model", "AUC", "95 % CI", *COLUMNS, NOTE),
        rows,
    )


def cells(entry: Mapping[str, Any] | None, printed: Mapping[str, Any], group: str) -> list[str]:
    """AUC, its interval and the three proportions of one row: printed, by patient, by slice."""
    levels = {} if entry is None else {"patients": entry, "slices": at(entry, "image")}
    auroc = {word: at(level, SCORES, "auroc") for word, level in levels.items()}
    lo, hi = printed.get("ci95", (None, None))
    found = [
        {"printed": number(printed.get("auc"), 3)}
        | {word: number(at(one, "value"), 3) for word, one in auroc.items()},
        {"printed": span(lo, hi)}
        | {word: span(at(one, "lo"), at(one, "hi")) for word, one in auroc.items()},
    ]
    for metric in COLUMNS.values():
        ours = {word: with_interval(at(one, group, metric), 3) for word, one in levels.items()}
        found.append({"printed": number(printed.get(metric), 3), **ours})
    return [cell(lines) for lines in found]


def span(lo: float | None, hi: float | None) -> str:
    """An interval as the paper prints it; a dash without both ends."""
    return DASH if lo is None or hi is None else f"{number(lo, 3)} ~ {number(hi, 3)}"


def ablations(metrics: Mapping[str, Any]) -> PaperTable:
    """All learners: AUROC held out and on the training part, difference from the reference."""
    reference, positive = metrics["settings"]["reference"], metrics["classes"][-1]
    known = [*metrics["learners"], *metrics["skipped"]]
    order = [*(name for name in LEARNERS if name in known)]
    order += [name for name in known if name not in LEARNERS]
    sizes = {name: parameters(metrics, name) for name in order}
    rows = []
    for name in order:
        gain = chosen(metrics, name, "bootstrap", SCORES, "auroc")
        test = chosen(metrics, name, "delong", SCORES, "auroc")
        row = [
            LEARNERS.get(name, name),
            with_interval(at(metrics, "learners", name, "patient", SCORES, "auroc"), 3),
            number(at(metrics, "training_part", name, positive, "auroc"), 3),
            "reference" if name == reference else with_interval(gain, 3),
            p_value(at(test, "p_holm")),
        ]
        size = [f"{sizes[name]:,}" if sizes[name] else DASH] if any(sizes.values()) else []
        rows.append([*row, *size, why_absent(metrics, name)])
    shown = LEARNERS.get(reference, reference)
    columns = ["Learner", "AUROC", "training part", f"difference from {shown}", "p (Holm, DeLong)"]
    return PaperTable(
        "Ablations (the paper has none)",
        f"By patient, {positive} positive, 95 % intervals by bootstrap over patients; difference "
        "paired on the same patients. Training part: AUROC on the patients a network was fitted "
        "on, never a performance.",
        [*columns, *(["parameters"] if any(sizes.values()) else []), NOTE],
        rows,
    )


def parameters(metrics: Mapping[str, Any], learner: str) -> int | None:
    """Trainable parameters, where the training records of the folds tell them."""
    folds = at(metrics, "training", learner, "folds") or [{}]
    found = folds[0].get("parameters")
    return found if isinstance(found, int) else None
