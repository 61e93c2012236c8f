"""What a run can say of its data: source, flow, people, acquisition, split."""

from collections.abc import Iterable, Mapping
from typing import Any

from osteon.reporting.card.facts import PHANTOM, CardFacts, Whole, answer, values
from osteon.reporting.card.framework_facts import rows as framework
from osteon.reporting.card.framework_facts import with_training
from osteon.reporting.card.recipe_facts import balanced

SYNTHETIC = "synthetic patients drawn by this software"


@answer("metrics")
def source(facts: CardFacts) -> str | None:
    """Kind of cohort and its standing statement."""
    if facts.source == PHANTOM:
        return Whole(f"phantom: {facts.data.get('statement') or SYNTHETIC}")
    return f"{facts.source}: {facts.data.get('statement', '')}" if facts.source else None


@answer("cohort")
def flow(facts: CardFacts) -> str | None:
    """Patients and images at each step."""
    steps = []
    for step in (facts.cohort or {})["flow"]:
        counts = [
            f"{step[unit]} {unit}"
            for unit in ("patients", "images")
            if step.get(unit) is not None and not (unit == "images" and "files" in step["note"])
        ]
        if "files" in step["note"] and step.get("images") is not None:
            counts.append(f"{step['images']} files")
        steps.append(f"{step['step']}: {', '.join(counts)}")
    return "; ".join(steps)


@answer("metrics", "cohort")
def inclusion(facts: CardFacts) -> str | None:
    """Who gets in as far as the software decides, and what was refused."""
    if facts.source == PHANTOM:
        return Whole(f"{SYNTHETIC}: all that were drawn are in")
    refused = [f"{one['code']} {one['count']}" for one in (facts.cohort or {})["refused"]]
    return (
        "in: a patient with a known label and at least one usable image; refused by code: "
        f"{', '.join(refused) or 'none'}"
    )


@answer("metrics")
def subsets(facts: CardFacts) -> str | None:
    """Whether anything was sampled or left out after ingestion."""
    policy = values(facts.recipes.values(), "clinical", "missing")
    slices = facts.preparation.get("slices") or {}
    said = "all kept images of all patients with a label; nothing was sampled"
    if slices and slices["chosen"] < slices["frames"]:
        said = (
            f"{slices['chosen']} of {slices['frames']} kept slices, chosen by rule "
            f"({str(slices['choice']).replace('_', ' ')}), of all patients with a label"
        )
    if "drop" in policy:
        said += "; learners leave out patients without the clinical values that they use"
    if skipped := (facts.metrics or {}).get("skipped"):
        said += f"; {len(skipped)} learner(s) could not be trained on this cohort"
    return said


@answer("metrics")
def deidentification(facts: CardFacts) -> str | None:
    """What ingestion keeps; what happened before is a person's to say."""
    if facts.source == PHANTOM:
        return Whole(f"{SYNTHETIC}: there is nobody to identify; pseudonyms are made all the same")
    suspected = (facts.data.get("flow") or {}).get("burned_in_text_suspected", 0)
    return (
        "patients and files carry keyed pseudonyms; of the headers only modality, view, side, body "
        "part, device, geometry and pixel format are kept; ages above 89 are not printed; writing "
        f"in the pixels is stated or suspected in {suspected} file(s)"
    )


@answer("cohort")
def missing_data(facts: CardFacts) -> str | None:
    """Counts by class, and what stands in their place."""
    cohort = facts.cohort or {}
    if not cohort.get("missing"):
        return None
    some = [row for row in cohort["missing"] if not row["values"]["all"].startswith("0 ")]
    never = [row["name"].replace(": missing", "") for row in cohort["missing"] if row not in some]
    where = "" if facts.clinical or not facts.recipes else ", for the controls without an image"
    counts = [f"{row['name']} {_cells(row)}" for row in some]
    if never:
        counts.append(f"none: {', '.join(never)}")
    filled = [f"{row['name']}: {row['values']['handling']}" for row in cohort["filled"]]
    return "; ".join(counts) + f". In place of a missing value{where}: " + "; ".join(filled)


@answer("cohort", "metrics")
def acquisition(facts: CardFacts) -> str | None:
    """Devices and views by class, and the largest difference between classes."""
    table = (facts.cohort or {})["acquisition"]
    wanted = ("modality: ", "view: ", "manufacturer: ")
    rows = [f"{r['name']} {r['values']['all']}" for r in table["rows"] if _begins(r, wanted)]
    worst = [one for one in table["differences"] if one["points"] > 0][:3]
    said = "; ".join(rows)
    if worst:
        said += ". Largest differences between classes: " + "; ".join(
            f"{one['attribute']} {one['points']} percentage points ({one['value']})"
            for one in worst
        )
    return Whole(f"rendered by this software. {said}") if facts.source == PHANTOM else said


@answer("metrics")
def reference_standard(facts: CardFacts) -> str | None:
    """Of a phantom the truth is known; else the table's label is taken as it is."""
    if facts.source == PHANTOM:
        return Whole("known by construction: the class is drawn first, the image made from it")
    return "the label that the patients table gives"


@answer("metrics")
def annotators(facts: CardFacts) -> str | None:
    """Nobody annotates a phantom; of real data the run knows nothing."""
    if facts.source == PHANTOM:
        return Whole("nobody: labels, masks and boxes come from the generator")
    return None


@answer("metrics")
def outcome(facts: CardFacts) -> str | None:
    """The classes."""
    settings = (facts.metrics or {})["settings"]
    said = f"{settings['positive_class']} against {', '.join(settings['negative_classes'])}"
    return Whole(f"{said}; known by construction") if facts.source == PHANTOM else said


@answer("cohort", "metrics")
def centres(facts: CardFacts) -> str | None:
    """How many centres the patients table names."""
    if facts.source == PHANTOM:
        return Whole(f"{SYNTHETIC}: no centre took part; centres in the tables are made up")
    rows = (facts.cohort or {})["demographics"]["rows"]
    found = [row["name"] for row in rows if row["name"].startswith("centre: C")]
    return f"{len(found)} centre(s) of three or more patients in the patients table"


@answer("metrics")
def sample_size(facts: CardFacts) -> str | None:
    """All that there was; a calculation is a person's to give."""
    said = numbers(facts)
    if facts.source == PHANTOM:
        return Whole(f"{said}; the number is a parameter of the phantom")
    return f"{said}: all usable patients of the cohort"


@answer("metrics")
def numbers(facts: CardFacts) -> str | None:
    """Patients, positive patients and images that each learner was judged on."""
    by_size: dict[str, list[str]] = {}
    for name, levels in facts.learners.items():
        one = levels["patient"]
        size = f"{one['n_patients']} patients ({one['positive_patients']} positive)"
        if one.get("n_images"):
            size += f", {one['n_images']} images"
        by_size.setdefault(size, []).append(name)
    if len(by_size) == 1:
        return f"{next(iter(by_size))}, for every learner"
    return "; ".join(f"{size}: {', '.join(names)}" for size, names in by_size.items()) or None


@answer("certificate")
def partitions(facts: CardFacts) -> str | None:
    """Cross-validation or a fixed test part; seed where it is known."""
    certificate = facts.certificate or {}
    folds, unit = certificate["folds"], certificate["unit"]
    splitting = (facts.parameters or {}).get("splitting") or {}
    seed = f", seed {splitting['seed']}" if "seed" in splitting else ""
    if facts.hold_out:
        share = f"{100 * splitting['test_share']:.0f} %" if "test_share" in splitting else "a part"
        return f"one hold-out by {unit}: {share} of each class drawn at random{seed}, judged once"
    if len(folds) == 1:
        return f"train and test part as the cohort fixes them, by {unit}"
    return (
        f"{len(folds)}-fold cross-validation by {unit}, stratified by class{seed}; every sample is "
        "judged once, by the network whose fold holds it out"
    )


@answer("certificate")
def disjoint(facts: CardFacts) -> str | None:
    """Each check of the leak certificate; the pairs stay in the certificate."""
    certificate = facts.certificate or {}
    checks = [
        f"{one['statement']}: {'passed' if one['passed'] else 'FAILED'}"
        f"{' (' + one['note'] + ')' if one.get('note') else ''}"
        for one in certificate["checks"]
    ]
    checks += [
        f"{one['statement']}: not checked ({one['reason']})"
        for one in certificate.get("not_checked", ())
    ]
    state = "passed" if certificate["passed"] else "NOT passed"
    if missing := certificate.get("not_checked"):
        state += f"; {len(missing)} check(s) not made"
    return f"leak certificate {state}, unit {certificate['unit']}. " + "; ".join(checks)


@answer("cohort")
def demographics(facts: CardFacts) -> str | None:
    """Age and sex, all and by class; the whole table by part is in the report."""
    wanted = ("age, years", "sex: ")
    return _rows(facts, wanted, lambda name: not name.startswith("fold "))


@answer("cohort")
def parts_compared(facts: CardFacts) -> str | None:
    """Class and age by fold or part."""
    columns = (facts.cohort or {})["demographics"]["columns"]
    parts = [name for name in columns if name.startswith("fold ") or name in ("train", "test")]
    return _rows(facts, ("class: ", "age, years"), lambda name: name in parts) if parts else None


@answer("cohort", "metrics")
def balance(facts: CardFacts) -> str | None:
    """Shares of the classes, and that nothing is done about them."""
    rows = (facts.cohort or {})["class_balance"]
    said = "; ".join(f"{row['name']} {row['values']['patients']} patients" for row in rows[:-1])
    if not facts.recipes:
        return said
    done = _balancing(facts)
    folds = (facts.certificate or {}).get("folds") or ()
    if len(folds) == 1 and (facts.cohort or {}).get("parts_fixed"):
        return f"{said}. {done}; the parts are those of the cohort's table, not stratified here"
    return f"{said}. {done}; {parts_of(facts)} stratified by class"


def _balancing(facts: CardFacts) -> str:
    """What is done about unequal classes, with names where learners differ in it."""
    ways: dict[str, list[str]] = {}
    for name, recipe in with_training(facts.recipes).items():
        ways.setdefault(balanced([recipe]), []).append(name)
    if len(ways) == 1 or not framework(facts):
        return "; ".join(ways)
    return "; ".join(f"{', '.join(names)}: {way}" for way, names in ways.items())


def parts_of(facts: CardFacts) -> str:
    """`folds are`, or under a hold-out `the parts are`."""
    folds = (facts.certificate or {}).get("folds") or ()
    return "the parts are" if len(folds) == 1 else "folds are"


@answer("cohort")
def characteristics(facts: CardFacts) -> str | None:
    """Age and sex by class, and age and class by part."""
    said = [one for one in (demographics(facts), parts_compared(facts)) if one]
    return "; ".join(said) if len(said) == 2 else None


@answer("run")
def hashes(facts: CardFacts) -> str | None:
    """SHA-256 of the samples with their pixels, and of the split."""
    found = (facts.run or {})["hashes"]
    return f"data {found['data']}; split {found['split']}" if found.get("data") else None


def _rows(facts: CardFacts, begin: tuple[str, ...], wanted: Any) -> str | None:
    rows = [row for row in (facts.cohort or {})["demographics"]["rows"] if _begins(row, begin)]
    said = [
        f"{row['name']} {_cells(row, (name for name in row['values'] if wanted(name)))}"
        for row in rows
    ]
    return "; ".join(said) or None


def _begins(row: Mapping[str, Any], begin: tuple[str, ...]) -> bool:
    return str(row["name"]).startswith(begin)


def _cells(row: Mapping[str, Any], columns: Iterable[str] | None = None) -> str:
    names = row["values"] if columns is None else columns
    return "(" + ", ".join(f"{name}: {row['values'][name]}" for name in names) + ")"
