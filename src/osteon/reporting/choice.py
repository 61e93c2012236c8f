"""Which images a report shows: by stated rules, never by hand.

One gallery shows what the networks were given; three more are those of the late-fusion paper (its
Figs. 7 to 9) and serve every row that has a reference and a headline learner; two show the clearest
and the worst cases.
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import pandas as pd

from osteon.reporting.figures.names import known
from osteon.reporting.figures.style import readable

NAMES = ("prepared", "right", "baseline_wrong", "shift", "best", "worst")
"""Galleries, in the order in which a report shows them."""
PREPARED = (
    "What the networks were given",
    "Images as they were prepared, beside the original: drawn at random with a fixed seed, first "
    "one of each way in which a part of the original was chosen, the rarest way first, then the "
    "classes in turn; one image a patient where there are enough.",
)
RULES = {
    "right": (
        "Rightly classified",
        "Images that {headline} judged rightly: positives and others in turn, spread evenly from "
        "the surest to the least sure, so that these are not only the prettiest.",
    ),
    "baseline_wrong": (
        "Misjudged by {reference}",
        "Images that the reference, {reference}, misjudged, the surest errors first: missed "
        "{positive} and false alarms in turn.",
    ),
    "shift": (
        "Misjudged by {reference}, right with {headline}",
        "Images that the reference, {reference}, misjudged and the headline learner, {headline}, "
        "judged rightly, the largest change of probability first; compare both maps.",
    ),
    "best": (
        "Surest and right",
        "The highest probabilities that {headline} gave to the truth, {positive} or not.",
    ),
    "worst": (
        "Surest and wrong",
        "The lowest probabilities that {headline} gave to the truth, {positive} or not.",
    ),
}
"""Title and rule of each gallery of judged images."""
AGAINST_REST = (
    " Of {classes} classes, right means here that {positive} was told from all others at a "
    "probability of 0.5."
)


@dataclass(frozen=True)
class Gallery:
    """A choice of samples by a stated rule.

    Attributes:
        name: for files and anchors; title and caption: for people, the caption states the rule.
        samples: sample_id, in the order of showing; empty if no sample fits the rule.
    """

    name: str
    title: str
    caption: str
    samples: tuple[str, ...]


def labels(reference: str, headline: str) -> tuple[str, str]:
    """What two learners are called beside each other: known networks by their names, and learners
    of one family by what tells them apart (`resnet18_baseline`, `resnet18_all` → "baseline", "all
    inputs").
    """
    first, second = known(reference), known(headline)
    if first and second:
        return first, second
    heads = [name.partition("_") for name in (reference, headline)]
    family = reference != headline and heads[0][0] == heads[1][0] and all(own for *_, own in heads)
    names = [own for *_, own in heads] if family else [reference, headline]
    one, other = ("all inputs" if name == "all" else readable(name) for name in names)
    return one, other


def choose_prepared(
    samples: pd.DataFrame, count: int, hidden: Collection[str] = (), seed: int = 0
) -> Gallery:
    """Samples that show how images were prepared, before any learner saw them.

    Args:
        samples: sample_id, patient_id, label, crop_source.
        count: at most, 1 or more; hidden: sample ids that must not be shown; seed: of the draw.

    Returns:
        the gallery `prepared`: each crop source once (as far as `count` reaches), then the class
        that was shown least; a patient again only where another source would be missing.

    Raises:
        ValueError: count is below 1.
    """
    _check(count)
    table = samples[~samples["sample_id"].isin(set(hidden))].reset_index(drop=True)
    # Drawn by place, not by name: names depend on a secret key.
    table = table.iloc[np.random.default_rng(seed).permutation(len(table))]
    rarest = table["crop_source"].value_counts().sort_index().sort_values(kind="stable").index
    shown = table.iloc[:0]
    for source in rarest[:count]:
        pool = table[table["crop_source"] == source]
        fresh = pool[~pool["patient_id"].isin(shown["patient_id"])]
        shown = pd.concat([shown, _next(pool if fresh.empty else fresh, shown)])
    for _ in range(count - len(shown)):
        pool = table[~table["patient_id"].isin(shown["patient_id"])]
        shown = pd.concat([shown, _next(pool, shown)])
    return Gallery("prepared", *PREPARED, tuple(shown["sample_id"]))


def _next(pool: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """The first row of the class that was shown least, of the last class where that ties."""
    times = pool["label"].map(shown["label"].value_counts()).fillna(0)
    turn = pool.assign(_times=times, _last=-pool["label"])
    return pool.loc[turn.sort_values(["_times", "_last"], kind="stable").index[:1]]


def choose(
    reference: pd.DataFrame,
    headline: pd.DataFrame,
    count: int,
    hidden: Collection[str] = (),
    called: tuple[str, str] = ("the reference", "the headline learner"),
) -> list[Gallery]:
    """The five galleries of judged images, one image a patient.

    Args:
        reference: predictions of the learner that the others are tested against.
        headline: predictions of the learner under test. Both have sample_id, patient_id, label and
            prob_<class> columns, of which the last is the positive class; samples that only one
            learner judged are left out. With more than two classes an image is judged rightly where
            the positive class was told from all others.
        count: cases in a gallery at most, 1 or more.
        hidden: sample ids that must not be shown, for instance for writing in their pixels.
        called: what reference and headline learner are called in titles and captions.

    Returns:
        right, baseline_wrong, shift, best, worst.

    Raises:
        ValueError: count is below 1.
    """
    _check(count)
    columns = ["sample_id", "patient_id", "positive", "truth"]
    first, second = _truth(reference)[columns], _truth(headline)[["sample_id", "truth"]]
    table = first.merge(second, on="sample_id", suffixes=("_before", "_after"))
    table = table[~table["sample_id"].isin(set(hidden))]
    before, after = table["truth_before"], table["truth_after"]
    # A probability of exactly one half is called positive, as at the threshold 0.5.
    right_before = _right(table["positive"], before)
    right_after = _right(table["positive"], after)
    change = table.assign(change=after - before)
    chosen = {
        "right": _both_classes(table[right_after], "truth_after", count, spread=True),
        "baseline_wrong": _both_classes(
            table[~right_before], "truth_before", count, ascending=True
        ),
        "shift": tuple(_ordered(change[~right_before & right_after], "change")[:count]),
        "best": _both_classes(table[right_after], "truth_after", count),
        "worst": _both_classes(table[~right_after], "truth_after", count, ascending=True),
    }
    told = _told(_classes(reference), called)
    return [Gallery(name, *told[name], samples) for name, samples in chosen.items()]


def _check(count: int) -> None:
    if count < 1:
        raise ValueError(f"count: {count} found, 1 or more allowed")


def _told(classes: list[str], called: tuple[str, str]) -> dict[str, tuple[str, str]]:
    """Titles and captions with the learners' and the positive class's names in them."""
    positive = readable(classes[-1].removeprefix("prob_"))
    words = {"reference": called[0], "headline": called[1], "positive": positive}
    rest = AGAINST_REST.format(classes=len(classes), positive=positive) if len(classes) > 2 else ""
    return {
        name: (title.format(**words), rule.format(**words) + rest)
        for name, (title, rule) in RULES.items()
    }


def _classes(predictions: pd.DataFrame) -> list[str]:
    return [str(column) for column in predictions if str(column).startswith("prob_")]


def _truth(predictions: pd.DataFrame) -> pd.DataFrame:
    """With `positive` (bool) and `truth`, the probability of what is true: positive or not."""
    classes = _classes(predictions)
    probability = predictions[classes[-1]]
    positive = predictions["label"] == len(classes) - 1
    return predictions.assign(positive=positive, truth=probability.where(positive, 1 - probability))


def _right(positive: pd.Series, truth: pd.Series) -> pd.Series:
    return (truth > 0.5) | (positive & (truth == 0.5))


def _ordered(table: pd.DataFrame, column: str, ascending: bool = False) -> list[str]:
    """Samples by a column, one a patient; ties stay in the table's order."""
    ordered = table.sort_values(column, ascending=ascending, kind="stable")
    return list(ordered.drop_duplicates("patient_id")["sample_id"])


def _both_classes(
    table: pd.DataFrame, column: str, count: int, ascending: bool = False, spread: bool = False
) -> tuple[str, ...]:
    """Positives and others in turn; where one class has too few, the other fills up.

    `spread` takes each class's samples evenly from the first to the last instead of the first.
    """
    positive = _ordered(table[table["positive"]], column, ascending)
    negative = _ordered(table[~table["positive"]], column, ascending)
    wanted = min(len(positive), max(count - len(negative), (count + 1) // 2))
    parts = [
        _evenly(names, number) if spread else names[:number]
        for names, number in ((positive, wanted), (negative, count - wanted))
    ]
    return tuple(name for pair in zip_longest(*parts) for name in pair if name is not None)


def _evenly(names: list[str], count: int) -> list[str]:
    if len(names) <= count:
        return names
    return [names[at] for at in np.linspace(0, len(names) - 1, count).round().astype(int)]
