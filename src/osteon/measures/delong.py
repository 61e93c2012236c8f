"""AUROC by DeLong's method: its variance, its interval and the test of two correlated AUROCs.

DeLong, DeLong & Clarke-Pearson 1988 (Biometrics 44:837) give the structural components; they are
computed from midranks as in Sun & Xu 2014 (IEEE Signal Process Lett 21:1389), in n log n. Valid for
one score a patient: images of one patient are not independent.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri
from scipy.stats import rankdata

from osteon.measures.discrimination import Floats, Ints
from osteon.measures.intervals import Interval


@dataclass(frozen=True)
class PairedAuroc:
    """Two AUROCs on the same patients; `p` is two-sided for the null that they are equal."""

    first: float
    second: float
    difference: float
    standard_error: float
    z: float
    p: float


def components(label: Ints, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """AUROC and structural components of k scores.

    Args:
        label: (patients,) 0 or 1; scores: (k, patients).

    Returns:
        auroc (k,); V10 (k, positives), the share of negatives that each positive beats; V01 (k,
        negatives), the share of positives that each negative is beaten by; ties count half.

    Raises:
        ValueError: a class is absent.
    """
    positive, negative = scores[:, label == 1], scores[:, label == 0]
    p, n = positive.shape[1], negative.shape[1]
    if not p or not n:
        raise ValueError(f"label: {p} positives and {n} negatives found, at least 1 of each needed")
    pooled = rankdata(np.concatenate([positive, negative], axis=1), axis=1)
    beats = (pooled[:, :p] - rankdata(positive, axis=1)) / n
    beaten = 1.0 - (pooled[:, p:] - rankdata(negative, axis=1)) / p
    return beats.mean(axis=1), beats, beaten


def covariance(label: Ints, scores: Floats) -> tuple[Floats, Floats]:
    """AUROC (k,) and their covariance matrix (k, k); NaN where a class has fewer than two."""
    auroc, beats, beaten = components(label, scores)
    p, n = beats.shape[1], beaten.shape[1]
    if p < 2 or n < 2:
        return auroc, np.full((len(auroc), len(auroc)), np.nan)
    return auroc, np.atleast_2d(np.cov(beats)) / p + np.atleast_2d(np.cov(beaten)) / n


def interval(label: Ints, score: Floats, confidence: float = 0.95) -> Interval:
    """DeLong's interval of one AUROC, symmetric on the logit scale so that it stays within 0..1.

    Args:
        label: (patients,) 0 or 1; score: (patients,), one a patient.

    An AUROC of exactly 0 or 1 has no variance by this method: the interval is that single point.
    """
    auroc, matrix = covariance(label, score[None])
    value, variance = float(auroc[0]), float(matrix[0, 0])
    if value in (0.0, 1.0):
        return Interval(value, value, "delong (no variance at 0 or 1)")
    half = float(ndtri(0.5 + confidence / 2)) * np.sqrt(variance) / (value * (1 - value))
    middle = logit(value)
    return Interval(float(expit(middle - half)), float(expit(middle + half)), "delong logit")


def compare(label: Ints, first: Floats, second: Floats) -> PairedAuroc:
    """DeLong's test of first - second: two scores (patients,) of the same patients.

    Scores that rank all patients alike have no variance of the difference: z is 0 and p is 1 then.
    """
    auroc, matrix = covariance(label, np.stack([first, second]))
    difference = float(auroc[0] - auroc[1])
    error = float(np.sqrt(max(matrix[0, 0] + matrix[1, 1] - 2 * matrix[0, 1], 0.0)))
    if np.isnan(matrix).any():
        z, p, error = np.nan, np.nan, np.nan
    elif error < 1e-12:
        z, p = (0.0, 1.0) if abs(difference) < 1e-12 else (np.inf * np.sign(difference), 0.0)
    else:
        z = difference / error
        p = float(2 * ndtr(-abs(z)))
    return PairedAuroc(float(auroc[0]), float(auroc[1]), difference, error, float(z), p)
