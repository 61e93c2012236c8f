"""Recipes in words: networks, heads, augmentation and balance, whatever kind of recipe it is."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from osteon.reporting.card.facts import values
from osteon.reporting.card.framework_facts import entrance, fused
from osteon.reporting.figures.names import known

Recipes = Iterable[Mapping[str, Any]]
HEADS = {"softmax": "softmax over the classes", "sigmoid": "one logit with sigmoid"}
BALANCE = {
    "none": "no resampling and no class weights",
    "None": "no resampling and no class weights",
    "class_weight": "losses weighed by class, from the training part's counts",
    "sampler": "training cases drawn so that each class comes as often",
    "offline": "the training part filled to equal classes with turned and mirrored copies, made "
    "after the split",
}
CHANGES = {
    "translate": "shifts up to {} of the side",
    "scale": "sizes times {}",
    "rotate": "turns up to {} degrees",
    "hflip": "mirrored left to right with probability {}",
    "vflip": "mirrored top to bottom with probability {}",
}
COLOURS = {
    "window_composite": "three windows of the CT as red, green and blue",
    "adjacent": "each slice with its two neighbours as red, green and blue",
    "as_is": "in the colours of the file",
}
NO_CHANGE = ("0", "1 1", "None")


def network_name(recipe: Mapping[str, Any]) -> str:
    """`resnet18`, or the name of an image recipe's network in print."""
    network = recipe.get("network") or {}
    name = recipe.get("backbone") or network.get("name") or network.get("arch")
    return known(str(name)) or str(name) if name else ""


def networks(recipes: Recipes) -> str:
    """The different networks of some recipes: `resnet18`, or `SMSDNet, DenseNet-121`."""
    return ", ".join(dict.fromkeys(filter(None, map(network_name, recipes))))


def described(recipes: Recipes) -> str | None:
    """Architecture in the recipes' terms, one sentence a kind of network; None without any."""
    given = list(recipes)
    fusion = [one for one in given if one.get("backbone")]
    said = [_late_fusion(fusion)] if fusion else []
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for one in given:
        if one.get("network"):
            by_name.setdefault(network_name(one), []).append(one)
    said += [_image_network(name, own) for name, own in by_name.items()]
    said += filter(None, [fused(given)])
    return ". ".join(said) or None


def _late_fusion(recipes: Recipes) -> str:
    recipes = list(recipes)
    return (
        f"{values(recipes, 'backbone')}, channels times {values(recipes, 'width')}, global average "
        f"pooling; {values(recipes, 'fusion')} fusion with the clinical values; a head of "
        f"{values(recipes, 'hidden')} hidden units ({values(recipes, 'activation')}, dropout "
        f"{values(recipes, 'dropout')}) and {values(recipes, 'out_dim')} output(s)"
    )


def _image_network(name: str, recipes: Recipes) -> str:
    """A network with every field of its configuration, then its input and its head."""
    recipes = list(recipes)
    named = ("name", "arch")
    fields = list(dict.fromkeys(key for one in recipes for key in one["network"]))
    fields = [key for key in fields if key not in named]
    own = "; ".join(
        f"{field.replace('_', ' ')} {_plain(values(recipes, 'network', field))}" for field in fields
    )
    said = [f"{name}{f' ({own})' if own else ''}", entrance(recipes)]
    if (classes := values(recipes, "classes")) != "None":
        heads = dict.fromkeys(str(one.get("head")) for one in recipes)
        said.append(f"{classes} classes, {' or '.join(HEADS.get(one, one) for one in heads)}")
    return "; ".join(one for one in said if one)


def _plain(value: str) -> str:
    """A value of a configuration for people: no None, and a group of values without quotes."""
    parts = value.replace("'", "").replace("}, {", " or ").strip("{}")
    return "none" if value == "None" else parts


def balanced(recipes: Recipes) -> str:
    """What is done about classes of unequal size."""
    found = values(recipes, "training", "balance").split(", ")
    return "; ".join(dict.fromkeys(BALANCE.get(one, one) for one in found))


def augmented(recipes: Recipes) -> str:
    """What chance does to training images; empty where it does nothing."""
    given = [one for one in recipes if (one.get("training") or {}).get("augmentation")]
    found = {key: values(given, "training", "augmentation", key) for key in CHANGES}
    said = [
        CHANGES[key].format(found[key].replace(" ", " to "))
        for key in CHANGES
        if given and found[key] not in NO_CHANGE
    ]
    return ", ".join(said)


def length(recipes: Mapping[str, Mapping[str, Any]]) -> str:
    """Epochs, or optimiser steps where these are what counts, of learner → recipe."""
    said = {}
    for name, recipe in recipes.items():
        steps = values([recipe], "training", "steps")
        epochs = f"{values([recipe], 'training', 'epochs')} epochs"
        said[name] = epochs if steps == "None" else f"{steps} optimiser steps"
    return with_others(said)


def learning_rate(recipes: Mapping[str, Mapping[str, Any]]) -> str:
    """The learning rate and, where it falls, by which factor and at which epochs."""
    said = {}
    for name, recipe in recipes.items():
        rate, gamma, epochs = (
            values([recipe], "training", key) for key in ("lr", "gamma", "milestones")
        )
        said[name] = rate if epochs in ("", "None") else f"{rate} times {gamma} at epochs {epochs}"
    return with_others(said)


def told(recipes: Mapping[str, Mapping[str, Any]], *path: str) -> str:
    """The value at a place of learner → recipe: `0.1`, `none`, or `0.1 (alexnet: 0.01)`."""
    found = {name: values([recipe], *path) for name, recipe in recipes.items()}
    return with_others(
        {name: "none" if one in ("", "None") else one for name, one in found.items()}
    )


def with_others(said: Mapping[str, str]) -> str:
    """What most learners have, the first of equals, and in brackets who has what else."""
    common = Counter(said.values()).most_common(1)[0][0]
    others: dict[str, list[str]] = {}
    for name, one in said.items():
        if one != common:
            others.setdefault(one, []).append(name)
    beside = "; ".join(f"{', '.join(names)}: {one}" for one, names in others.items())
    return f"{common} ({beside})" if beside else common


def shown(preprocessing: Mapping[str, Any]) -> str:
    """Which slices and which part of them; empty where it is all of everything."""
    slices, region = (preprocessing.get(key) or {} for key in ("slices", "region"))
    said = ""
    if slices.get("choice", "all") != "all":
        bound = f", at most {slices['count']} a series" if slices.get("count") else ""
        said += f"slices chosen by rule ({str(slices['choice']).replace('_', ' ')}{bound}), "
    if region.get("mode") == "box_margin":
        found = "" if region.get("threshold") == "given" else ", or the threshold's,"
        said += f"cropped to the lesion's box{found} and {region.get('margin')} px around it, "
    if region.get("mode") == "fixed":
        found = "" if region.get("threshold") == "given" else " or what the threshold finds"
        said += f"cropped to {region.get('fixed_side')} px around the lesion{found}, "
    return said


def colours(preprocessing: Mapping[str, Any], grey: str) -> str:
    """What is done to the colours of an image; `grey` says it of grey ones."""
    colour = str(preprocessing.get("colour") or "grey")
    return COLOURS.get(colour, grey if colour == "grey" else colour.replace("_", " "))
