"""The sums of the WFF paper about what age adds."""

from collections.abc import Iterator, Mapping
from math import comb
from typing import Any

from osteon.claims.contradictions.sums import (
    IMPLIED,
    Checked,
    around,
    called,
    counts_giving,
    hanley_mcneil,
    overlap,
)
from osteon.measures.intervals import wilson

FUSION = "Table 3"
Z = 1.96
OURS = "printed is the figure; the interval and the statement are our derivation"


def counts(published: Mapping[str, Any], row: Mapping[str, float]) -> list[tuple[int, int]]:
    """(malignant right, benign right) of the test set that give a row's SE, SP and ACC."""
    test = published["cohort"]["test"]
    return [
        (true, right)
        for true in counts_giving(row["se"], test["malignant"], 3)
        for right in counts_giving(row["sp"], test["benign"], 3)
        if overlap(((true + right) / test["patients"],) * 2, around(row["acc"], 3))
    ]


def mcnemar_floor(lost: int, won: int) -> float:
    """Smallest two-sided exact p of McNemar's test for a net change of two counts.

    Args:
        lost: patients that some class nets fewer right; won: that some class nets more. Changes to
            and fro within a class are not seen in its net and only raise p.
    """
    pairs, few = lost + won, min(lost, won)
    return float(min(1.0, 2 * sum(comb(pairs, k) for k in range(few + 1)) / 2**pairs))


def gain_of_age(published: Mapping[str, Any]) -> Iterator[Checked]:
    """What the age table adds, and whether chance alone would.

    Args:
        published: the block that `osteon.claims.published.read_published` gives.
    """
    table, test = published["table3"], published["cohort"]["test"]
    for name in ("det", "seq", "det_seq"):
        without, with_age = table[name]["auc"], table[f"{name}_age"]["auc"]
        said = name == "det_seq"  # the text says it of the fusion of both only
        yield Checked(
            f"age_raises_auc_{name}",
            f"Age raises the AUC of {called(published, name)}",
            "improved" if said else None,
            round(with_age - without, 4),
            f"{with_age:.3f} - {without:.3f} = {with_age - without:+.3f}",
            with_age > without,
            FUSION,
            note="" if said else IMPLIED,
        )
    rows = [counts(published, table[name]) for name in ("det_seq", "det_seq_age")]
    if not all(rows):
        return
    (true, right), (true_age, right_age) = rows[0][0], rows[1][0]
    size, net = test["patients"], true_age + right_age - true - right
    p = _p_of_change(true_age - true, right_age - right)
    yield Checked(
        "age_gain_significant",
        "The gain in accuracy by age is significant (p below 0.05 at best)",
        "significant",
        round(p, 4),
        f"{true_age + right_age}/{size} - {true + right}/{size} = {net:+d} patients: malignant "
        f"{true} -> {true_age}, benign {right} -> {right_age}; smallest exact McNemar p = {p:.3f}",
        p < 0.05 and net > 0,
        f"text beside {FUSION}",
        "p < 0.05",
    )
    acc = table["det_seq_age"]["acc"]
    yield _accuracy_intervals(acc, true + right, true_age + right_age, size)
    yield _auc_intervals(table, test)


def _p_of_change(malignant: int, benign: int) -> float:
    """Smallest McNemar p that a net change in each class allows."""
    changes = (malignant, benign)
    return mcnemar_floor(
        sum(-one for one in changes if one < 0), sum(one for one in changes if one > 0)
    )


def _accuracy_intervals(acc: float, without: int, with_age: int, size: int) -> Checked:
    low, high = wilson(without, size), wilson(with_age, size)
    return Checked(
        "age_gain_beyond_accuracy_interval",
        "The accuracy with age lies above the 95 % Wilson interval of that without",
        acc,
        round(low.hi, 4),
        f"{without}/{size} [{low.lo:.3f}, {low.hi:.3f}] against {with_age}/{size} "
        f"[{high.lo:.3f}, {high.hi:.3f}]: {with_age / size:.3f} - {low.hi:.3f} = "
        f"{with_age / size - low.hi:+.3f}",
        with_age / size > low.hi,
        FUSION,
        "95 % Wilson interval",
        OURS,
    )


def _auc_intervals(table: Mapping[str, Any], test: Mapping[str, int]) -> Checked:
    values = [table[name]["auc"] for name in ("det_seq", "det_seq_age")]
    halves = [Z * hanley_mcneil(auc, test["malignant"], test["benign"]) for auc in values]
    shown = [
        f"{auc:.3f} [{auc - half:.3f}, {auc + half:.3f}]"
        for auc, half in zip(values, halves, strict=True)
    ]
    return Checked(
        "age_gain_beyond_auc_interval",
        "The AUC with age lies above the 95 % interval of that without",
        values[1],
        round(values[0] + halves[0], 4),
        f"{shown[0]} against {shown[1]}: {values[1]:.3f} - {values[0] + halves[0]:.3f} = "
        f"{values[1] - values[0] - halves[0]:+.3f}",
        values[1] > values[0] + halves[0],
        FUSION,
        "1.96 standard errors by Hanley and McNeil",
        OURS,
    )
