"""Sections of the report: saliency scores, clinical attributions, learning curves."""

from collections.abc import Mapping
from typing import Any

from osteon.reporting.figures.outline_charts import trained
from osteon.reporting.page.blocks import Block, Section, Text, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_results import figure
from osteon.reporting.page.sections_strata import pretrained
from osteon.reporting.page.sections_weights import clinical
from osteon.reporting.page.tables import (
    MISSING,
    Cell,
    Table,
    absent,
    estimate,
    flat,
    head,
    parts_of,
    whole,
    words,
)

PLACES = {
    "Pointing game": "pointing",
    "Share of lesion": "chance",
    "Energy in lesion": "energy",
    "IoU": "iou",
}
CUTS = {
    "Deletion (low is good)": "deletion",
    "random": "deletion_random",
    "Insertion (high is good)": "insertion",
    "random ": "insertion_random",
}
SHUFFLED = {
    "Correlation with shuffled": "randomised_correlation",
    "Pointing, shuffled": "randomised_pointing",
    "Pointing beyond shuffled": "pointing_gain",
    "Energy, shuffled": "randomised_energy",
}
CHECK = (
    "A saliency map says where the network was sensitive, not why. First the check: the same map "
    "is made with the weights shuffled. A map that stays the same shows the image, not what was "
    "learnt, and is worthless"
)
POINTS = (
    "; so is, for finding lesions, one that points into them no more often than with shuffled "
    "weights."
)
NO_LESION = "no outlined lesion to compare with"
PRETRAINED = "On patches of the training parts, without labels; learning, not performance"


def explanations(view: View) -> Section:
    """Do the maps depend on what was learnt, do they hit the lesion, which values count."""
    found = view.parts.explanations or {}
    blocks: list[Block | None] = []
    methods = found.get("methods") or {}
    if methods:
        blocks.append(Text(CHECK + (POINTS if defined(methods, PLACES) else ".")))
        blocks += [verdicts(view, methods), places(view, methods), cuts(view, methods)]
    blocks.append(figure(view, "explanations", counts=""))
    blocks += clinical(view, found.get("clinical") or {})
    if found.get("statement"):
        blocks.append(Text(str(found["statement"]), "note"))
    weighs = ", what it weighs" if found.get("clinical") else ""
    return section("explanations", f"Where the network looks{weighs}", *blocks)


def each(view: View, methods: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """(learner, method, scores)."""
    return [
        (view.label(name), way.replace("_", " ").replace("grad cam", "Grad-CAM"), scores)
        for name, ways in methods.items()
        for way, scores in ways.items()
    ]


def defined(methods: Mapping[str, Any], keys: Mapping[str, str]) -> bool:
    """Is any of these figures there for any learner and map?"""
    every = [
        one.get(key) for ways in methods.values() for one in ways.values() for key in keys.values()
    ]
    return any(not absent(parts_of(value)[0]) for value in every)


def verdicts(view: View, methods: Mapping[str, Any]) -> Table:
    """The weight-randomisation check."""
    kept = {name: key for name, key in SHUFFLED.items() if defined(methods, {name: key})}
    kept = kept or SHUFFLED
    rows = []
    for name, way, one in each(view, methods):
        verdict = str(one.get("verdict") or "not judged: check not made")
        note = str(one.get("note") or "")
        tone = tone_of(verdict)
        rows.append(
            (
                head(name),
                words(way),
                words(verdict, note, tone),
                *(estimate(one.get(key), "check not made") for key in kept.values()),
            )
        )
    caption = "Do the maps depend on the weights? Weight-randomisation check"
    return Table(caption, ("Learner", "Map", "Verdict", *kept), flat(rows))


def tone_of(verdict: str) -> str:
    """Green for maps that follow the weights, red for worthless ones, amber for all else."""
    if verdict.startswith("worthless"):
        return "bad"
    return "good" if verdict.startswith("follows the weights") else "warn"


def places(view: View, methods: Mapping[str, Any]) -> Table | None:
    """Pointing, energy and IoU against the outlined lesion."""
    if not defined(methods, PLACES):
        return None
    rows = [
        (
            head(name),
            words(way),
            sizes(one),
            *(estimate(one.get(key), NO_LESION) for key in PLACES.values()),
            by_shuffled(one.get("pointing_gain")),
        )
        for name, way, one in each(view, methods)
    ]
    note = (
        "Pointing game: share of images whose hottest point lies in the lesion. Energy: share of "
        "the map inside it. IoU at the 15 % most salient pixels. Share of lesion: the lesion's "
        "part of what the network was given; a point drawn blindly hits it so often. Where images "
        "are cropped around an outlined lesion, a map that always marks the middle hits it nearly "
        "always: only the comparison with shuffled weights counts."
    )
    caption = "Do the maps hit the lesion? Intervals over patients"
    return Table(caption, ("Learner", "Map", "Images", *PLACES, "Pointing is"), flat(rows), note)


def by_shuffled(gain: Any) -> Cell:
    """Does pointing change with the weights? By rule: where does the interval of the gain lie?"""
    value, lo, hi = parts_of(gain)
    if absent(value):
        return Cell(MISSING, why=f"{NO_LESION}, or check not made", tone="quiet")
    if absent(lo) or absent(hi):
        if (gain.get("patients") or 0) < 2:
            return Cell(MISSING, why="no interval of the difference", tone="quiet")
        lo = hi = value  # the same in every resample, as for maps that always hit
    if lo > 0:
        return words("above shuffled", tone="good")
    return words("below shuffled", tone="bad") if hi < 0 else words("as shuffled", tone="warn")


def sizes(one: Mapping[str, Any]) -> Cell:
    """Images with a lesion of all, and patients."""
    lesion = "" if absent(one.get("n_with_lesion")) else f"{one['n_with_lesion']} with lesion, "
    return Cell(
        whole(one.get("n_images")).text,
        f"{lesion}{whole(one.get('n_patients')).text} patients",
        sort=one.get("n_images"),
    )


def cuts(view: View, methods: Mapping[str, Any]) -> Table | None:
    """Deletion and insertion beside random order."""
    if not defined(methods, CUTS):
        return None
    rows = [
        (head(name), words(way), *(estimate(one.get(key)) for key in CUTS.values()))
        for name, way, one in each(view, methods)
    ]
    note = (
        "Pixels are removed (deletion) or shown (insertion) from the most salient on; the number "
        "is the area under the probability. The map tells something if it beats pixels in random "
        "order, which stand beside it."
    )
    columns = ("Learner", "Map", *(name.strip() for name in CUTS))
    return Table("Does the network need what the map marks?", columns, flat(rows), note)


def learning(view: View) -> Section:
    """Learning curves and where training ended."""
    rows = []
    for name, given in (view.parts.histories or {}).items():
        if not len(given) or "epoch" not in given:
            continue
        history = trained(given)
        last = history[history["epoch"] == history["epoch"].max()]
        numbers = last.select_dtypes("number").mean()
        rows.append(
            (
                head(view.label(name)),
                whole(history["epoch"].nunique()),
                whole(history["fold"].nunique() if "fold" in history else 1),
                *(
                    estimate(numbers.get(key), "not recorded")
                    for key in ("loss", "accuracy", "seconds")
                ),
            )
        )
    columns = (
        "Learner",
        "Epochs",
        "Trainings" if view.one_fold else "Folds",
        "Training loss",
        "Training accuracy",
        "Seconds an epoch",
    )
    several = any(row[2].text != "1" for row in rows)
    mean = "" if view.one_fold and not several else ", mean of the folds"
    if view.one_fold and several:
        mean = ", mean of the trainings: one for each inner fold, and the last on the whole part"
    what = "" if mean.startswith(", mean of the t") else ", on training images"
    caption = f"The last epoch of training{mean}{what}"
    images = view.present("image")
    level = "Image level, o" if images else "O"
    what_of = "the training images" if images else "what was trained on"
    curves = [
        figure(view, name, counts=f"{level}n the training parts; learning, not performance")
        for name in view.parts.charts or ()
        if name.startswith("learning_curves")
    ]
    table = Table(caption, columns, flat(rows)) if rows else None
    lead = Text(
        f"How the loss on {what_of} fell. It says that training went on and settled, nothing "
        "about patients that were held out."
    )
    before = [figure(view, "pretraining", counts=PRETRAINED), pretrained(view)]
    shown = [*curves, table, *before]
    return section("learning", "Learning curves", lead if any(shown) else None, *shown)
