"""Votes decide "at 0.5" where their rows are units of the level; patients alone have no images."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.measures.by_class import by_class
from osteon.measures.controls import as_predictions
from osteon.measures.describing import CALLED_BY_VOTE
from osteon.measures.evaluator import evaluate
from osteon.measures.levels import PredictionsError, at_level, checked, levels_of, one_vs_rest
from osteon.measures.multiclass import VOTED, multiclass
from osteon.measures.paired import mcnemar
from osteon.measures.temperature import OUT_OF_FOLD as COOLED_OUT_OF_FOLD
from osteon.measures.tracing import evaluated
from osteon.measures.trained import OUT_OF_FOLD, RESUBSTITUTION
from osteon.measures.voting import BY_VOTE, POOLED, as_votes
from osteon.recipes.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(rounds=50, interval="percentile", subgroups=("sex",))


def patients(learner="wff", count=40, vote=True, seed=0, folds=1):
    """One row a patient; votes that contradict the scores in every fifth patient."""
    generator = np.random.default_rng(seed)
    label = np.arange(count) % 2
    share = np.clip(0.25 + 0.5 * label + 0.2 * generator.normal(size=count), 0.01, 0.99)
    names = [f"P{place:03d}" for place in range(count)]
    table = pd.DataFrame({"sample_id": names, "patient_id": names, "paper": "p"})
    table = table.assign(
        learner=learner,
        fold=np.arange(count) // 2 % folds,
        split="test",
        label=label,
        prob_benign=1 - share,
        prob_malignant=share,
        sex=np.where(np.arange(count) < count // 2, "female", "male"),
    )
    against = np.arange(count) % 5 == 0
    return table.assign(vote=(share >= 0.5) ^ against) if vote else table


def judged(table, **more):
    return evaluate(table, CONFIG, str(table["learner"].iloc[0]), **more).metrics


def test_votes_decide_what_is_called_and_scores_rank():
    table = patients()
    found = judged(table)["learners"]["wff"]["patient"]
    truth, vote = table["label"] == 1, table["vote"]
    at = found["at_0.5"]
    assert at["accuracy"]["value"] == pytest.approx((truth == vote).mean())
    assert at["sensitivity"]["value"] == pytest.approx(vote[truth].mean())
    assert at["specificity"]["value"] == pytest.approx((~vote[~truth]).mean())
    assert at["accuracy"]["also"]["lo"] <= at["accuracy"]["value"] <= at["accuracy"]["also"]["hi"]
    plain = judged(patients(vote=False))["learners"]["wff"]["patient"]
    assert plain["at_0.5"]["accuracy"]["value"] != at["accuracy"]["value"]
    assert plain["scores"] == found["scores"]
    assert (found["called_by"], plain["called_by"] == BY_VOTE) == (BY_VOTE, False)


def test_confusion_subgroups_and_all_classes_follow_the_votes():
    table = patients()
    done = evaluate(table, CONFIG, "wff")
    counts = done.curves["learners"]["wff"]["patient"]["confusion"]["at_0.5"]
    truth, vote = table["label"] == 1, table["vote"]
    assert counts["true_positive"] == int((truth & vote).sum())
    assert counts["false_positive"] == int((~truth & vote).sum())
    groups = done.metrics["learners"]["wff"]["patient"]["subgroups"]
    women = (table["sex"] == "female").to_numpy()
    (found,) = [one for one in groups if one["value"] == "female"]
    assert found["accuracy"]["value"] == pytest.approx((truth == vote)[women].mean())
    assert found["n_images"] is None
    every = multiclass(table, CONFIG)["wff"]
    assert every["calls"] == VOTED
    assert every["accuracy"]["value"] == pytest.approx((truth == vote).mean())


def test_controls_without_votes_are_called_at_one_half_beside_them():
    voting = patients()
    control = patients("control_age", vote=False, seed=1)
    both = pd.concat([voting, control], ignore_index=True)
    assert both["vote"].dtype == object, "a concatenated table as pandas makes it"
    metrics = judged(both)
    found = metrics["learners"]["control_age"]["patient"]
    right = (control["prob_malignant"] >= 0.5) == (control["label"] == 1)
    assert found["at_0.5"]["accuracy"]["value"] == pytest.approx(right.mean())
    (test,) = [
        one
        for one in metrics["comparisons"]["control_age"]["patient"]["tests"]
        if (one["test"], one["at"]) == ("mcnemar", "at_0.5")
    ]
    wanted = mcnemar(right.to_numpy(), (voting["vote"] == (voting["label"] == 1)).to_numpy())
    assert (test["only_first"], test["p"]) == (wanted.only_first, wanted.p)
    assert metrics["settings"]["called_by_vote"] == ["wff"]
    said = metrics["settings"]["thresholds"]["at_0.5"]
    assert said.endswith(f"Of wff: {CALLED_BY_VOTE}") and "at least 0.5" in said


def test_a_table_without_votes_says_nothing_of_them():
    said = judged(patients(vote=False))["settings"]
    assert said["called_by_vote"] == [] and "vote" not in said["thresholds"]["at_0.5"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.assign(vote=t["vote"].astype(object).where(t.index > 0)), "no vote, where"),
        (lambda t: t.assign(vote="yes"), "neither true nor false"),
        (lambda t: t.assign(vote=0.4), "neither true nor false"),
    ],
)
def test_votes_that_are_none_are_refused(change, said):
    with pytest.raises(PredictionsError, match=said):
        checked(change(patients()))


def test_votes_of_images_are_not_pooled_to_a_patient():
    table = patients()
    second = table.assign(sample_id=table["sample_id"] + "b")
    both = pd.concat([table.assign(sample_id=table["sample_id"] + "a"), second])
    found = judged(both)["learners"]["wff"]
    right = ((table["prob_malignant"] >= 0.5) == (table["label"] == 1)).mean()
    assert found["patient"]["at_0.5"]["accuracy"]["value"] == pytest.approx(right)
    assert POOLED in found["patient"]["warnings"] and found["patient"]["called_by"] != BY_VOTE
    voted = (table["vote"] == (table["label"] == 1)).mean()
    assert found["image"]["at_0.5"]["accuracy"]["value"] == pytest.approx(voted)
    assert POOLED not in found["image"]["warnings"]


def test_single_rows_of_a_pooling_learner_are_not_votes_of_a_patient_either():
    table = patients()
    extra = table.iloc[[0]].assign(sample_id="more")
    rows = checked(pd.concat([table, extra], ignore_index=True))
    part = rows[rows["patient_id"] != "P000"]
    assert at_level(part, "patient").vote is None and at_level(part, "patient").pooled_votes
    assert at_level(part, "image").vote is not None


def test_every_sample_a_patient_has_one_level():
    table = patients()
    assert levels_of(checked(table)) == ("patient",)
    done = evaluate(table, CONFIG, "wff")
    assert list(done.metrics["learners"]["wff"]) == ["patient"]
    assert list(done.curves["learners"]["wff"]) == ["patient"]
    assert done.metrics["learners"]["wff"]["patient"]["n_images"] is None
    assert done.metrics["settings"]["levels"] == ["patient"]
    row = done.comparison.iloc[0]
    assert np.isnan(row["auroc_image"]) and row["n_patients"] == 40
    other = table.assign(sample_id=table["sample_id"] + "a")
    assert levels_of(checked(other)) == ("patient", "image")
    sequences = table.assign(sequence_id=table["sample_id"])
    assert levels_of(checked(sequences)) == ("patient",)
    with pytest.raises(ValueError, match="every sample is a patient"):
        evaluate(table, CONFIG.model_copy(update={"level": "image"}), "wff")


def test_by_class_of_patients_has_no_images_and_turns_votes_over():
    table = patients()
    done = evaluate(table, CONFIG, "wff")
    found = by_class(table, CONFIG, done).figures["wff"]
    assert set(found) == {"benign", "malignant"} and "image" not in found["benign"]
    for first, second in (("sensitivity", "specificity"), ("specificity", "sensitivity")):
        one, other = found["benign"]["at_0.5"][first], found["malignant"]["at_0.5"][second]
        assert one["value"] == pytest.approx(other["value"])


def test_votes_of_several_classes_are_for_the_last_one_alone():
    table = patients().assign(label=lambda t: t["label"] + 1)
    table.insert(0, "prob_other", 0.0)
    assert one_vs_rest(table, "benign")["vote"].isna().all()
    assert one_vs_rest(table, "malignant")["vote"].equals(table["vote"])


def test_the_certificate_traces_patients_alone():
    table = patients(folds=4)
    found = evaluated(pd.concat([table, patients("control", vote=False, folds=4)]))
    assert set(found["level"]) == {"patient"}


def test_controls_of_patients_can_be_concatenated():
    rows = patients().assign(label=lambda t: t["label"])
    control = as_predictions(
        rows, np.tile([0.6, 0.4], (len(rows), 1)), "control_x", 0, ["benign", "malignant"], "p"
    )
    metrics = judged(pd.concat([patients(), control], ignore_index=True))
    assert metrics["learners"]["control_x"]["patient"]["at_0.5"]["specificity"]["value"] == 1.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=12))
def test_votes_are_read_from_any_column_that_holds_them(said):
    wanted = [np.nan if one is None else float(one) for one in said]
    for dtype in (object, "boolean", "float64"):
        votes, odd = as_votes(pd.Series(said, dtype=object).astype(dtype))
        np.testing.assert_array_equal(votes, wanted)
        assert not odd.any()


# ---- out of fold ----------------------------------------------------------------------------


def training(**more):
    part = patients(count=60, vote=False, seed=7).assign(
        sample_id=lambda t: "T" + t["sample_id"], patient_id=lambda t: "T" + t["patient_id"]
    )
    return part.drop(columns="split").assign(**more)


@pytest.mark.parametrize(
    ("marked", "source"),
    [
        ({"out_of_fold": True}, OUT_OF_FOLD),
        ({}, RESUBSTITUTION),
        ({"out_of_fold": [True] * 59 + [None]}, RESUBSTITUTION),
        ({"out_of_fold": False}, RESUBSTITUTION),
    ],
)
def test_youden_says_whether_its_part_was_out_of_fold(marked, source):
    metrics = judged(patients(), training=training(**marked))
    found = metrics["learners"]["wff"]["patient"]
    assert found["youden_from"] == source
    assert any(said.endswith(f"come from the {source}") for said in found["warnings"])
    assert source in metrics["settings"]["thresholds"]["at_youden"]
    assert source in metrics["settings"]["temperature"]
    note = found["calibration"]["temperature_note"]
    assert note.startswith(COOLED_OUT_OF_FOLD) == (source == OUT_OF_FOLD)
    assert ("resubstitution" in note) == (source == RESUBSTITUTION)


def test_learners_of_both_kinds_have_both_told():
    second = training(learner="control_age", out_of_fold=None)
    parts = pd.concat([training(out_of_fold=True), second], ignore_index=True)
    both = pd.concat([patients(), patients("control_age", vote=False, seed=3)])
    metrics = judged(both, training=parts)
    sources = {name: one["patient"]["youden_from"] for name, one in metrics["learners"].items()}
    assert sources == {"wff": OUT_OF_FOLD, "control_age": RESUBSTITUTION}
    told = metrics["settings"]["thresholds"]["at_youden"]
    assert OUT_OF_FOLD in told and RESUBSTITUTION in told


def test_the_training_part_by_class_says_what_it_is():
    table, part = patients(), training(out_of_fold=True)
    done = evaluate(table, CONFIG, "wff", training=part)
    found = by_class(table, CONFIG, done, part).training["wff"]
    assert {one["source"] for one in found.values()} == {OUT_OF_FOLD}
