"""A framework of several networks in words: what each is, and what its rows weigh and are given."""

from collections.abc import Iterable, Mapping
from typing import Any

from osteon.reporting.card.facts import CardFacts, values

TERMS = {
    "detector": "boxes of the detector on whole slices",
    "sequence": "tube of slices around the largest box",
    "age": "age",
}
"""Term of the fusion → what it is given."""
Recipe = Mapping[str, Any]


def rows(facts: CardFacts) -> dict[str, Recipe]:
    """The rows of a fusion: learners that weigh what others say."""
    return {name: one for name, one in facts.recipes.items() if one.get("kind") == "fusion"}


def with_training(recipes: Mapping[str, Recipe]) -> dict[str, Recipe]:
    """Recipes that train a network; all of them where none says how it trains."""
    found = {name: one for name, one in recipes.items() if one.get("training")}
    return found or dict(recipes)


def fused(recipes: Iterable[Recipe]) -> str:
    """Eq. 1 and its votes in a sentence; empty without a row of a fusion."""
    own = [one for one in recipes if one.get("kind") == "fusion"]
    if not own:
        return ""
    return (
        f"{len(own)} weighted sums of what detector, sequence model and an age table say of an "
        "image, each followed by two majority votes: of the images of a sequence, of the "
        "sequences of a patient"
    )


def entrance(recipes: Iterable[Recipe]) -> str:
    """What a network is given, where its recipe says so: `input 64 px a side; 3 classes`."""
    given = list(recipes)
    said = []
    if (size := values(given, "size")) != "None":
        said.append(f"input {size} px a side")
    if (slices := values(given, "slices")) != "None" and values(given, "side") != "None":
        said.append(f"input tubes of {slices} slices, {values(given, 'side')} px a side")
    return "; ".join(said)


def parameters(facts: CardFacts) -> str:
    """`parameters: detector 653094, sequence 188010`; only of a framework's networks."""
    if not rows(facts):
        return ""
    counts = {
        name: one["folds"][-1].get("parameters")
        for name, one in facts.records.items()
        if name not in rows(facts)
    }
    said = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return f"parameters: {said}" if said else ""


def given(facts: CardFacts) -> str:
    """What each row of the fusion is given."""
    return "; ".join(
        f"{name}: {', '.join(TERMS.get(term, term) for term in one.get('terms', ()))}"
        for name, one in rows(facts).items()
        if name in facts.learners
    )


def tuned(facts: CardFacts) -> str:
    """What was chosen on the training part."""
    if any(one.get("weights") == "chosen" for one in rows(facts).values()):
        return (
            "Chosen in this run: the weights of the fusion, by trying every one of a grid on "
            "out-of-fold predictions of the training part; no other hyperparameter was tuned"
        )
    return "No hyperparameter was tuned in this run"
