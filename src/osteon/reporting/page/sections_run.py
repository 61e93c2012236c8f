"""Sections of the report: how to repeat the run, how numbers were made, warnings, glossary."""

from collections.abc import Mapping
from typing import Any

from osteon.reporting.page.blocks import Block, Code, Facts, Folded, Heading, Section, Text, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.tables import (
    Cell,
    Table,
    absent,
    flat,
    head,
    number,
    seconds,
    words,
    written,
)

SETTINGS = {
    "level": "Headline level",
    "positive_class": "Positive class",
    "negative_classes": "Other classes",
    "reference": "Reference learner",
    "confidence": "Confidence",
    "interval": "Bootstrap interval",
    "rounds": "Bootstrap resamples",
    "resampling": "What is resampled",
    "seed": "Seed of the resamples",
    "prevalences": "Prevalences",
    "alpha": "Family-wise error",
    "holm": "Families of Holm",
    "postprocess": "From map to outline",
    "patch_grid": "Patches that are judged",
    "tolerance_mm": "Tolerance of NSD, mm",
    "empty_masks": "Empty masks",
}
REUSED = (
    "This command wrote the page; commit and wall time are its own. Networks that the same code "
    "trained before on the same data and split are reused: the hashes below say which."
)
GLOSSARY = {
    "95 % interval": "The range of values that fit the data; with fewer patients it is wider.",
    "Accuracy": "Share of patients judged rightly, at a threshold.",
    "Age-matched": "Pairs of one patient of each class and nearly the same age.",
    "AUPRC": "Area under the precision-recall curve; chance is the share of positives.",
    "AUROC": "Chance that a random patient of the positive class scores above one of another; 0.5 "
    "is a coin, 1 is perfect.",
    "Balanced accuracy": "Mean of sensitivity and specificity.",
    "Bootstrap": "Patients are drawn anew many times to see how far a number would move.",
    "Brier": "Mean squared distance of probability and truth; 0 is best.",
    "Calibration slope, intercept": "1 and 0 if probabilities come true; slope below 1: too sure.",
    "DeLong": "Test of two AUROCs on the same patients.",
    "ECE": "Mean gap between the probability given and the share that came true; 0 is best.",
    "F1": "Harmonic mean of precision and recall.",
    "Fold": "A part of the patients, judged by a network trained on the others.",
    "Grad-CAM": "A map of where the last layers of the network drew their evidence from.",
    "Holm": "Makes p values stricter because many learners are compared.",
    "Integrated gradients": "A map of how each pixel or value moved the output away from a blank.",
    "IoU": "Overlap of two areas: shared part over joint part.",
    "MCC": "Correlation of call and truth; 0 is chance, 1 perfect.",
    "McNemar": "Test of who was right, on the patients where two learners disagree.",
    "Net benefit": "True positives less false positives, weighed by the threshold one acts at.",
    "Permuted labels": "Training on shuffled diagnoses: a sound pipeline then scores about 0.5.",
    "PPV, NPV": "How often a positive, or a negative, answer is right at a given prevalence.",
    "Precision": "Share of positive calls that are right: the PPV of this cohort.",
    "Sensitivity (recall)": "Share of patients of the positive class who are found.",
    "Specificity": "Share of the other patients who are not called positive.",
    "Temperature": "One number that softens or sharpens all probabilities of a network.",
    "Youden": "The threshold with the largest sum of sensitivity and specificity.",
}
OUTLINES = {
    **{name: GLOSSARY[name] for name in ("95 % interval", "Bootstrap", "Fold", "Holm")},
    "Accuracy": "Share of patches called rightly; high where few are positive, even of a network "
    "that calls none.",
    "Autoencoder": "A network that learns to rebuild its input, without any label.",
    "Dice": "Twice the shared area over the sum of both areas; 1: the same outline, 0: no overlap.",
    "F1": "Harmonic mean of precision and recall; of patches here, never of pixels.",
    "HD95": "The distance within which 95 % of one boundary lie from the other, in mm; 0 is best.",
    "IoU": "Shared area over joint area; of one outline Dice / (2 - Dice).",
    "NSD": "Normalised surface Dice: share of both boundaries that lie within a tolerance of each "
    "other.",
    "Patch": "A small square of a slice, called as a whole by networks on patches.",
    "Patch level": "Each patch is one sample of a classifier; says nothing of a boundary.",
    "Pooled pixels": "Pixels of all patients summed before any ratio is taken.",
    "Precision": "Share of what is called positive that is right.",
    "Prevalence": "Share of samples that are positive. Natural: as they come; balanced: after some "
    "of the others were left out.",
    "Recall": "Share of what is positive that is found.",
    "Reconstruction error": "How far an autoencoder's output is from its input.",
    "Specificity": "Share of what is not positive that is not called so.",
}
"""The same of learners that outline."""


def reproduction(view: View) -> Section:
    """Command, versions, hashes, machine, times."""
    run = view.parts.run or {}
    rows = facts(run)
    return section(
        "reproduction",
        "Repeat this run",
        Code(str(run["command"])) if run.get("command") else None,
        Text(REUSED, "note") if run.get("command") else None,
        Facts(rows) if rows else None,
        learners_table(view),
    )


def facts(run: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Code, machine, hashes and time of the run."""
    if not run:
        return ()
    dirty = ", with uncommitted changes" if run.get("dirty") else ""
    rows = [
        ("osteon", run.get("osteon")),
        ("Commit of this page", f"{run['commit']}{dirty}" if run.get("commit") else None),
        ("Python", run.get("python")),
        ("Platform", run.get("platform")),
        ("Processor", run.get("processor")),
        ("Cores", run.get("cores")),
        ("Memory", f"{number(run['memory_gib'], 1)} GiB" if run.get("memory_gib") else None),
        ("Devices", run.get("devices")),
        ("Wall time of this command", seconds(run.get("wall_seconds"))),
    ]
    rows.append(("Packages", package_list(run)))
    rows += [
        (f"Hash of {name.replace('_', ' ')}", text)
        for name, text in (run.get("hashes") or {}).items()
    ]
    return tuple((name, written(value)) for name, value in rows)


def learners_table(view: View) -> Table | None:
    """Seconds, device, weights and network of each learner."""
    given = (view.parts.run or {}).get("learners") or {
        name: from_record(record) for name, record in view.training.items()
    }
    rows = []
    for name, one in given.items():
        recipe = one.get("recipe") or {}
        inputs = (words(recipe.get("inputs")),) if view.with_values else ()
        spent = one.get("seconds")
        skipped = str(one.get("skipped") or "not trained")
        rows.append(
            (
                head(view.label(name), name),
                words(network_of(recipe)),
                *inputs,
                words(one.get("weights")),
                Cell("–", why=f"{view.label(name)}: {skipped}", tone="quiet")
                if absent(spent)
                else Cell(seconds(spent), sort=float(spent)),
                words(one.get("device")),
                words(one.get("threads")),
            )
        )
    beside = ("Clinical inputs",) if view.with_values else ()
    columns = ("Learner", "Network", *beside, "Weights", "Time", "Device", "Threads")
    together = "all trainings of a learner" if view.one_fold else "all folds"
    caption = f"Training, {together} together; the name in files stands below"
    return Table(caption, columns, flat(rows), figures=False) if rows else None


def network_of(recipe: Mapping[str, Any]) -> Any:
    """What a recipe calls its network."""
    network = recipe.get("network") or {}
    return recipe.get("backbone") or network.get("name") or recipe.get("kind")


def from_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """A learner's facts from its training record, where the run's own are not given."""
    folds = record.get("folds") or []
    if not folds:
        return {"skipped": record.get("reason"), "recipe": record.get("recipe")}
    facts = {key: folds[0].get(key) for key in ("device", "threads", "weights")}
    return facts | {
        "seconds": sum(float(fold["seconds"]) for fold in folds),
        "recipe": record.get("recipe"),
    }


def package_list(run: Mapping[str, Any]) -> str:
    """Packages with their versions in one line."""
    return ", ".join(f"{name} {one}" for name, one in (run.get("packages") or {}).items())


def settings(view: View) -> Section:
    """How intervals and tests were made, recipe of the headline, warnings."""
    rows = [
        (label, written(view.settings[key]))
        for key, label in SETTINGS.items()
        if key in view.settings
    ]
    for key, text in (view.settings.get("thresholds") or {}).items():
        rows.append((f"Threshold {str(key).removeprefix('at_')}", written(text)))
    recipe = recipe_rows((view.training.get(str(view.headline)) or {}).get("recipe") or {})
    listed = warnings_table(view)
    blocks: list[Block | None] = [Facts(tuple(rows)) if rows else None]
    if recipe:
        table = Table("Recipe", ("Setting", "Value"), flat(recipe), figures=False, sortable=False)
        blocks.append(Folded(f"Recipe of {view.label(view.headline)}", table))
    if listed:
        blocks += [Heading("Warnings"), listed]
    elif view.learners:
        blocks.append(Text("No warning beside any figure.", "note"))
    return section("settings", "How the numbers were made", *blocks)


def recipe_rows(recipe: Mapping[str, Any], prefix: str = "") -> list[tuple[Cell, ...]]:
    """Settings of a recipe, dotted."""
    rows: list[tuple[Cell, ...]] = []
    for key, value in recipe.items():
        if isinstance(value, Mapping):
            rows += recipe_rows(value, f"{prefix}{key}.")
        else:
            rows.append((head(f"{prefix}{key}"), words(value)))
    return rows


def warnings_table(view: View) -> Table | None:
    """Warnings of every learner, level and subgroup."""
    rows = [
        (head(view.label(name)), words(level), words(text))
        for name, level, text in all_warnings(view)
    ]
    columns = ("Learner", "Level", "Warning")
    return Table("Warnings", columns, flat(rows), figures=False) if rows else None


def all_warnings(view: View) -> list[tuple[str, str, str]]:
    """(learner, level, warning) of learners, controls and permuted labels."""
    return [
        (name, level, str(text))
        for group in (view.learners, view.controls, view.permuted)
        for name, levels in group.items()
        for level, judged in levels.items()
        if isinstance(judged, Mapping)
        for text in judged.get("warnings") or ()
    ]


def glossary(view: View) -> Section:
    """The measures in short plain words, if any is on the page."""
    rows = tuple((OUTLINES if view.segmentation else GLOSSARY).items())
    return section("glossary", "Glossary", Facts(rows) if view.learners else None)
