"""Controls see no image, are fitted on training folds only, and look like any learner."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from osteon.measures.controls import MISSINGNESS, PREVALENCE, controls
from osteon.measures.evaluator import evaluate
from osteon.recipes.evaluation import EvaluationConfig

CLASSES = ("non_tumour", "osteosarcoma")


def test_controls_can_be_judged_like_learners(cohort):
    found = controls(*cohort, CLASSES, "osteosarcoma_fusion")
    report = evaluate(found.predictions, EvaluationConfig(rounds=100), PREVALENCE).metrics
    assert found.skipped == {}
    auroc = {
        name: levels["patient"]["scores"]["auroc"]["value"]
        for name, levels in report["learners"].items()
    }
    assert auroc["control_age"] > 0.9
    assert auroc["control_clinical_all"] > 0.9
    assert abs(auroc["control_clinical_ldh"] - 0.5) < 0.25
    assert set(found.predictions.groupby("learner").size()) == {len(cohort[0])}


def test_prevalence_is_that_of_the_training_patients(cohort):
    samples, splits = cohort
    found = controls(samples, splits, CLASSES).predictions
    one = found[(found["learner"] == PREVALENCE) & (found["fold"] == 2)]
    training = samples[(splits["fold"] != 2).to_numpy()].drop_duplicates("patient_id")
    assert one["prob_osteosarcoma"].to_numpy() == pytest.approx(training["label"].mean())


def test_nothing_of_the_judged_fold_is_fitted(cohort):
    """Changing labels and values of the judged fold changes no other prediction of that fold."""
    samples, splits = cohort
    before = controls(samples, splits, CLASSES)
    inside = (splits["fold"] == 3).to_numpy()
    changed = samples.copy()
    changed.loc[inside, "label"] = 1 - changed.loc[inside, "label"]
    odd = changed.index[inside][0]
    same_patient = changed["patient_id"] == changed.loc[odd, "patient_id"]
    changed.loc[same_patient, ["alp_norm", "age_norm"]] = 1e6
    after = controls(changed, splits, CLASSES)
    keep = ~before.predictions["sample_id"].isin(samples.loc[same_patient, "sample_id"])
    rows = keep & (before.predictions["fold"] == 3)
    np.testing.assert_allclose(
        before.predictions.loc[rows, "prob_osteosarcoma"],
        after.predictions.loc[rows, "prob_osteosarcoma"],
    )
    judged = set(splits.loc[inside, "sample_id"])
    fitted = before.fitted[before.fitted["fold"] == 3]
    assert not judged & set(fitted["sample_id"])
    assert set(fitted["learner"]) == set(before.predictions["learner"])


def test_one_row_a_patient_whatever_the_number_of_images(cohort):
    samples, splits = cohort
    copies = samples[samples["patient_id"] == "P000"]
    more = pd.concat(
        [samples] + [copies.assign(sample_id=copies["sample_id"] + f"x{k}") for k in range(20)],
        ignore_index=True,
    )
    fold = splits.set_index("patient_id")["fold"].groupby(level=0).first()
    placed = more[["sample_id", "patient_id"]].assign(fold=more["patient_id"].map(fold), split="cv")
    first = controls(samples, splits, CLASSES).predictions.set_index(["learner", "sample_id"])
    second = controls(more, placed, CLASSES).predictions.set_index(["learner", "sample_id"])
    np.testing.assert_allclose(
        first["prob_osteosarcoma"], second.loc[first.index, "prob_osteosarcoma"]
    )


def test_filled_in_values_are_not_used(cohort):
    """What the samples table wrote where a value is missing must not reach the controls."""
    samples, splits = cohort
    other = samples.copy()
    other.loc[other["alp_missing"], "alp_norm"] = 99.0
    first, second = (controls(one, splits, CLASSES).predictions for one in (samples, other))
    np.testing.assert_allclose(first["prob_osteosarcoma"], second["prob_osteosarcoma"])


def test_absent_values_skip_a_control_with_the_reason(cohort):
    samples, splits = cohort
    found = controls(samples.assign(alp_missing=True, alp_norm=0.5), splits, CLASSES)
    assert found.skipped["control_clinical_alp"] == "alp: no value in this cohort"
    assert set(found.skipped) == {
        "control_clinical_alp",
        "control_clinical_alp_ldh",
        "control_clinical_all",
    }
    assert "control_clinical_ldh" in set(found.predictions["learner"])


def test_missingness_alone_is_a_control_when_it_varies(cohort):
    samples, splits = cohort
    leaky = samples.assign(alp_missing=samples["label"] == 0)
    found = controls(leaky, splits, CLASSES).predictions
    only = found[found["learner"] == MISSINGNESS]
    assert ((only["prob_osteosarcoma"] > 0.5) == (only["label"] == 1)).all()
    whole = samples.assign(alp_missing=False, ldh_missing=False)
    assert MISSINGNESS not in set(controls(whole, splits, CLASSES).predictions["learner"])


def test_fixed_parts_judge_the_test_part_only(cohort):
    samples, splits = cohort
    test = splits["fold"] == 0
    fixed = splits.assign(fold=np.where(test, 0, -1), split=np.where(test, "test", "train"))
    found = controls(samples.assign(split=fixed["split"]), fixed, CLASSES)
    assert set(found.predictions["sample_id"]) == set(splits.loc[test, "sample_id"])
    assert set(found.predictions["split"]) == {"test"}
    assert set(found.fitted["sample_id"]) == set(splits.loc[~test, "sample_id"])


def test_wrong_arguments_are_named(cohort):
    with pytest.raises(ValueError, match="two or more needed"):
        controls(*cohort, ("a",))
    with pytest.raises(ValueError, match=r"label: \[0, 1, 2\] found, 0 to 1 allowed"):
        samples, splits = cohort
        controls(samples.assign(label=samples["label"].where(samples.index != 0, 2)), splits, "ab")
    with pytest.raises(ValueError, match="height"):
        controls(*cohort, CLASSES, subsets={"control_x": ("height",)})


def test_a_learner_is_tested_against_the_clinical_values_alone(cohort):
    """Does the network add to them? The control as reference gives learner minus control."""
    samples, splits = cohort
    alone = controls(samples, splits, CLASSES).predictions
    alone = alone[alone["learner"] == "control_clinical_ldh"]
    positive = np.where(alone["label"] == 1, 0.8, 0.1)
    network = alone.assign(
        learner="network", prob_osteosarcoma=positive, prob_non_tumour=1 - positive
    )
    network = network[network["patient_id"] != "P004"].iloc[::-1]
    both = pd.concat([alone, network], ignore_index=True)
    found = evaluate(both, EvaluationConfig(rounds=100), "control_clinical_ldh").metrics
    added = found["comparisons"]["network"]["patient"]
    assert added["n_patients"] == 79 and "both learners judged" in added["note"]
    tests = {(test["test"], test["metric"]): test for test in added["tests"]}
    delong = tests["delong", "auroc"]
    common = alone[alone["patient_id"] != "P004"].drop_duplicates("patient_id")
    auroc = roc_auc_score(common["label"], common["prob_osteosarcoma"])
    assert delong["first"] == 1 and delong["second"] == pytest.approx(auroc)
    assert delong["difference"] == pytest.approx(1 - auroc) and delong["p"] < 0.001
    assert tests["bootstrap", "auroc"]["lo"] > 0
    assert delong["family"] == 1 and delong["p_holm"] == delong["p"]


@pytest.fixture
def three(cohort):
    """The cohort with a third class among the old ones' patients."""
    samples, splits = cohort
    number = samples["patient_id"].str[1:].astype(int)
    return samples.assign(label=number % 3, age_norm=0.2 + 0.1 * (number % 3)), splits


def test_more_than_two_classes_are_judged_like_learners(three):
    found = controls(*three, ("benign", "intermediate", "malignant"))
    report = evaluate(found.predictions, EvaluationConfig(rounds=50), PREVALENCE).metrics
    assert report["settings"]["negative_classes"] == ["benign", "intermediate"]
    ages = report["learners"]["control_age"]["patient"]["scores"]["auroc"]["value"]
    assert ages == 1.0, "the oldest are of the last class"
    shares = found.predictions.filter(like="prob_").to_numpy()
    assert shares.min() >= 0 and shares.sum(axis=1) == pytest.approx(1)


def test_prevalence_of_each_class_is_that_of_the_training_patients(three):
    samples, splits = three
    found = controls(samples, splits, ("a", "b", "c")).predictions
    one = found[(found["learner"] == PREVALENCE) & (found["fold"] == 2)].iloc[0]
    training = samples[(splits["fold"] != 2).to_numpy()].drop_duplicates("patient_id")
    shares = training["label"].value_counts(normalize=True).sort_index()
    assert one[["prob_a", "prob_b", "prob_c"]].to_list() == pytest.approx(shares.to_list())


def test_a_class_that_the_training_part_lacks_has_no_probability(three):
    samples, splits = three
    lacking = splits.assign(fold=np.where(samples["label"] == 1, 0, splits["fold"]))
    found = controls(samples, lacking, ("a", "b", "c")).predictions
    first = found[found["fold"] == 0]
    assert (first["prob_b"] == 0).all() and np.isfinite(first["prob_c"]).all()


def test_two_classes_are_the_plain_logistic_regression(cohort):
    """Reference: scikit-learn's pipeline by hand on the training patients of one fold."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    samples, splits = cohort
    found = controls(samples, splits, CLASSES).predictions
    mine = found[(found["learner"] == "control_age") & (found["fold"] == 1)]
    inside = (splits["fold"] == 1).to_numpy()
    training = samples[~inside].drop_duplicates("patient_id")
    scale = StandardScaler().fit(training[["age_norm"]].to_numpy())
    model = LogisticRegression(max_iter=1000)
    model.fit(scale.transform(training[["age_norm"]].to_numpy()), training["label"])
    wanted = model.predict_proba(scale.transform(samples[inside][["age_norm"]].to_numpy()))[:, 1]
    np.testing.assert_allclose(mine["prob_osteosarcoma"], wanted, atol=1e-12)
    np.testing.assert_array_equal(mine["prob_non_tumour"], 1 - mine["prob_osteosarcoma"])


def test_what_a_control_says_of_its_training_part_is_kept(cohort):
    samples, splits = cohort
    found = controls(samples, splits, CLASSES)
    part = found.fitted[(found.fitted["learner"] == "control_age") & (found.fitted["fold"] == 1)]
    assert set(part["sample_id"]) == set(splits.loc[splits["fold"] != 1, "sample_id"])
    assert roc_auc_score(part["label"], part["prob_osteosarcoma"]) > 0.9
    assert part.filter(like="prob_").sum(axis=1).to_numpy() == pytest.approx(1)
