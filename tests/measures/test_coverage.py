"""The bootstrap's 95 % interval covers the truth 93 to 97 times in 100, at 60 and 300 patients.

Scores are N(0, 1) and N(d, 1) by class, so that the true AUROC is Phi(d / sqrt 2) and the true
accuracy at the threshold d / 2 is Phi(d / 2).
"""

import numpy as np
import pytest
from scipy.stats import norm

from osteon.measures.discrimination import confusion, from_confusion, ones, ranked
from osteon.measures.intervals import bca, draw, leave_one_out, percentile
from osteon.measures.paired import bootstrap_difference


def coverage(n, distance, sims, rounds=1000):
    """Share of simulated cohorts whose interval holds the truth: metric, method → share."""
    generator, label = np.random.default_rng(n), (np.arange(n) % 2).astype(int)
    unit, left_out = np.arange(n), leave_one_out(n)
    true = {"auroc": norm.cdf(distance / np.sqrt(2)), "accuracy": norm.cdf(distance / 2)}
    hits = dict.fromkeys([(m, k) for m in true for k in ("bca", "percentile")], 0)
    for s in range(sims):
        score = generator.normal(size=n) + distance * label

        def measured(weights, score=score):
            counts = confusion(weights, label, score >= distance / 2, unit)
            found = ranked(weights, label, score, unit) | from_confusion(counts)
            return {name: found[name] for name in true}

        value, drawn, jackknife = (
            measured(weights) for weights in (ones(n), draw(label, rounds, s), left_out)
        )
        for name, truth in true.items():
            for kind, found in {
                "bca": bca(value[name][0], drawn[name], jackknife[name], label),
                "percentile": percentile(drawn[name]),
            }.items():
                hits[name, kind] += found.lo <= truth <= found.hi
    return {key: count / sims for key, count in hits.items()}


@pytest.mark.parametrize(
    ("n", "distance", "sims"), [(60, 1.2, 1200), (60, 2.4, 1200), (300, 1.8, 400)]
)
def test_bca_covers(n, distance, sims):
    found = coverage(n, distance, sims)
    assert 0.93 <= found["auroc", "bca"] <= 0.97, found
    assert 0.93 <= found["accuracy", "bca"] <= 0.97, found
    if (n, distance) == (60, 2.4):
        # Why BCa is the default: percentiles miss a high AUROC in a small cohort.
        assert found["auroc", "percentile"] < 0.93, found


def test_permuted_labels_are_centred_at_one_half():
    generator = np.random.default_rng(0)
    label, score = np.arange(120) % 2, generator.random(120)
    found = [
        ranked(ones(120), generator.permutation(label), score, np.arange(120))["auroc"][0]
        for _ in range(400)
    ]
    # SD under the null: sqrt((p + n + 1) / (12 p n)) = 0.0529; of the mean of 400, 0.0026.
    assert np.mean(found) == pytest.approx(0.5, abs=4 * 0.0027)
    assert np.std(found) == pytest.approx(np.sqrt(121 / (12 * 60 * 60)), rel=0.15)


def test_images_of_a_patient_do_not_count_as_independent():
    """Ten copies of each image: the image-level interval is as wide as the patient-level one."""
    generator, label = np.random.default_rng(4), np.arange(40) % 2
    score, weights = generator.random(40) + 0.3 * label, draw(label, 2000, 0)
    one = percentile(ranked(weights, label, score, np.arange(40))["auroc"])
    ten = np.repeat(np.arange(40), 10)
    copied = percentile(ranked(weights, label[ten], score[ten], ten)["auroc"])
    assert (copied.lo, copied.hi) == pytest.approx((one.lo, one.hi))


@pytest.mark.parametrize(("n", "sims"), [(60, 400), (300, 200)])
def test_paired_difference_covers(n, sims):
    """Two correlated binormal scores: the true AUROCs are Phi(d / sqrt 2) of each."""
    generator, label, unit = np.random.default_rng(n), np.arange(n) % 2, np.arange(n)
    truth, hits = norm.cdf(1.8 / np.sqrt(2)) - norm.cdf(1.0 / np.sqrt(2)), 0
    for seed in range(sims):
        shared, own = generator.normal(size=(2, n))
        scores = (shared + 1.8 * label, 0.6 * shared + 0.8 * own + 1.0 * label)
        weights = draw(label, 500, seed)
        rounds = [ranked(weights, label, score, unit)["auroc"] for score in scores]
        values = [ranked(ones(n), label, score, unit)["auroc"][0] for score in scores]
        found = bootstrap_difference(values[0] - values[1], *rounds)
        hits += found.lo <= truth <= found.hi
    error = np.sqrt(0.95 * 0.05 / sims)
    assert 0.93 - error <= hits / sims <= 0.97 + error
