"""What the same sensitivity and specificity read as where more or fewer samples are positive.

A paper that balances its classes before it tests prints the precision, accuracy and F1 of balanced
samples. These three move with the share of positives; sensitivity and specificity do not.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from osteon.measures.discrimination import Floats, ratio


def at_prevalence(sensitivity: Floats, specificity: Floats, share: float) -> dict[str, Floats]:
    """Accuracy, precision and F1 in a population of which a share is positive.

    Args:
        sensitivity, specificity: 0..1, of any one shape.
        share: of positives, 0 < share < 1.

    Returns:
        accuracy, precision and f1, each of that shape; precision is NaN where nobody is called
        positive, and so is F1, as in `osteon.measures.discrimination`.

    Raises:
        ValueError: a share of 0 or less, or of 1 or more.
    """
    if not 0 < share < 1:
        raise ValueError(f"share: {share} found, a number between 0 and 1 needed")
    true, missed = sensitivity * share, (1 - sensitivity) * share
    false = (1 - specificity) * (1 - share)
    precision = ratio(true, true + false)
    return {
        "accuracy": true + specificity * (1 - share),
        "precision": precision,
        "f1": np.where(np.isnan(precision), np.nan, ratio(2 * true, 2 * true + false + missed)),
    }


def stated(counts: Mapping[str, Floats], shares: Sequence[float]) -> dict[str, Floats]:
    """`accuracy_at_<p>` and `f1_at_<p>` of counts tp, fp, fn and tn, each (rounds,).

    The precision at a share is `ppv_at_<p>` of `osteon.measures.discrimination.from_confusion`.
    """
    tp, fp, fn, tn = (counts[name] for name in ("tp", "fp", "fn", "tn"))
    sensitivity, specificity = ratio(tp, tp + fn), ratio(tn, tn + fp)
    found: dict[str, Floats] = {}
    for share in shares:
        made = at_prevalence(sensitivity, specificity, share)
        found |= {f"{name}_at_{share:g}": made[name] for name in ("accuracy", "f1")}
    return found


def behind(precision: float, recall: float, accuracy: float) -> dict[str, float]:
    """The share of positives and the specificity that three printed figures imply.

    With TP = recall of the positives and FP = TP (1 - precision) / precision, the errors are
    prevalence × ((1 - recall) + recall (1 - precision) / precision) = 1 - accuracy.

    Args:
        precision, recall, accuracy: shares, in (0, 1].

    Returns:
        `prevalence` and `specificity`; NaN where the three say nothing of it (no error at all).

    Raises:
        ValueError: a figure outside (0, 1].
    """
    given = {"precision": precision, "recall": recall, "accuracy": accuracy}
    for name, value in given.items():
        if not 0 < value <= 1:
            raise ValueError(f"{name}: {value} found, a share above 0 and up to 1 needed")
    false = recall * (1 - precision) / precision
    errors = (1 - recall) + false
    if not errors:
        return {"prevalence": float("nan"), "specificity": 1.0}
    share = (1 - accuracy) / errors
    negatives = 1 - share
    specificity = 1 - share * false / negatives if negatives > 0 else float("nan")
    return {"prevalence": share, "specificity": specificity}
