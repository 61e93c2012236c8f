"""Answers of runs whose learners outline, in place of those on telling classes apart.

An answer here replaces the one of the same name when the metrics' task is segmentation; all others
serve both tasks.
"""

from collections.abc import Mapping
from typing import Any

from osteon.reporting.card.answers_data import partitions as parted
from osteon.reporting.card.answers_model import model, selection
from osteon.reporting.card.answers_model import preprocessing as whole_images
from osteon.reporting.card.answers_model import training as fitted
from osteon.reporting.card.facts import PHANTOM, CardFacts, Whole, outlining, values
from osteon.reporting.card.framework_facts import tuned
from osteon.reporting.card.recipe_facts import networks

SAME = "the same for all learners, given beforehand, chosen on no data"


def target(facts: CardFacts) -> str:
    """What is outlined."""
    said = (facts.metrics or {})["settings"].get("positive_class", "target")
    return str(said).replace("_", " ")


def post(facts: CardFacts) -> Mapping[str, Any]:
    """How a map becomes an outline."""
    given = (facts.metrics or {})["settings"].get("postprocess")
    if given:
        return dict(given)
    return dict(next(iter(facts.recipes.values()), {}).get("postprocess") or {})


def on_patches(facts: CardFacts) -> dict[str, Mapping[str, Any]]:
    """Learner → recipe, of those trained on patches."""
    return {name: one for name, one in facts.recipes.items() if one.get("patches")}


@outlining
def technology(facts: CardFacts) -> str | None:
    """Deep learning, and of which kind."""
    return (
        f"deep learning: networks ({networks(facts.recipes.values())}) that outline "
        f"{target(facts)} on single slices; {len(facts.learners)} learners compared"
    )


@outlining
def training(facts: CardFacts) -> str | None:
    """Hyperparameters of the one loop, the patches and the pretraining before it."""
    said = [fitted(facts)]
    own = on_patches(facts)
    if own:
        recipes = list(own.values())
        said.append(
            f"on patches ({', '.join(own)}): side {values(recipes, 'network', 'patch')} px, stride "
            f"{values(recipes, 'patches', 'stride')} px, called {target(facts)} by the rule "
            f"{values(recipes, 'patches', 'rule')} at {values(recipes, 'patches', 'fraction')}; "
            "others thinned out in training to a share of "
            f"{values(recipes, 'patches', 'share')}, never where judged"
        )
    before = {name: one for name, one in facts.recipes.items() if one.get("pretraining")}
    if before:
        recipes = list(before.values())
        said.append(
            f"pretrained layer by layer as autoencoders without labels ({', '.join(before)}): "
            f"{values(recipes, 'pretraining', 'training', 'epochs')} epochs a layer, λ "
            f"{values(recipes, 'network', 'sparsity', 'lambda_')}, β "
            f"{values(recipes, 'network', 'sparsity', 'beta')}, ρ "
            f"{values(recipes, 'network', 'sparsity', 'rho')}"
        )
    return ". ".join(one for one in said if one) or None


@outlining
def inputs(facts: CardFacts) -> str | None:
    """Which learner sees what of a slice."""
    said = []
    for name, recipe in facts.recipes.items():
        network = (recipe.get("network") or {}).get("name")
        seen = "patches of a slice" if recipe.get("patches") else "a slice"
        said.append(f"{name}: {seen}{' with its neighbours' if network == 'sau_net' else ''}")
    return "; ".join(said) or None


@outlining
def preprocessing(facts: CardFacts) -> str | None:
    """What happens to a slice and its label map before a network sees them."""
    found = (facts.parameters or {}).get("preprocessing") or {}
    said = whole_images(facts)
    if not said:
        return None
    if low_high := found.get("percentiles"):
        said += f"; grey values cut at percentiles {low_high[0]:g} and {low_high[1]:g}"
    if str(found.get("background") or "none") != "none":
        said += f"; background made black ({found['background']})"
    if found.get("smoothing"):
        said += f"; smoothed by a Gaussian of {found['smoothing']:g} px of the file"
    return f"{said}; label maps go the same way by the nearest pixel"


@outlining
def subsets(facts: CardFacts) -> str | None:
    """Slices without a label map are left out, perhaps others by rule."""
    said = "all kept slices that have a label map; nothing was sampled"
    slices = facts.preparation.get("slices") or {}
    if slices and slices["chosen"] < slices["frames"]:
        said = f"{slices['chosen']} of {slices['frames']} kept slices: of those with a label map, "
        said += f"chosen by rule ({str(slices['choice']).replace('_', ' ')})"
    if left := facts.preparation.get("left_out"):
        said += "; left out: " + ", ".join(f"{count} ({why})" for why, count in left.items())
    if skipped := (facts.metrics or {}).get("skipped"):
        said += f"; {len(skipped)} learner(s) could not be trained on this cohort"
    return said


@outlining
def missing_data(facts: CardFacts) -> str | None:
    """Nothing but images goes in."""
    return "no value of a patient is an input; slices without a label map are left out and counted"


@outlining
def partitions(facts: CardFacts) -> str | None:
    """As for classes, but that patients have none."""
    said = parted(facts)
    return said.replace(", stratified by class", "") if said else None


@outlining
def building(facts: CardFacts) -> str | None:
    """Kind, training, choice and tuning in one."""
    said = [model(facts), training(facts), selection(facts)]
    if None in said:
        return None
    return ". ".join([*(str(one) for one in said), tuned(facts)])


@outlining
def prediction(facts: CardFacts) -> str | None:
    """From a slice to an outline."""
    found = post(facts)
    own = list(on_patches(facts).values())
    slid = ""
    if own:
        slid = (
            f"; networks on patches slide over it at stride {values(own, 'network', 'stride')} px, "
            "beyond its edges it is reflected, and overlapping patches are averaged"
        )
    return (
        "a map of probabilities comes from the network of the fold that holds the patient out"
        f"{slid}; laid back on the pixels of the file, called from {found.get('threshold')}, parts "
        f"below {found.get('least_px')} px dropped, holes "
        f"{'filled' if found.get('fill_holes') else 'left open'} ({SAME})"
    )


@outlining
def output(facts: CardFacts) -> str | None:
    """A map and an outline."""
    return (
        f"of each pixel the probability of {target(facts)}, 0 to 1, and the outline at "
        f"{post(facts).get('threshold')} ({SAME})"
    )


@outlining
def goal(facts: CardFacts) -> str | None:
    """What a run does, by what it did."""
    reference = (facts.metrics or {})["settings"]["reference"]
    return (
        f"exploratory: models are made and compared on held-out patients, each against {reference}"
    )


@outlining
def outcome(facts: CardFacts) -> str | None:
    """What is outlined, and where from it is known."""
    said = f"which pixels are {target(facts)}"
    return Whole(f"{said}; known by construction") if facts.source == PHANTOM else said


@outlining
def reference_standard(facts: CardFacts) -> str | None:
    """Label maps."""
    if facts.source == PHANTOM:
        return Whole("label maps from the generator, which also draws the image")
    return "the label maps that lie beside the images, as they are"


@outlining
def inclusion(facts: CardFacts) -> str | None:
    """Who gets in as far as the software decides."""
    if facts.source == PHANTOM:
        return Whole("synthetic patients drawn by this software: all that were drawn are in")
    refused = [f"{one['code']} {one['count']}" for one in (facts.cohort or {})["refused"]]
    return (
        "in: a patient with at least one usable slice that has a label map; refused by code: "
        f"{', '.join(refused) or 'none'}"
    )


@outlining
def numbers(facts: CardFacts) -> str | None:
    """Patients and slices that each learner was judged on."""
    by_size: dict[str, list[str]] = {}
    for name, levels in facts.learners.items():
        one = levels["patient"]
        size = f"{one['n_patients']} patients, {one.get('n_images')} slices"
        by_size.setdefault(size, []).append(name)
    if len(by_size) == 1:
        return f"{next(iter(by_size))}, for every learner"
    return "; ".join(f"{size}: {', '.join(names)}" for size, names in by_size.items()) or None


@outlining
def sample_size(facts: CardFacts) -> str | None:
    """All that there was."""
    said = numbers(facts)
    if facts.source == PHANTOM:
        return Whole(f"{said}; the number is a parameter of the phantom")
    return f"{said}: all usable patients of the cohort"


@outlining
def balance(facts: CardFacts) -> str | None:
    """Slices with the target by part, and what is done about patches."""
    rows = ((facts.cohort or {}).get("target") or {}).get("rows") or ()
    said = "; ".join(f"{row['name']}: {row['values'].get('all')}" for row in rows)
    if share := values(on_patches(facts).values(), "patches", "share"):
        said += f". Patches that are not {target(facts)} are thinned out in training to {share}"
    return said or None
