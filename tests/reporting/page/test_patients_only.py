"""Page, charts and card of learners that vote and say one thing of a patient: no image level."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from osteon.measures.by_class import by_class
from osteon.measures.evaluator import evaluate
from osteon.measures.multiclass import multiclass
from osteon.recipes.evaluation import EvaluationConfig
from osteon.reporting.assembly import charts_of_run
from osteon.reporting.card.model_card import model_card, to_markdown
from osteon.reporting.page.parts import ReportParts
from osteon.reporting.page.render import render
from tests.reporting import image_sample as made
from tests.reporting import sample
from tests.reporting.card.test_image_recipes import without_labs
from tests.reporting.card.test_model_card import items
from tests.reporting.card_sample import certificate
from tests.reporting.page.tree import Tree

LEARNERS = {"det_seq_age": 2.0, "det": 1.0}
CONFIG = EvaluationConfig(rounds=50, reference="det", seed=1)


def predictions(learners, vote=True, begin="P"):
    chance = np.random.default_rng(3)
    label = np.arange(60) % 2
    tables = []
    for name, strength in learners.items():
        share = 1 / (1 + np.exp(-strength * (label - 0.5) * 2 - chance.normal(size=60)))
        names = [f"{begin}{one:03d}" for one in range(60)]
        table = pd.DataFrame({"sample_id": names, "patient_id": names, "paper": "spinal_wff"})
        table = table.assign(learner=name, fold=0, split="test", label=label, age=40 + label)
        table = table.assign(prob_benign=1 - share, prob_malignant=share)
        tables.append(table.assign(vote=share > 0.45) if vote else table)
    return pd.concat(tables, ignore_index=True)


@cache
def judged():
    held_out = predictions(LEARNERS)
    fitted = predictions(LEARNERS, vote=False, begin="T").assign(out_of_fold=True)
    main = evaluate(held_out, CONFIG, "det", training=fitted)
    by = by_class(held_out, CONFIG, main, fitted)
    control = predictions({"control_age": 0.3}, vote=False)
    both = pd.concat([held_out[held_out["learner"] == "det"], control], ignore_index=True)
    beside = evaluate(both, CONFIG, "det")
    metrics = main.metrics | {
        "classes": ["benign", "malignant"],
        "by_class": by.figures,
        "training_part": by.training,
        "multiclass": multiclass(held_out, CONFIG),
        "controls": beside.metrics,
        "beyond_clinical": {},
        "data": made.data() | {"paper": "spinal_wff"},
        "training": {name: made.record(2, 1) for name in LEARNERS},
    }
    curves = main.curves | {"controls": beside.curves["learners"], "by_class": by.curves}
    tables = [
        main.comparison.assign(kind="learner"),
        beside.comparison[beside.comparison["learner"] != "det"].assign(kind="control"),
    ]
    return metrics, curves, pd.concat(tables, ignore_index=True)


@cache
def charts():
    metrics, curves, comparison = judged()
    own = predictions({"det_seq_age": 2.0})
    return charts_of_run(metrics, curves, comparison, {}, own, {})


@pytest.fixture(scope="module")
def page():
    metrics, curves, comparison = judged()
    parts = ReportParts(
        "A run",
        paper="spinal_wff",
        statement=made.STATEMENT,
        metrics=metrics,
        curves=curves,
        comparison=comparison,
        headline="det_seq_age",
        charts=charts(),
        cohort=sample.cohort(),
        run=sample.run(),
    )
    return Tree(render(parts))


def test_the_page_is_whole_and_has_one_level(page):
    assert not page.errors and not page.open
    assert "Discrimination at patient level, 60 patients (30 malignant, 30 others)" in page.text
    assert "image level" not in page.text and "60 images" not in page.text
    assert "Every learner says one thing of a patient" in page.text


def test_the_page_says_who_is_called_by_vote(page):
    assert "Called by vote instead: Det-Seq-Age, Det." in page.text
    assert "called by vote, as the learner itself decides" in page.text
    assert "training part, out of fold" in page.text and "by vote" in page.text
    assert "Out of fold on its training part Det-Seq-Age reads" in page.text
    assert "learnt by heart" not in page.text.split("Out of fold on its training part")[0]


def test_charts_say_by_vote_and_count_patients():
    found = charts()
    assert found["bars"].y == "Value by patient, called by vote"
    assert found["bars"].x_labels == ("Det-Seq-Age", "Det")
    assert found["confusion"].note == "By patient. Called by vote."
    assert found["scores"].note == "One score a patient."
    names = [one.name for one in found["roc_class_benign"].series]
    assert names == ["training part, out of fold", "held out"]
    printed = [one for one in found["bars"].series if one.key == "printed"]
    assert printed and len(printed[0].y) == 4, "accuracy and sensitivity of both learners"


def test_the_card_says_the_same_and_counts_no_image():
    tables = without_labs() | {"preparation": made.preparation()}
    known = {"metrics": judged()[0], "certificate": certificate(folds=[0]), "cohort": tables}
    found = model_card("spinal_wff", **known)
    told = "\n".join(str(line["value"]) for line in items(found))
    assert "by patient. scores" in told and "by image" not in told
    assert "sensitivity by patient called by vote" in told
    assert "60 patients (30 positive), for every learner" in told
    assert "one score a patient, from its images and sequences" in told
    assert "Called by vote instead: det_seq_age, det." in to_markdown(found)
