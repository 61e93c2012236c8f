"""Which patients, slices and boxes the pages of the weighted fusion show: by rule, not by hand."""

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from osteon.reporting.patients.cases import MAJORITY, evenly, middle

REASONS = {
    "right_positive": "a {positive} tumour, rightly called: the surest of these",
    "right_negative": "a {negative} tumour, rightly called: the surest of these",
    "missed": "a {positive} tumour that was missed: the surest such error",
    "false_alarm": "a false alarm, a {negative} tumour called {positive}: the surest such error",
    "closest": "the closest call: its score is nearest to 0.5",
    "tie": "a call that no majority made: {how}",
    "random": "drawn at random",
}
"""Why a patient is shown, in the order of choosing."""


def choose_patients(
    explained: pd.DataFrame,
    predictions: pd.DataFrame,
    count: int,
    seed: int = 0,
    hidden: Collection[str] = (),
) -> list[tuple[str, str]]:
    """Patients of the page, each with the reason why it is there.

    Args:
        explained: patient_id, decided_by of every patient (`Explained.patients` of the fusion).
        predictions: patient_id, label (1 = malignant), vote and prob_<class>, the last of them the
            score; one row a patient. Patients that only one table has are left out.
        count: at most, 1 or more; seed: of what is drawn at random; hidden: patients never shown.

    Returns:
        (patient_id, reason): the surest right call of each class, the worst missed malignant, the
        worst false alarm, the closest call, one that no majority decided, then at random. Where a
        patient fits two rules the second takes its next; a rule that nobody fits is left out.

    Raises:
        ValueError: count below 1, or a patient in two rows.
    """
    if count < 1:
        raise ValueError(f"count: {count} found, 1 or more allowed")
    classes = [str(one) for one in predictions if str(one).startswith("prob_")]
    if predictions["patient_id"].duplicated().any():
        twice = predictions.loc[predictions["patient_id"].duplicated(), "patient_id"].iloc[0]
        raise ValueError(f"predictions: patient {twice!r} in two rows found, one row allowed")
    judged = predictions[["patient_id", "label", "vote"]].assign(score=predictions[classes[-1]])
    table = judged.merge(explained[["patient_id", "decided_by"]], on="patient_id")
    table = table[~table["patient_id"].isin(set(hidden))]
    names = [one.removeprefix("prob_").replace("_", "-") for one in classes]
    words = {"negative": names[0], "positive": names[-1]}
    chosen: dict[str, str] = {}
    for reason, pool in _rules(table, seed):
        left = [row for row in pool.to_dict("records") if row["patient_id"] not in chosen]
        for row in left if reason == "random" else left[:1]:
            how = str(row["decided_by"])
            chosen[str(row["patient_id"])] = REASONS[reason].format(**words, how=how)
    return list(chosen.items())[:count]


def _rules(table: pd.DataFrame, seed: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each rule with the patients that fit it, the first the one to take."""
    positive, called = table["label"].astype(bool), table["vote"].astype(bool)
    rising = table.sort_values("score", kind="stable")
    falling = table.sort_values("score", ascending=False, kind="stable")
    yield "right_positive", falling.loc[positive & called]
    yield "right_negative", rising.loc[~positive & ~called]
    yield "missed", rising.loc[positive & ~called]
    yield "false_alarm", falling.loc[~positive & called]
    nearest = (table["score"] - 0.5).abs().sort_values(kind="stable").index
    yield "closest", table.loc[nearest]
    yield "tie", table.loc[table["decided_by"] != MAJORITY]
    # Drawn by place, not by name: names depend on a secret key.
    yield "random", table.iloc[np.random.default_rng(seed).permutation(len(table))]


def choose_slices(images: pd.DataFrame, count: int = 12, hidden: Collection[str] = ()) -> list[str]:
    """Slices of one series that are shown: evenly from the first to the last.

    The image in the middle of the votes, which the page works out in numbers, is always among them.

    Args:
        images: sample_id, slice, p, counted (and vote) of the series.
        count: at most, 1 or more; hidden: sample ids that must not be shown.

    Returns:
        sample ids in slice order.
    """
    shown = images[~images["sample_id"].isin(set(hidden))].sort_values("slice", kind="stable")
    rows = shown.to_dict("records")
    voting = [k for k, row in enumerate(rows) if row["counted"] and not pd.isna(row["p"])]
    values = [float(rows[k]["p"]) for k in voting]
    # A tie is decided by the mean; then the middle image is the one of two on the mean's side.
    lead = 2 * sum(value >= 0.5 for value in values) - len(values)
    upper = lead > 0 or (lead == 0 and sum(values) >= 0.5 * len(values))
    keep = middle(voting, lambda k: float(rows[k]["p"]), upper)
    places = evenly(len(rows), count, keep)
    return [str(rows[k]["sample_id"]) for k in places]


def choose_boxes(images: pd.DataFrame, count: int) -> dict[str, tuple[str, ...]]:
    """Images for the galleries of boxes, one a patient in each.

    Args:
        images: one row an image: sample_id, patient_id, found (boxes found), drawn (boxes of the
            radiologist), iou (largest overlap of the surest box found with one drawn, 0..1; NaN
            without a pair), score (of the surest box; NaN without).
        count: in a gallery at most, 1 or more.

    Returns:
        boxes_best, boxes_worst, boxes_missed, boxes_false → sample ids.

    Raises:
        ValueError: count below 1.
    """
    if count < 1:
        raise ValueError(f"count: {count} found, 1 or more allowed")
    found, drawn = images["found"] > 0, images["drawn"] > 0
    both, alone = images[found & drawn], images[found & ~drawn]
    pools = {
        "boxes_best": both.sort_values("iou", ascending=False, kind="stable"),
        "boxes_worst": both.sort_values("iou", kind="stable"),
        "boxes_missed": images[~found & drawn],
        "boxes_false": alone.sort_values("score", ascending=False, kind="stable"),
    }
    return {
        name: tuple(pool.drop_duplicates("patient_id")["sample_id"].astype(str)[:count])
        for name, pool in pools.items()
    }
