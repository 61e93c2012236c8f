"""What a run can say of its networks: kind, inputs, training, output, software."""

from importlib import metadata
from typing import Any

from osteon.reporting.card.facts import PHANTOM, CardFacts, Whole, answer, values
from osteon.reporting.card.framework_facts import given, parameters, rows, tuned, with_training
from osteon.reporting.card.recipe_facts import (
    augmented,
    colours,
    described,
    learning_rate,
    length,
    networks,
    shown,
    told,
)

RANGE = "(value - low) / (high - low) with the range of the record's own kit"


@answer("metrics")
def technology(facts: CardFacts) -> str | None:
    """Deep learning, and of which kind."""
    beside = ", most with clinical values beside it" if facts.clinical else ""
    what = f"classify an image{beside}"
    if rows(facts):
        what = "find tumours and classify them, weighed with an age table and put to a vote"
    return (
        f"deep learning: convolutional networks ({networks(facts.recipes.values())}) that {what}; "
        f"{len(facts.learners)} learners compared"
    )


@answer("metrics")
def model(facts: CardFacts) -> str | None:
    """Architecture in the recipe's terms."""
    said = [described(facts.recipes.values()), parameters(facts)]
    return ". ".join(one for one in said if one) or None


@answer("metrics")
def inputs(facts: CardFacts) -> str | None:
    """Which learner reads what beside the image."""
    if rows(facts):
        return given(facts) or None
    said = [
        f"{name}: image{''.join(f', {one}' for one in recipe.get('inputs', []))}"
        for name, recipe in facts.recipes.items()
        if name in facts.learners
    ]
    return "; ".join(said) or None


@answer("metrics")
def predictors(facts: CardFacts) -> str | None:
    """Each input as the network reads it."""
    if not facts.recipes:
        return None
    preprocessing = (facts.parameters or {}).get("preprocessing") or {}
    recipes, image = facts.clinical, f"image: {colours(preprocessing, 'grey')}, square"
    if any("age" in one.get("terms", ()) for one in rows(facts).values()):
        return f"{image}; age: years, as the share of malignant among training patients of that age"
    if not recipes:
        return f"{image}; nothing beside it"
    said = [
        image,
        "sex: female +0.5, male -0.5, unknown 0",
        "age: years / 100",
        f"ALP and LDH: {RANGE}",
        f"low and high where a record has none: ALP {values(recipes, 'clinical', 'alp_range')}, "
        f"LDH {values(recipes, 'clinical', 'ldh_range')} U/L",
    ]
    for path, words in (
        (("clinical", "clip"), "labs clipped to"),
        (("clinical", "log1p"), "logarithm of the labs"),
        (("clinical_scale",), "factor on all clinical values"),
    ):
        if (found := values(recipes, *path)) not in ("None", "False", "1"):
            said.append(f"{words}: {found}")
    return "; ".join(said)


@answer("metrics")
def subjective_predictors(facts: CardFacts) -> str | None:
    """Recorded values are no judgement; a region that an expert drew is."""
    if not facts.recipes:
        return None
    sources = (facts.preparation.get("region") or {}).get("sources") or {}
    drawn = {name: sources[name] for name in ("mask", "box") if sources.get(name)}
    if drawn:
        counts = " and ".join(f"{count} by a {name}" for name, count in drawn.items())
        return f"the region shown of an image, where an expert drew it: {counts}"
    if facts.clinical:
        return Whole("none: image, sex, age and blood values go in as recorded")
    return Whole("none: the image goes in as recorded")


@answer("parameters")
def preprocessing(facts: CardFacts) -> str | None:
    """What happens to an image before a network sees it."""
    found = (facts.parameters or {}).get("preprocessing")
    if not found:
        return None
    shape = {"stretch": "its aspect ratio is not kept", "letterbox": "padded to keep its aspect"}
    laid = shape.get(found["resize"], found["resize"])
    if field := found.get("field_mm"):
        laid = (
            f"a pixel is {field / found['size']:.2f} mm in every image; what is larger than "
            f"{field:g} mm is cut about its middle, the rest is black"
        )
    colour = colours(found, "made grey")
    decoded = "display values (a CT to Hounsfield units)"
    if found.get("colour") == "window_composite":
        decoded = "Hounsfield units"
    return (
        f"decoded to {decoded}, {colour}, {shown(found)}resized once to "
        f"{found['size']} x {found['size']} px ({laid}); "
        "unreadable, duplicate and foreign files were refused with a code"
    )


@answer("metrics")
def initialisation(facts: CardFacts) -> str | None:
    """Origin of the backbone's first values, and the seed of the rest."""
    origins = {str(f.get("weights")) for one in facts.records.values() for f in one["folds"]}
    origins -= {"none: weights of terms only"}
    seeds = values(with_training(facts.recipes).values(), "training", "seed")
    return f"weights {', '.join(sorted(origins))}; seed {seeds}" if origins else None


@answer("metrics")
def training(facts: CardFacts) -> str | None:
    """Hyperparameters of the one loop."""
    recipes = with_training(facts.recipes)
    if not recipes:
        return None

    def of(key: str) -> str:
        return told(recipes, "training", key)

    said = (
        f"{of('optimiser')}, learning rate {learning_rate(recipes)}, momentum {of('momentum')}, "
        f"weight decay {of('weight_decay')}, {length(recipes)}, batch {of('batch')}, precision "
        f"{of('precision')}, seed {of('seed')}"
    )
    for key in ("micro_batch", "freeze_backbone_epochs", "clip_norm"):
        if (found := of(key)) != "none":
            said += f", {key.replace('_', ' ')} {found}"
    if (smoothing := told(recipes, "label_smoothing")) not in ("none", "0"):
        said += f", label smoothing {smoothing}"
    if change := augmented(recipes.values()):
        said += f"; augmentation: {change}"
    return said


@answer("metrics")
def selection(facts: CardFacts) -> str | None:
    """Which weights are kept, and that no learner is picked by its result."""
    stops = values(with_training(facts.recipes).values(), "training", "early_stop")
    kept = (
        "the weights after the last epoch"
        if stops == "None"
        else f"the best epoch on held-back training patients ({stops})"
    )
    return f"{kept}; every learner is reported, none is picked by its result"


@answer("metrics")
def ensembling(facts: CardFacts) -> str | None:
    """None in the figures; the saved artefact averages its folds, if it has several."""
    if facts.one_network:
        return "none: one network a learner"
    return (
        "none in the figures: each sample is judged by one network; a saved learner predicts a new "
        "image by the mean of its folds' networks, which was not judged here"
    )


@answer("metrics")
def building(facts: CardFacts) -> str | None:
    """Kind, training, choice and tuning in one."""
    said = [model(facts), training(facts), selection(facts)]
    if None in said:
        return None
    return ". ".join([*(str(one) for one in said), tuned(facts)])


@answer("metrics")
def prediction(facts: CardFacts) -> str | None:
    """From an image to a patient's score."""
    network = "the network of the fold that holds its patient out"
    if facts.one_network:
        network = "the one network, which was not fitted on its patient"
    if facts.learners and not any("image" in levels for levels in facts.learners.values()):
        return (
            "one score a patient, from its images and sequences by the learner's own rule; called "
            f"positive as the thresholds say; networks: {network}"
        )
    return (
        f"an image's probability comes from {network}; a patient's score is the mean over the "
        "patient's images"
    )


@answer("metrics")
def output(facts: CardFacts) -> str | None:
    """A probability, and the thresholds that figures are given at."""
    settings = (facts.metrics or {})["settings"]
    thresholds = "; ".join(f"{name}: {why}" for name, why in settings["thresholds"].items())
    return f"probability of {settings['positive_class']}, 0 to 1. Thresholds {thresholds}"


@answer("metrics")
def absent_inputs(facts: CardFacts) -> str | None:
    """What the software does by itself about a missing value or an unreadable image."""
    unreadable = "an unreadable image is refused, not guessed"
    if not facts.clinical:
        return unreadable
    policy = values(facts.recipes.values(), "clinical", "missing")
    return f"missing clinical values: {policy}; {unreadable}"


@answer("metrics")
def goal(facts: CardFacts) -> str | None:
    """What a run does, by what it did."""
    settings = (facts.metrics or {})["settings"]
    return (
        f"exploratory: models are made and compared on held-out patients, each against "
        f"{settings['reference']} and against controls without an image"
    )


@answer("metrics")
def out_of_scope(facts: CardFacts) -> str | None:
    """What no run of this software supports."""
    person = (
        "any decision about a person: the networks saw synthetic patients only"
        if facts.source == PHANTOM
        else "any decision about a patient: nothing here was tested outside this cohort"
    )
    classes = (facts.metrics or {})["settings"]
    known = ", ".join([*classes["negative_classes"], classes["positive_class"]])
    return f"{person}; classes other than {known.replace('_', ' ')}; not a medical device"


@answer("run")
def software(facts: CardFacts) -> str | None:
    """Versions of osteon, Python and every direct dependency."""
    run = facts.run or {}
    versions = ", ".join(f"{name} {one}" for name, one in run["packages"].items())
    return f"osteon {run['osteon']}, Python {run['python']}, {versions}"


@answer("run")
def code(facts: CardFacts) -> str | None:
    """Version, commit and licence of the code."""
    run: Any = facts.run or {}
    changed = {True: ", with changes that are not committed", False: ", unchanged"}
    return (
        f"osteon {run['osteon']}, commit {run['commit']}{changed.get(run['dirty'], '')}; "
        f"licence {licence(facts) or 'not stated'}"
    )


@answer("run")
def command(facts: CardFacts) -> str | None:
    """The command line, places on the machine left out."""
    return (facts.run or {})["command"] or None


@answer("run")
def machine(facts: CardFacts) -> str | None:
    """Device, processor, memory, seconds."""
    run: Any = facts.run or {}
    devices = ", ".join(run["devices"]) or "unknown"
    seconds = [one["seconds"] for one in run["learners"].values() if one.get("seconds")]
    said = (
        f"trained on {devices}; {run['platform']}, {run['processor']}, {run['cores']} core(s), "
        f"{run['memory_gib']} GiB; training took {sum(seconds):.0f} s, all learners and folds added"
    )
    wall = run.get("wall_seconds")
    return said if wall is None else f"{said}; the process had run for {wall:.0f} s"


@answer("run", "artefacts")
def specification(facts: CardFacts) -> str | None:
    """Where weights and configuration lie."""
    found = [path for path in facts.artefacts or {} if path.startswith("data/06_models/")]
    return f"{len(found)} file(s) with weights and configuration, listed below" if found else None


@answer("run")
def availability(facts: CardFacts) -> str | None:
    """What the run left, and under which licence the software is."""
    artefacts = f"{len(facts.artefacts)} artefact(s) listed below" if facts.artefacts else ""
    return "; ".join(one for one in (code(facts), artefacts) if one)


@answer()
def licence(facts: CardFacts) -> str | None:
    """Of the software, as its package states it; weights and data have their own."""
    try:
        found = metadata.metadata("osteon")
    except metadata.PackageNotFoundError:
        return None
    for field in ("License-Expression", "License"):
        if field in found:
            return found[field]
    return None
