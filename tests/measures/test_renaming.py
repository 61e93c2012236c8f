"""Renaming patients changes no number: pseudonyms depend on a secret key, figures must not."""

import numpy as np
import pandas as pd
import pytest

from osteon.measures.audit import split_gap
from osteon.measures.controls import controls
from osteon.measures.evaluator import evaluate
from osteon.recipes.evaluation import EvaluationConfig

BASE, ALL = "resnet18_baseline", "resnet18_all"
CLASSES = ("non_tumour", "osteosarcoma")
CONFIG = EvaluationConfig(rounds=200)


def renamed(*tables, seed=0):
    """The tables under another key: other pseudonyms in another order, samples named after them."""
    names = sorted(set(tables[0]["patient_id"]))
    shuffled = np.random.default_rng(seed).permutation(len(names))
    pseudonym = {name: f"P{place:016x}" for name, place in zip(names, shuffled, strict=True)}
    owner = pd.concat(tables).drop_duplicates("sample_id")
    number = owner.groupby("patient_id").cumcount().to_numpy()
    patient = owner["patient_id"].map(pseudonym)
    # Images in reverse, so that no order of the sample ids survives either.
    sample = dict(
        zip(owner["sample_id"], patient + [f"-{99 - n:03d}" for n in number], strict=True)
    )
    return [
        one.assign(
            patient_id=one["patient_id"].map(pseudonym), sample_id=one["sample_id"].map(sample)
        )
        for one in tables
    ]


@pytest.fixture
def uneven(make_predictions):
    """A learner that judged all, one without a fold, one without some patients and in its order."""
    table = make_predictions({BASE: 1.0, ALL: 3.0, "resnet18_age": 1.5})
    learner, patient = table["learner"], table["patient_id"]
    gone = (learner == ALL) & (table["fold"] == 3)
    gone |= (learner == "resnet18_age") & patient.isin(["P0000", "P0013", "P0042"])
    late = learner == "resnet18_age"
    table["age"] = table["patient_id"].str[1:].astype(int) % 23 + 8.0
    return pd.concat([table[~gone & ~late], table[~gone & late].iloc[::-1]], ignore_index=True)


def same(one, other):
    assert one.metrics == other.metrics and one.curves == other.curves
    pd.testing.assert_frame_equal(one.comparison, other.comparison)


@pytest.mark.parametrize("interval", ["bca", "percentile"])
def test_figures_intervals_and_paired_tests(uneven, interval):
    config = EvaluationConfig(rounds=200, interval=interval)
    before = evaluate(uneven, config, BASE)
    for seed in range(2):
        same(evaluate(*renamed(uneven, seed=seed), config, BASE), before)
    assert before.metrics["age_matched"]["pairs"] > 10
    compared = before.metrics["comparisons"]
    assert compared[ALL]["patient"]["n_patients"] == 48
    assert compared["resnet18_age"]["patient"]["n_patients"] == 57


def test_pairing_survives_an_order_of_ones_own(uneven):
    """The same scores in reverse rows and for fewer patients: every difference is exactly 0."""
    base = uneven[uneven["learner"] == BASE]
    twin = base[base["fold"] != 1].iloc[::-1].assign(learner="twin")
    for names in ([base, twin], [twin, base]):
        found = evaluate(*renamed(pd.concat(names)), CONFIG, BASE).metrics["comparisons"]["twin"]
        for level in ("patient", "image"):
            assert found[level]["n_patients"] == 48
            for test in found[level]["tests"]:
                value = test.get("value", 0)
                # Youden's thresholds were chosen before the restriction, each on its own folds.
                if test["at"] != "at_youden":
                    assert test["p"] == 1 and value == pytest.approx(0, abs=1e-12)
                    assert test.get("lo") is None and test.get("hi") is None


def test_controls(cohort):
    samples, splits = cohort
    before, after = (controls(*pair, CLASSES) for pair in (cohort, renamed(samples, splits)))
    figures = ["learner", "fold", "label", "prob_non_tumour", "prob_osteosarcoma"]
    pd.testing.assert_frame_equal(before.predictions[figures], after.predictions[figures])
    reference = "control_prevalence"
    same(*(evaluate(one.predictions, CONFIG, reference) for one in (before, after)))


def test_split_gap(uneven):
    audit = uneven.assign(fold=np.arange(len(uneven)) % 5).sort_values("fold", kind="stable")
    audit = audit[audit["patient_id"] != "P0007"]
    before = split_gap(uneven, audit, CONFIG)
    assert split_gap(*renamed(uneven, audit), CONFIG) == before
    # Same scores, other rows: only the folds differ, so that nothing at the same level does.
    leak = before["learners"][BASE]["auroc"]["same_level"]
    assert leak["value"] == pytest.approx(0, abs=1e-12)
    assert (leak["lo"], leak["hi"], leak["p"]) == (None, None, 1)
