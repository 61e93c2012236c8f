"""Detection figures from the three tables: classes, empty images, pairs, errors."""

import json

import numpy as np
import pandas as pd
import pytest

from osteon.measures.detection import DetectionError
from osteon.measures.detection_evaluator import evaluate
from osteon.recipes.evaluation import EvaluationConfig
from osteon.schemas import detections as schemas

CONFIG = EvaluationConfig(rounds=100, seed=5)
BOX = ["x0", "y0", "x1", "y1"]


def cohort(learners=("det", "strong"), patients=36, seed=0):
    """Images of patients with a benign, a malignant or no lesion; boxes near it and stray ones."""
    generator = np.random.default_rng(seed)
    images, drawn, found = [], [], []
    for p in range(patients):
        kind = ("benign", "malignant", None)[p % 3]
        for i in range(3):
            name = f"I{p:02d}-{i}"
            for learner in learners:
                images.append([name, f"P{p:02d}", "wff", learner, p % 4, "cv"])
            true = np.array([*generator.uniform(0, 60, 2), 0, 0])
            true[2:] = true[:2] + generator.uniform(15, 30, 2)
            if kind and i:
                drawn.append([name, kind, *true])
            for k, learner in enumerate(learners):
                if kind and i and generator.random() < 0.6 + 0.3 * k:
                    box = true + generator.normal(0, 1.5, 4)
                    sure = generator.random() * 0.5 + 0.4
                    right = generator.random() < 0.8
                    said = kind if right else "benign"
                    found.append([name, learner, said, sure, *box])
                if generator.random() < 0.4:
                    corner = generator.uniform(0, 60, 2)
                    stray = generator.random() * 0.6
                    found.append([name, learner, "benign", stray, *corner, *(corner + 20)])
    return (
        pd.DataFrame(
            images, columns=["sample_id", "patient_id", "paper", "learner", "fold", "split"]
        ),
        pd.DataFrame(drawn, columns=["sample_id", "class", *BOX]),
        pd.DataFrame(found, columns=["sample_id", "learner", "class", "score", *BOX]),
    )


@pytest.fixture
def tables():
    return cohort()


def test_the_schemas_take_the_tables_and_refuse_bad_ones(tables):
    images, drawn, found = tables
    assert len(schemas.images_schema.validate(images, lazy=True)) == len(images)
    schemas.references_schema.validate(drawn, lazy=True)
    schemas.schema.validate(found, lazy=True)
    from pandera.errors import SchemaErrors

    for schema, bad in (
        (schemas.images_schema, pd.concat([images, images.iloc[:1]])),
        (schemas.images_schema, images.assign(patient_id=images.index.astype(str))),
        (schemas.references_schema, drawn.assign(x1=drawn["x0"])),
        (schemas.references_schema, drawn.assign(y1=np.nan)),
        (schemas.schema, found.assign(score=np.inf)),
        (schemas.schema, found.drop(columns="score")),
    ):
        with pytest.raises(SchemaErrors):
            schema.validate(bad, lazy=True)


def test_figures_of_any_class_and_of_each(tables):
    report = evaluate(*tables, CONFIG, "det")
    json.dumps(report, allow_nan=False)
    one = report["learners"]["strong"]["patient"]
    assert one["n_patients"] == 36 and one["n_images"] == 108
    assert one["lesions"] == len(tables[1]) == 48
    assert one["detections"] == (tables[2]["learner"] == "strong").sum()
    ap = {group: one[group]["ap"]["value"] for group in ("any_class", "benign", "malignant")}
    assert 0 < ap["benign"] < ap["any_class"] < 1
    mean = (ap["benign"] + ap["malignant"]) / 2
    assert one["class_mean"]["ap"]["value"] == pytest.approx(mean)
    for name, entry in one["any_class"].items():
        assert entry["value"] is not None and set(entry["folds"]["values"]) == set("0123"), name
    entry = one["any_class"]["ap"]
    assert entry["lo"] < entry["value"] < entry["hi"]
    curve = one["froc"]["any_class"]
    assert curve["sensitivity"][-1] == pytest.approx(one["any_class"]["recall"]["value"])
    assert curve["sensitivity"] == sorted(curve["sensitivity"])
    images, drawn, found = tables
    plain = evaluate(images, drawn.drop(columns="class"), found, CONFIG, "det")
    assert "class_mean" not in plain["learners"]["det"]["patient"]
    assert plain["learners"]["strong"]["patient"]["any_class"]["ap"]["value"] == ap["any_class"]


def test_a_class_that_is_called_wrongly_is_missed_there_and_found_in_any(tables):
    images, drawn, found = tables
    wrong = found.assign(**{"class": found["class"].replace("malignant", "benign")})
    one = evaluate(images, drawn, wrong, CONFIG, "det")["learners"]["strong"]["patient"]
    assert one["malignant"]["recall"]["value"] == 0.0 == one["malignant"]["ap"]["value"]
    assert (
        one["any_class"]
        == evaluate(*tables, CONFIG, "det")["learners"]["strong"]["patient"]["any_class"]
    )


def test_images_without_lesion_count_as_images(tables):
    images, drawn, found = tables
    fewer = images[images["sample_id"].isin(drawn["sample_id"])]
    kept = found[found["sample_id"].isin(drawn["sample_id"])]
    whole = evaluate(images, drawn, kept, CONFIG, "det")["learners"]["det"]["patient"]
    part = evaluate(fewer, drawn, kept, CONFIG, "det")["learners"]["det"]["patient"]
    assert whole["any_class"]["ap"]["value"] == part["any_class"]["ap"]["value"]
    rates = [np.array(one["froc"]["any_class"]["false_positives"]) for one in (whole, part)]
    np.testing.assert_allclose(rates[0] * 108, rates[1] * 48)


def test_a_learner_that_finds_nothing_is_judged(tables):
    images, drawn, found = tables
    silent = found[found["learner"] != "det"]
    report = evaluate(images, drawn, silent, CONFIG, "strong")
    assert report["learners"]["det"]["patient"]["any_class"]["ap"]["value"] == 0.0
    test = report["comparisons"]["det"]["patient"]["tests"][0]
    assert test["value"] < 0 and test["hi"] < 0


def test_pairs_share_images_and_draws(tables):
    images, drawn, found = tables
    twin = images[images["learner"] == "det"].assign(learner="twin")
    boxes = found[found["learner"] == "det"].assign(learner="twin")
    both = (pd.concat([images, twin]), drawn, pd.concat([found, boxes]))
    report = evaluate(*both, CONFIG, "det")["comparisons"]
    assert {(t["value"], t["lo"], t["hi"]) for t in report["twin"]["patient"]["tests"]} == {
        (0, None, None)
    }
    better = {
        t["metric"]: t for t in report["strong"]["patient"]["tests"] if t["at"] == "any_class"
    }
    assert better["recall"]["lo"] > 0 and better["recall"]["p_holm"] >= better["recall"]["p"]
    fewer = images[~((images["learner"] == "strong") & (images["patient_id"] == "P01"))]
    kept = found[~((found["learner"] == "strong") & found["sample_id"].str.startswith("I01"))]
    one = evaluate(fewer, drawn, kept, CONFIG, "det")["comparisons"]["strong"]["patient"]
    assert one["n_patients"] == 35 and "105 images that both" in one["note"]
    apart = images[(images["learner"] == "strong") == (images["patient_id"] == "P01")]
    kept = found.merge(apart[["sample_id", "learner"]])
    one = evaluate(apart, drawn, kept, CONFIG, "det")["comparisons"]["strong"]["patient"]
    assert one["n_patients"] == 0 and one["tests"] == []


def test_renaming_patients_and_mixing_rows_change_no_number(tables):
    images, drawn, found = tables
    names = {name: f"Q{(5 * k) % 36:02d}" for k, name in enumerate(images["patient_id"].unique())}
    renamed = images.assign(patient_id=images["patient_id"].map(names))
    mixed = found.sample(frac=1, random_state=0)
    assert evaluate(renamed, drawn, mixed, CONFIG, "det") == evaluate(*tables, CONFIG, "det")


def test_divided_patients_have_no_fold_values(tables):
    images, drawn, found = tables
    divided = images.assign(fold=images["sample_id"].str[-1].astype(int))
    one = evaluate(divided, drawn, found, CONFIG, "det")["learners"]["det"]["patient"]
    assert one["any_class"]["ap"]["folds"]["values"] == {}


@pytest.mark.parametrize(
    ("which", "change", "said"),
    [
        (0, lambda t: t.drop(columns="fold"), r"images: no columns \['fold'\]"),
        (0, lambda t: t.iloc[:0], "images: no row found"),
        (0, lambda t: pd.concat([t, t.iloc[:1]]), "judged a second time .first: I00-0"),
        (0, lambda t: t.assign(patient_id=t.index.astype(str)), "of two patients"),
        (0, lambda t: t[t["learner"] == "strong"], "its learner did not judge"),
        (1, lambda t: t.assign(sample_id="I99"), "on an image that no learner judged"),
        (1, lambda t: t.assign(x0=np.nan), "references: .*nan.* found, finite x0 < x1"),
        (2, lambda t: t.assign(y1=t["y0"]), "detections: .* found, finite x0 < x1 and y0 < y1"),
        (2, lambda t: t.assign(score=np.nan), "with a score that is not a number"),
    ],
)
def test_tables_that_cannot_be_judged_are_refused(tables, which, change, said):
    changed = list(tables)
    changed[which] = change(changed[which])
    with pytest.raises(DetectionError, match=said):
        evaluate(*changed, CONFIG, "strong")


def test_an_unknown_reference_learner_is_named(tables):
    with pytest.raises(ValueError, match=r"reference: 'x' found, one of \['det', 'strong'\]"):
        evaluate(*tables, CONFIG, "x")
