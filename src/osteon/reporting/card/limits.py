"""Limitations that follow from a run, each by a rule, with the dataset that it was read from."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from osteon.cohorts.choosing import LESION_CHOICES
from osteon.imaging.slices import NO_LESION
from osteon.reporting.card.facts import PHANTOM, CardFacts, difference, figure

SMALL = 30  # patients of a class (evaluation standard)
SLOPES = (0.8, 1.25)  # calibration slopes beyond these are called far from 1
POINTS = 5.0  # percentage points between classes: missing values
SHORTCUT = 20.0  # percentage points between classes: acquisition

Rule = Callable[[CardFacts], Iterator[str]]


def limits(facts: CardFacts) -> list[dict[str, str]]:
    """All that applies, in a fixed order: `rule`, `text`, `from`."""
    return [
        {"rule": name, "text": text, "from": dataset}
        for name, (dataset, rule) in RULES.items()
        for text in rule(facts)
    ]


def _phantom(facts: CardFacts) -> Iterator[str]:
    if facts.source == PHANTOM:
        yield (
            "The patients are synthetic: no figure here says anything about a person, and none can "
            "confirm or refute a published one."
        )


def _surrogate(facts: CardFacts) -> Iterator[str]:
    if facts.source == "btxrd":
        yield "The data set has no patient identifiers: patients are surrogate groups of images."


def _small(facts: CardFacts) -> Iterator[str]:
    if facts.segmentation:
        said = [one for levels in facts.learners.values() for one in levels["patient"]["warnings"]]
        for text in dict.fromkeys(one for one in said if one.startswith("small sample")):
            yield f"{text[:1].upper()}{text[1:]}."
        return
    fewest: dict[str, int] = {}
    for levels in facts.learners.values():
        for what in ("positive", "negative"):
            count = levels["patient"][f"{what}_patients"]
            fewest[what] = min(count, fewest.get(what, count))
    for what, count in fewest.items():
        if count < SMALL:
            yield f"Small sample: {count} {what} patients, fewer than {SMALL}."


def _warned(facts: CardFacts) -> Iterator[str]:
    said: dict[str, list[str]] = {}
    for name, levels in facts.learners.items():
        for warning in levels["patient"].get("warnings", []):
            if not warning.startswith("small sample"):
                said.setdefault(warning, []).append(name)
    for warning, names in said.items():
        yield f"{warning[:1].upper()}{warning[1:]} ({_few(names)})."


def _skipped(facts: CardFacts) -> Iterator[str]:
    for name, reason in ((facts.metrics or {}).get("skipped") or {}).items():
        yield f"{name} was not trained: {reason}."


def _leaks(facts: CardFacts) -> Iterator[str]:
    certificate = facts.certificate
    if certificate is None:
        yield "There is no leak certificate: whether judged patients were seen before is unknown."
        return
    failed = [one["statement"] for one in certificate["checks"] if not one["passed"]]
    if failed:
        yield f"The leak certificate is not passed; what fails is: {'; '.join(failed)}."
    if missing := [one["statement"] for one in certificate.get("not_checked", ())]:
        yield f"Of the leak certificate could not be checked: {'; '.join(missing)}."
    if certificate["unit"] != "patient":
        yield "The split divides patients: figures are inflated and must not be quoted."


def _internal(facts: CardFacts) -> Iterator[str]:
    if len((facts.certificate or {}).get("folds", [])) > 1:
        yield "Cross-validation within one cohort: nothing was tested on patients from elsewhere."
    if facts.hold_out:
        yield "One hold-out within one cohort: nothing was tested on patients from elsewhere."


def _outlined(facts: CardFacts) -> Iterator[str]:
    slices, region = (facts.preparation.get(key) or {} for key in ("slices", "region"))
    sources, notes = (region.get(key) or {} for key in ("sources", "notes"))
    said = []
    if slices.get("choice") in LESION_CHOICES and slices["chosen"] < slices["frames"]:
        without = sum(count for note, count in notes.items() if note.startswith(NO_LESION))
        if without < slices["series"]:
            said.append("slices are chosen by the outlined lesion")
    if cropped := sum(sources.get(name, 0) for name in ("mask", "box")):
        said.append(f"{cropped} of {sum(sources.values())} images are cropped around it")
    if said:
        if len(said) == 1:
            said[0] = said[0].replace("around it", "around an outlined lesion")
        text = " and ".join(said)
        yield (
            f"{text[:1].upper()}{text[1:]}, judged ones too: figures hold only where that is done "
            "first."
        )


def _absence(facts: CardFacts) -> Iterator[str]:
    controls = ((facts.metrics or {}).get("controls") or {}).get("learners") or {}
    found = controls.get("control_missingness")
    auroc = found["patient"]["scores"]["auroc"] if found else {}
    if (auroc.get("lo") or 0) > 0.5:
        yield f"The mere absence of values tells the classes apart: AUROC {figure(auroc)}."


def _missingness(facts: CardFacts) -> Iterator[str]:
    for row in (facts.cohort or {}).get("missing", []):
        if row.get("points", 0.0) >= POINTS:
            cells = ", ".join(f"{name} {cell}" for name, cell in row["values"].items())
            yield f"Missingness differs by class, {row['name']}: {cells}."


def _acquisition(facts: CardFacts) -> Iterator[str]:
    table = (facts.cohort or {}).get("acquisition") or {}
    for one in table.get("differences", []):
        if one["points"] >= SHORTCUT:
            yield (
                f"Acquisition differs by class, a possible shortcut: {one['attribute']} "
                f"({one['value']}) by {one['points']} percentage points."
            )


def _age(facts: CardFacts) -> Iterator[str]:
    controls = ((facts.metrics or {}).get("controls") or {}).get("learners") or {}
    found = controls.get("control_age")
    auroc = found["patient"]["scores"]["auroc"] if found else {}
    if (auroc.get("lo") or 0) > 0.5:
        yield f"Age alone tells the classes apart: AUROC {figure(auroc)}."


def _beyond(facts: CardFacts) -> Iterator[str]:
    compared = (facts.metrics or {}).get("beyond_clinical") or {}
    alpha = ((facts.metrics or {}).get("settings") or {}).get("alpha", 0.05)
    not_better = [
        f"{name} {figure(test)}"
        for name, one in compared.items()
        if (test := difference(one.get("tests", []))) and not _gain(one["tests"], test, alpha)
    ]
    if not_better:
        what = "the same clinical values without the image" if facts.clinical else "its control"
        yield (
            f"The network is not shown to beat {what} "
            f"(difference of AUROC): {'; '.join(not_better)}."
        )


def _gain(tests: Iterable[Mapping[str, Any]], found: Mapping[str, Any], alpha: float) -> bool:
    """Interval above 0 and, as on the page, DeLong's p after Holm below alpha."""
    of = [one for one in tests if (one["test"], one["metric"]) == ("delong", "auroc")]
    p_holm = (of[0] if of else found).get("p_holm")
    return (found.get("lo") or 0) > 0 and p_holm is not None and p_holm < alpha


def _reference(facts: CardFacts) -> Iterator[str]:
    compared = (facts.metrics or {}).get("comparisons") or {}
    at, metric, word = "scores", "auroc", "AUROC"
    if facts.segmentation:
        at, metric, word = "pixel", "dice", "Dice"
    tests = {
        n: difference(one.get("patient", {}).get("tests", []), at, metric)
        for n, one in compared.items()
    }
    worse = [f"{n} {figure(t)}" for n, t in tests.items() if t and (t.get("hi") or 0) < 0]
    reference = ((facts.metrics or {}).get("settings") or {}).get("reference")
    if worse:
        yield f"Worse than {reference} (difference of {word}): {'; '.join(worse)}."
    gains = [n for n, t in tests.items() if t and (t.get("lo") or 0) > 0]
    if tests and not gains:
        yield f"No learner is shown to beat {reference}."


def _permuted(facts: CardFacts) -> Iterator[str]:
    permuted = ((facts.metrics or {}).get("permuted_labels") or {}).get("learners") or {}
    for name, levels in permuted.items():
        auroc = levels["patient"]["scores"]["auroc"]
        low, high = auroc.get("lo"), auroc.get("hi")
        if low is not None and high is not None and not low <= 0.5 <= high:
            yield f"Shuffled labels do not give 0.5: {name}, AUROC {figure(auroc)}."


def _calibration(facts: CardFacts) -> Iterator[str]:
    off = []
    for name, levels in facts.learners.items():
        slope = levels["patient"].get("calibration", {}).get("slope")
        value = slope.get("value") if isinstance(slope, Mapping) else slope
        if value is not None and not SLOPES[0] <= value <= SLOPES[1]:
            off.append(f"{name} {figure(slope, 2)}")
    if off:
        yield f"Calibration slope far from 1; read probabilities with care: {'; '.join(off)}."


def _maps(facts: CardFacts) -> Iterator[str]:
    if facts.explanations is None:
        if not facts.segmentation:
            yield "No explanation was made: what the networks look at is unknown."
        return
    by_verdict: dict[tuple[str, str], list[str]] = {}
    for learner, methods in (facts.explanations.get("methods") or {}).items():
        for method, one in methods.items():
            said = str(one["verdict"]).split(":")[0]
            if said.startswith(("worthless", "not judged")):
                by_verdict.setdefault((method, said), []).append(learner)
    for (method, said), names in by_verdict.items():
        yield f"Maps of {method} are {said} by the check of shuffled weights: {_few(names)}."


def _patches(facts: CardFacts) -> Iterator[str]:
    if not facts.segmentation:
        return
    if any(levels["patient"].get("patch") for levels in facts.learners.values()):
        yield (
            "Figures of patches hold at the share of positive patches in this cohort; precision, "
            "accuracy and F1 read higher where patches are balanced first."
        )
    found = (facts.metrics or {}).get("lesions") or {}
    if found.get("below_floor"):
        yield (
            f"{found['below_floor']} of {found.get('with_target')} patients have no target wider "
            f"than {found['floor_mm']:.1f} mm, below which the rule of shares calls no patch one."
        )


def _protocol(facts: CardFacts) -> Iterator[str]:
    differs = [one["item"] for one in (facts.ledger or {}).get("protocol", []) if one["differs"]]
    if differs:
        yield f"The protocol differs from the published one in: {', '.join(differs)}."


def _version(facts: CardFacts) -> Iterator[str]:
    run: Mapping[str, Any] = facts.run or {}
    if run.get("dirty"):
        yield "The code was changed after its last commit: this exact version has no name."
    elif run and run.get("dirty") is None:
        yield "The code is not a git checkout: its version is known by its number only."


def _few(names: list[str]) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


RULES: dict[str, tuple[str, Rule]] = {
    "phantom": ("metrics", _phantom),
    "surrogate_patients": ("metrics", _surrogate),
    "small_sample": ("metrics", _small),
    "warnings": ("metrics", _warned),
    "skipped_learners": ("metrics", _skipped),
    "leak_certificate": ("leak_certificate", _leaks),
    "no_external_data": ("leak_certificate", _internal),
    "shown_by_outline": ("cohort_tables", _outlined),
    "absence_tells_the_class": ("metrics", _absence),
    "missingness_differs_by_class": ("cohort_tables", _missingness),
    "acquisition_differs_by_class": ("cohort_tables", _acquisition),
    "age_tells_the_class": ("metrics", _age),
    "not_beyond_clinical_values": ("metrics", _beyond),
    "not_beyond_reference": ("metrics", _reference),
    "permuted_labels": ("metrics", _permuted),
    "calibration": ("metrics", _calibration),
    "patches_at_natural_share": ("metrics", _patches),
    "explanations": ("explanations", _maps),
    "protocol_differs": ("ledger", _protocol),
    "code_version": ("run", _version),
}
