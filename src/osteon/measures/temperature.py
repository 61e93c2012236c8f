"""Temperature scaling: cross-fitted over the folds, or fitted on a hold-out's training part."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

from osteon.measures.calibration import EDGE
from osteon.measures.discrimination import Floats, Ints
from osteon.measures.levels import Judged
from osteon.measures.trained import everywhere

LEAST, MOST = 0.05, 20.0
NOTE = (
    "the temperature of a fold is fitted on the held-out predictions of the other folds, whose "
    "models were trained on the judged fold's patients and their labels: cross-fitted, not nested; "
    "fitted on the scores of this level and kept as chosen while patients are resampled"
)
RESUBSTITUTED = (
    "one hold-out: the temperature is fitted on what the network says of its own training part "
    "(resubstitution), where it is surer and more often right than elsewhere, so that it softens "
    "too little or sharpens; nothing of the judged part has a part in it; fitted on the scores of "
    "this level and kept as chosen while patients are resampled"
)
OUT_OF_FOLD = (
    "one hold-out: the temperature is fitted on out-of-fold scores of the training part, by "
    "networks that had not seen the patient; nothing of the judged part has a part in it; fitted "
    "on the scores of this level and kept as chosen while patients are resampled"
)


def fit(label: Ints, probability: Floats) -> float:
    """The temperature T with the least log loss of expit(logit(probability) / T).

    Args:
        label: (n,) 0 or 1, both present; probability: (n,) in 0..1, kept 1e-6 from both ends.

    Returns:
        T in 0.05..20; above 1 softens. Guo et al. 2017 (ICML 34:1321), two classes.

    Raises:
        ValueError: a class is absent.
    """
    from scipy.optimize import minimize_scalar

    if len(np.unique(label)) < 2:
        raise ValueError(
            f"label: only {np.unique(label).tolist()} found, a temperature needs both 0 and 1"
        )
    signed = np.where(label == 1, -1.0, 1.0) * logit(np.clip(probability, EDGE, 1 - EDGE))

    def loss(log_t: float) -> float:
        return float(np.logaddexp(0, signed * np.exp(-log_t)).mean())

    ends = (float(np.log(LEAST)), float(np.log(MOST)))
    found = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-7})
    return float(np.exp(found.x))


def by_fold(label: Ints, probability: Floats, fold: Ints) -> dict[int, float]:
    """Fold → temperature from all the other folds; NaN when those lack a class or do not exist.

    Args:
        label, probability: (n,); fold: (n,) the fold in which each row was held out.
    """
    chosen = {}
    for value in np.unique(fold):
        others = fold != value
        both = len(np.unique(label[others])) == 2
        chosen[int(value)] = fit(label[others], probability[others]) if both else float("nan")
    return chosen


@dataclass(frozen=True)
class Cooled:
    """Tempered judgements, fold → temperature, a note; `judged` is None where none was fitted."""

    judged: Judged | None
    by_fold: Mapping[int, float]
    note: str


def applied(judged: Judged) -> Cooled:
    """The judgements with tempered scores, or the reason why no temperature can be fitted.

    `called` is left as it was; scores keep their order within a fold, between folds they may not.
    """
    if judged.divided:
        return Cooled(None, {}, "none: patients are divided over folds")
    if judged.training is None:
        chosen, note = by_fold(judged.label, judged.score, judged.fold), NOTE
    else:
        chosen = everywhere(fit, judged.training, judged.fold)
        note = OUT_OF_FOLD if judged.training.out_of_fold else RESUBSTITUTED
    if not np.isfinite(list(chosen.values())).all():
        where = "other fold" if judged.training is None else "training part"
        return Cooled(None, {}, f"none: no {where} with both classes to fit it on")
    own = np.array([chosen[int(fold)] for fold in judged.fold])
    score = expit(logit(np.clip(judged.score, EDGE, 1 - EDGE)) / own)
    extreme = [k for k, t in chosen.items() if t < 1.01 * LEAST or t > 0.99 * MOST]
    if extreme:
        note += f"; at the end of its range for fold(s) {extreme}"
    return Cooled(replace(judged, score=score), chosen, note)
