"""What a run can say of its results: measures, intervals, controls, subgroups, explanations."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from osteon.reporting.card.facts import CardFacts, Whole, answer, figure

CLUSTERS = ("centre", "scanner")
MULTI = {"macro_auroc": "mean AUROC of the classes", "accuracy": "accuracy of the likeliest class"}
YOUDEN = "at Youden's threshold"


@answer("metrics")
def measures(facts: CardFacts) -> str | None:
    """Names of what was measured."""
    levels = next(iter(facts.learners.values()), None)
    if levels is None:
        return None
    named = {
        "scores": [*levels["patient"]["scores"]],
        "at thresholds": [*levels["patient"]["at_0.5"]],
        "calibration": _figures(levels["patient"]["calibration"]),
    }
    said = "; ".join(f"{group}: {', '.join(names)}" for group, names in named.items())
    by = "by patient (headline) and by image" if "image" in levels else "by patient"
    return f"{by}. {said}".replace("_", " ")


def _figures(calibration: Mapping[str, Any]) -> list[str]:
    """Names of the figures; whether they are given after temperature scaling too."""
    own = ("temperature", "temperature_note")
    after = ["the same after temperature scaling"] if calibration.get("temperature") else []
    return [name for name in calibration if name not in own] + after


@answer("metrics")
def statistics(facts: CardFacts) -> str | None:
    """Intervals, tests, adjustment."""
    one = (facts.metrics or {})["settings"]
    return (
        f"{100 * one['confidence']:.0f} % intervals: bootstrap ({one['interval']}, "
        f"{one['rounds']} rounds, seed {one['seed']}) over {one['resampling'].rstrip('.')}; "
        "beside it Wilson for proportions and DeLong for AUROC by patient. Against "
        f"{one['reference']}: paired bootstrap, DeLong, McNemar. Holm: {one['holm']}"
    )


@answer("metrics")
def performance(facts: CardFacts) -> str | None:
    """AUROC by patient of every learner; of three classes or more, all of them at once too."""
    said = [_each(facts.learners, "scores", "auroc", "AUROC by patient, 95 % interval")]
    found = {
        name: one
        for name, one in ((facts.metrics or {}).get("multiclass") or {}).items()
        if len(one["classes"]) > 2
    }
    for key, words in MULTI.items():
        each = "; ".join(f"{name} {figure(one[key])}" for name, one in found.items() if key in one)
        said.append(f"{words} by patient: {each}" if each else None)
    return ". ".join(one for one in said if one) or None


@answer("metrics")
def performance_by_subgroup(facts: CardFacts) -> str | None:
    """AUROC of every learner; subgroups are the card's own table."""
    count = len(subgroup_table(facts.learners))
    return f"{performance(facts)}. By subgroup: {count} rows, under Subgroups" if count else None


@answer("metrics")
def diagnostic(facts: CardFacts) -> str | None:
    """Sensitivity and specificity of every learner at both thresholds."""
    said = [
        _each(facts.learners, group, metric, f"{metric} by patient {words}")
        for group, words in (("at_0.5", facts.called), ("at_youden", YOUDEN))
        for metric in ("sensitivity", "specificity")
    ]
    return ". ".join(one for one in said if one) or None


@answer("metrics")
def calibration(facts: CardFacts) -> str | None:
    """Slope and Brier score of every learner."""
    said = [
        _each(facts.learners, "calibration", metric, f"calibration {metric} by patient")
        for metric in ("slope", "intercept", "brier")
    ]
    return ". ".join(one for one in said if one) or None


def _each(learners: Mapping[str, Any], group: str, metric: str, title: str) -> str | None:
    said = [
        f"{name} {figure(levels['patient'][group][metric])}"
        for name, levels in learners.items()
        if metric in levels["patient"].get(group, {})
    ]
    return f"{title}: {'; '.join(said)}" if said else None


@answer("metrics")
def failures(facts: CardFacts) -> str | None:
    """Patients that each learner misses or alarms at 0.5; cases are in the report's galleries."""
    said = []
    for name, levels in facts.learners.items():
        one = levels["patient"]
        found = [one["at_0.5"].get(key, {}).get("value") for key in ("sensitivity", "specificity")]
        if None in found:
            continue
        missed = round((1 - found[0]) * one["positive_patients"])
        alarms = round((1 - found[1]) * one["negative_patients"])
        said.append(f"{name}: {missed} missed, {alarms} false alarms")
    if not said:
        return None
    galleries = "; galleries of wrong cases are in the report" if facts.explanations else ""
    return f"patients {facts.called}: {'; '.join(said)}{galleries}"


@answer("metrics")
def robustness(facts: CardFacts) -> str | None:
    """Controls without an image, permuted labels, matched ages, the image-level audit."""
    metrics = facts.metrics or {}
    controls = {
        name: levels
        for name, levels in ((metrics.get("controls") or {}).get("learners") or {}).items()
        if name.startswith("control_")
    }
    permuted = (metrics.get("permuted_labels") or {}).get("learners") or {}
    said = [
        _each(controls, "scores", "auroc", "controls without an image, AUROC by patient"),
        _each(permuted, "scores", "auroc", "labels shuffled, AUROC by patient"),
        _matched(metrics.get("age_matched")),
        _audit(facts.split_gap),
    ]
    return ". ".join(one for one in said if one) or None


def _matched(found: Mapping[str, Any] | None) -> str | None:
    if not found:
        return None
    if not found.get("learners"):
        return f"patients matched by age: {found.get('note') or 'none'}"
    said = "; ".join(f"{name} {figure(one['auroc'])}" for name, one in found["learners"].items())
    return (
        f"{found['n_patients']} patients matched by age: age alone {figure(found['age_auroc'])}; "
        f"{said}"
    )


def _audit(found: Mapping[str, Any] | None) -> str | None:
    """Gap of AUROC between the image-level audit and the honest figure."""
    learners = (found or {}).get("learners") or {}
    gaps = [f"{n} {figure(one['auroc']['gap'])}" for n, one in learners.items() if "auroc" in one]
    return f"audit, AUROC of an image-level split minus ours: {'; '.join(gaps)}" if gaps else None


@answer("explanations")
def explanations(facts: CardFacts) -> str | None:
    """Verdict of each learner and method on its maps, and the ratio of clinical attributions."""
    found = facts.explanations or {}
    verdicts: dict[str, list[str]] = {}
    for learner, methods in (found.get("methods") or {}).items():
        for method, one in methods.items():
            verdicts.setdefault(f"{method}: {one['verdict']}", []).append(learner)
    said = [f"{verdict} ({', '.join(names)})" for verdict, names in verdicts.items()]
    for learner, one in (found.get("clinical") or {}).items():
        if one.get("ratio_alp_ldh"):
            ratio = figure(one["ratio_alp_ldh"]["gradient"])
            said.append(f"ALP:LDH ratio of mean absolute gradients, {learner}: {ratio}")
    return "; ".join(said) or None


@answer("certificate", "metrics")
def internal(facts: CardFacts) -> str | None:
    """Everything is judged on the cohort that it was learnt from, held out."""
    folds = (facts.certificate or {})["folds"]
    if len(folds) > 1:
        said = f"all figures are of held-out patients of the same cohort, {len(folds)} folds"
        return Whole(f"{said}; who is in which fold was drawn at random")
    if facts.hold_out:
        return Whole("all figures are of a held-out part of the same cohort, drawn at random")
    return "figures are of the test part that the cohort's table fixes"


@answer("certificate")
def external(facts: CardFacts) -> str | None:
    """Cross-validation has no external data; of a fixed test part only a person knows."""
    if len((facts.certificate or {})["folds"]) > 1:
        return Whole("none: cross-validation within one cohort")
    if facts.hold_out:
        return Whole("none: a held-out part of the same cohort")
    return "a test part fixed by the cohort's table"


@answer("metrics")
def fairness(facts: CardFacts) -> str | None:
    """Which subgroups were compared, and that nothing was adjusted."""
    groups = Counter(row["variable"] for row in subgroup_rows(facts.learners, _first(facts)))
    if not groups:
        return None
    said = ", ".join(f"{name} ({count})" for name, count in groups.items())
    return (
        f"performance by {said}, each with its number and interval; nothing was adjusted for them"
    )


@answer("metrics")
def clusters_method(facts: CardFacts) -> str | None:
    """Folds and, where they are known, centres and scanners."""
    names = {row["variable"] for row in subgroup_rows(facts.learners, _first(facts))}
    found = [name for name in CLUSTERS if name in names]
    said = "spread over folds is shown with every figure"
    if facts.one_network:
        said = "one hold-out: no spread over folds"
    return f"{said}; figures by {' and '.join(found)} with intervals" if found else said


@answer("metrics")
def clusters(facts: CardFacts) -> str | None:
    """AUROC of the reference by centre and scanner, or its spread over folds."""
    first = _first(facts)
    if first is None:
        return None
    rows = [r for r in subgroup_rows(facts.learners, first) if r["variable"] in CLUSTERS]
    folds = facts.learners[first]["patient"]["scores"]["auroc"].get("folds") or {}
    said = [f"{row['variable']} {row['value']} {figure(row['auroc'])}" for row in rows]
    if folds.get("sd") is not None:
        said.append(f"folds: mean {folds['mean']:.3f}, SD {folds['sd']:.3f}, n {folds['n']}")
    return f"AUROC by patient of {first}: {'; '.join(said)}" if said else None


def _first(facts: CardFacts) -> str | None:
    """The reference learner, or the first one where the reference was not trained."""
    reference = ((facts.metrics or {}).get("settings") or {}).get("reference")
    return reference if reference in facts.learners else next(iter(facts.learners), None)


def subgroup_rows(learners: Mapping[str, Any], name: str | None) -> list[Mapping[str, Any]]:
    """Subgroups of one learner at patient level; none where they were not made."""
    if name is None:
        return []
    return [*(learners[name]["patient"].get("subgroups") or [])]


@answer("ledger")
def published(facts: CardFacts) -> str | None:
    """How many printed figures lie within our intervals."""
    ledger = facts.ledger or {}
    verdicts = Counter(row["verdict"] for row in ledger["rows"])
    counts = "; ".join(f"{verdict}: {count}" for verdict, count in verdicts.items())
    printed = [one for one in ledger.get("contradictions", []) if one.get("printed") is not None]
    broken = sum(not one["holds"] for one in printed)
    return f"{ledger['statement']} {counts}. Printed statements that do not add up: {broken}"


@answer()
def limitations(facts: CardFacts) -> str | None:
    """Names of the rules that apply; the sentences are the card's own section."""
    rules = dict.fromkeys(one["rule"].replace("_", " ") for one in facts.limits)
    return f"{len(facts.limits)}, under Limitations: {', '.join(rules)}" if rules else None


def performance_table(learners: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a learner: numbers of patients and the headline figures as text."""
    wanted: Iterable[tuple[str, str, str]] = (
        ("auroc", "scores", "auroc"),
        ("accuracy", "at_0.5", "accuracy"),
        ("sensitivity", "at_0.5", "sensitivity"),
        ("specificity", "at_0.5", "specificity"),
        ("brier", "scores", "brier"),
        ("calibration_slope", "calibration", "slope"),
    )
    return [
        {
            "learner": name,
            "n_patients": levels["patient"]["n_patients"],
            "called_by": levels["patient"].get("called_by"),
            **{key: figure(levels["patient"][group].get(metric)) for key, group, metric in wanted},
            "warnings": [*levels["patient"].get("warnings", [])],
        }
        for name, levels in learners.items()
    ]


def subgroup_table(learners: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a learner and subgroup."""
    return [
        {
            "learner": name,
            "subgroup": f"{row['variable']}: {row['value']}",
            "n_patients": row["n_patients"],
            "positive_patients": row["positive_patients"],
            **{key: figure(row.get(key)) for key in ("auroc", "sensitivity", "specificity")},
            "warnings": [*row.get("warnings", [])],
        }
        for name in learners
        for row in subgroup_rows(learners, name)
    ]
