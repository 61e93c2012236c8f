"""DeLong against R's pROC, against structural components by brute force, and against simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from osteon.measures import delong

# Outcome (poor = 1), WFNS grade, S100 beta and NDKA of 113 patients with aneurysmal subarachnoid
# haemorrhage (Turck et al. 2010, Intensive Care Med 36:107), the worked example of R's pROC.
OUTCOME = (
    "00001101001011001011101000000000100110110000000001100010001010011101101111000110100000010000"
    "000000001111110001000"
)
WFNS = (
    "111132541252551252252111121211342145414255112411255212512221511252145244141214212324"
    "21451154221113125225552445111"
)
S100B = """
.13 .14 .1 .04 .13 .1 .47 .16 .18 .1 .12 .1 .44 .71 .04 .08 .49 .04 .07 .33 .09 .09 .07 .11 .07 .17
.07 .11 .13 .19 .05 .16 .41 .14 .34 .35 .48 .09 .96 .25 .5 .46 .16 .07 .43 .45 .11 .08 .09 .86 .52
.08 .06 .13 2.07 .1 .14 .15 .07 .06 .77 .05 .09 .3 .03 .09 .04 .23 .7 .09 .27 .71 .08 .26 .08 .16
.09 .13 .1 .08 .11 .33 .11 .28 .07 .1 .32 .22 .07 .05 .24 .38 .1 .15 .08 .14 .1 .07 .04 .19 .56 .14
.58 .32 .82 .74 .15 .47 .17 .44 .15 .5 .48
"""
NDKA = """
3.01 8.54 8.09 10.42 17.4 12.75 6 13.2 15.54 6.01 15.96 17.86 5.18 8.9 13.41 20.75 11.6 16.11 32.37
54.82 32.41 49.94 40.34 9.47 6.29 12.53 6.54 6.3 80.3 12.8 9.8 9.81 9.85 18.21 5.03 14.04 21.93 8.02
7.42 8.38 6.59 9.63 13.12 7.96 14.34 41.43 7.63 7.06 12.59 13.56 3.87 9.44 7.66 12.98 419.19 27.19
22.27 9.95 21.22 11.73 10.4 58.83 6.39 11.09 12.22 13.67 17.21 22.63 12.9 9.7 21.57 8.23 72.57 15.54
10.51 10.6 14.57 5.19 9.63 4.61 21.48 17.3 12.71 9.44 11.07 19.46 10.83 5.37 11.97 7.75 9.83 10.55
28.49 8.53 12.57 12.9 46.83 11.68 12.67 9.01 9.57 34.06 11.72 14.26 47.61 11.67 24.58 10.33 13.87
15.89 22.43 6.79 13.45
"""


def published():
    label = np.array([int(one) for one in OUTCOME])
    scores = [[float(one) for one in text.split()] for text in (S100B, " ".join(WFNS), NDKA)]
    assert [len(one) for one in scores] == [len(label)] * 3 == [113] * 3
    return label, np.array(scores)


def test_published_example_variances_and_covariances():
    label, scores = published()
    auroc, matrix = delong.covariance(label, scores)
    # pROC 1.19: auc(), var(method = "delong"), cov(method = "delong").
    assert auroc == pytest.approx([0.73136856368563685, 0.82367886178861793, 0.61195799457994582])
    assert np.diag(matrix) == pytest.approx(
        [0.0026686824571724378, 0.0014699147088236264, 0.0031908105493913021], rel=1e-9
    )
    assert matrix[0, 1] == pytest.approx(0.0011961556737675448, rel=1e-9)
    assert matrix[0, 2] == pytest.approx(-0.00075616493805657884, rel=1e-9)


def test_published_example_paired_tests():
    label, (s100b, wfns, ndka) = published()
    found = delong.compare(label, s100b, wfns)
    assert (found.z, found.p) == pytest.approx((-2.2089835914409077, 0.02717578222918815))
    found = delong.compare(label, s100b, ndka)
    assert (found.z, found.p) == pytest.approx((1.3907700257355771, 0.16429517522305448))


def by_brute_force(label, scores):
    """Structural components pair by pair, as the 1988 paper writes them."""
    positives, negatives = np.flatnonzero(label == 1), np.flatnonzero(label == 0)

    def psi(x, y):
        return 1.0 if x > y else 0.5 if x == y else 0.0

    beats = [[np.mean([psi(s[i], s[j]) for j in negatives]) for i in positives] for s in scores]
    beaten = [[np.mean([psi(s[i], s[j]) for i in positives]) for j in negatives] for s in scores]
    k = len(scores)
    matrix = np.zeros((k, k))
    for components, n in ((beats, len(positives)), (beaten, len(negatives))):
        for a in range(k):
            for b in range(k):
                x, y = np.array(components[a]), np.array(components[b])
                matrix[a, b] += ((x - x.mean()) * (y - y.mean())).sum() / (n - 1) / n
    return np.array(beats).mean(1), matrix


@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 10_000))
def test_midranks_equal_brute_force_with_ties(p, n, seed):
    generator = np.random.default_rng(seed)
    label = generator.permutation(np.array([1] * p + [0] * n))
    scores = generator.integers(0, 5, (2, p + n)) / 4
    auroc, matrix = delong.covariance(label, scores)
    expected, expected_matrix = by_brute_force(label, scores)
    np.testing.assert_allclose(auroc, expected, atol=1e-12)
    np.testing.assert_allclose(matrix, expected_matrix, atol=1e-12)
    assert auroc[0] == pytest.approx(roc_auc_score(label, scores[0]))


def test_interval_stays_within_bounds_and_covers():
    generator, hits, sims = np.random.default_rng(0), 0, 1500
    label = np.array([0] * 30 + [1] * 30)
    true = 0.9214  # Phi(2 / sqrt(2))
    for _ in range(sims):
        found = delong.interval(label, generator.normal(size=60) + 2 * label)
        assert 0 <= found.lo <= found.hi <= 1
        hits += found.lo <= true <= found.hi
    assert 0.93 <= hits / sims <= 0.97


def test_test_keeps_its_level_under_the_null():
    generator, label = np.random.default_rng(1), np.array([0] * 40 + [1] * 40)
    p = []
    for _ in range(1000):
        shared = generator.normal(size=80) + label
        first, second = shared + generator.normal(size=(2, 80))
        p.append(delong.compare(label, first, second).p)
    assert 0.03 <= np.mean(np.array(p) < 0.05) <= 0.07


def test_edges_are_said():
    label = np.array([0, 0, 1, 1])
    perfect = np.array([0.1, 0.2, 0.8, 0.9])
    assert "no variance" in delong.interval(label, perfect).method
    assert delong.compare(label, perfect, perfect).p == 1.0
    with pytest.raises(ValueError, match="4 positives and 0 negatives"):
        delong.interval(np.ones(4, dtype=int), perfect)
    single = delong.compare(np.array([0, 0, 1]), np.array([0.1, 0.9, 0.5]), np.zeros(3))
    assert np.isnan(single.p)
