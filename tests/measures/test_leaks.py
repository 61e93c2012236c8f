"""A planted leak of each kind fails the certificate and is named."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from osteon.measures import audit, evaluator, judging, temperature, thresholds
from osteon.measures.leaks import LeakFound, certify, check_near_duplicates, refuse_leaks
from osteon.measures.tracing import evaluated, traced


@pytest.fixture
def tables(cohort):
    samples, splits = cohort
    fitted = pd.concat(
        [
            pd.DataFrame(
                {
                    "learner": "resnet18_all",
                    "fold": fold,
                    "sample_id": splits.loc[splits["fold"] != fold, "sample_id"],
                }
            )
            for fold in range(5)
        ],
        ignore_index=True,
    )
    return samples, splits, fitted


def failed(certificate):
    return [one["name"] for one in certificate["checks"] if not one["passed"]]


def first_of(splits, fold):
    return splits.loc[splits["fold"] == fold, "sample_id"].iloc[0]


def test_a_clean_run_passes(tables):
    samples, splits, fitted = tables
    inside = splits.loc[splits["fold"] == 1, "sample_id"].tolist()[:2]
    found = certify(samples, splits, fitted, near_duplicates=[(*inside, 2)])
    assert found["passed"] and not found["leak"] and failed(found) == []
    assert found["folds"] == [0, 1, 2, 3, 4] and found["learners_checked"] == ["resnet18_all"]
    json.dumps(found, allow_nan=False)
    refuse_leaks(found)


def test_a_patient_in_two_folds(tables):
    samples, splits, fitted = tables
    twice = splits["patient_id"].value_counts()
    patient = twice.index[twice > 1][0]
    row = splits.index[splits["patient_id"] == patient][0]
    splits.loc[row, "fold"] = (splits.loc[row, "fold"] + 1) % 5
    found = certify(samples, splits, fitted)
    assert "patients_whole" in failed(found)
    with pytest.raises(LeakFound, match=f"{patient} and fold"):
        refuse_leaks(found)


def test_a_near_duplicate_across_folds(tables):
    samples, splits, fitted = tables
    a, b = first_of(splits, 0), first_of(splits, 1)
    pairs = pd.DataFrame({"sample_a": [a], "sample_b": [b], "distance": [1], "correlation": [0.99]})
    for listed in (pairs, [(a, b, 1)]):
        found = certify(samples, splits, fitted, near_duplicates=listed)
        assert failed(found) == ["near_duplicates"]
        with pytest.raises(LeakFound, match=f"{a} and {b}"):
            refuse_leaks(found)
    with pytest.raises(LeakFound, match=f"{a} and {b}"):
        check_near_duplicates(splits, pairs).demand()
    check_near_duplicates(splits, pairs.iloc[:0]).demand()


def test_a_near_duplicate_names_the_way_out(tables):
    samples, splits, fitted = tables
    pairs = [(first_of(splits, 0), first_of(splits, 1))]
    way = "set splitting.near_duplicates: group to keep these patients in one fold, or remove the"
    with pytest.raises(LeakFound, match=way):
        check_near_duplicates(splits, pairs).demand()
    with pytest.raises(LeakFound, match=way):
        refuse_leaks(certify(samples, splits, fitted, near_duplicates=pairs))
    clean = certify(samples, splits, fitted)
    assert {one["remedy"] for one in clean["checks"]} == {""}
    # Grouping makes folds: it cannot move a patient out of a part that the cohort itself fixes.
    test = splits["fold"] == 0
    fixed = splits.assign(fold=np.where(test, 0, -1), split=np.where(test, "test", "train"))
    with pytest.raises(LeakFound, match=r"in one part.*or remove the copy") as caught:
        check_near_duplicates(fixed, pairs).demand()
    assert "group" not in str(caught.value)


def test_no_derived_image_is_told_from_derived_images_that_passed(tables):
    samples, splits, fitted = tables
    one = certify(samples.assign(parent=None), splits, fitted)["checks"][-1]
    assert one["passed"] and one["checked"] == len(samples)
    assert "no image is derived from another" in one["note"]
    own = samples.assign(parent=samples["sample_id"])
    one = certify(own, splits, fitted)["checks"][-1]
    assert (one["passed"], one["checked"], one["note"]) == (True, len(samples), "")


def test_a_note_never_hides_a_failed_check(tables):
    splits = tables[1]
    check = check_near_duplicates(splits, [(first_of(splits, 0), first_of(splits, 1))])
    report = replace(check, note="about what passed").report()
    assert not report["passed"] and report["note"] == ""
    with pytest.raises(LeakFound, match="near_duplicates"):
        refuse_leaks({"checks": [report]})


def test_something_fitted_on_a_held_out_sample(tables):
    samples, splits, fitted = tables
    leak = first_of(splits, 2)
    extra = pd.DataFrame({"learner": ["control_age"], "fold": [2], "sample_id": [leak]})
    found = certify(samples, splits, pd.concat([fitted, extra]))
    assert failed(found) == ["fitted_apart_by_patient", "fitted_apart_by_image"]
    with pytest.raises(LeakFound, match=f"control_age and fold 2 and {leak}"):
        refuse_leaks(found)


def test_another_image_of_a_held_out_patient(tables):
    """The image itself was not seen, the patient was."""
    samples, splits, fitted = tables
    counts = splits["patient_id"].value_counts()
    patient = counts.index[counts > 1][0]
    rows = splits[splits["patient_id"] == patient]
    fold = int(rows["fold"].iloc[0])
    placed = splits.copy()
    placed.loc[rows.index[0], "fold"] = -1
    extra = pd.DataFrame({"learner": ["x"], "fold": [fold], "sample_id": [rows.iloc[0].sample_id]})
    found = certify(samples, placed, pd.concat([fitted, extra]))
    assert "fitted_apart_by_patient" in failed(found)
    assert "fitted_apart_by_image" not in failed(found)


def test_an_unknown_fitted_sample_is_named(tables):
    samples, splits, fitted = tables
    extra = pd.DataFrame({"learner": ["x"], "fold": [0], "sample_id": ["S999"]})
    with pytest.raises(LeakFound, match="S999"):
        refuse_leaks(certify(samples, splits, pd.concat([fitted, extra])))


def test_augmented_copies_before_the_split(tables):
    samples, splits, fitted = tables
    parent = first_of(splits, 0)
    copy = samples[samples["sample_id"] == parent].assign(sample_id="S0copy", parent=parent)
    grown = pd.concat([samples, copy], ignore_index=True)
    patient = copy["patient_id"].iloc[0]
    for fold, names in ((0, []), (4, ["patients_whole", "no_augmentation_before_split"])):
        row = pd.DataFrame([["S0copy", patient, fold, "cv"]], columns=splits.columns)
        found = certify(grown, pd.concat([splits, row]), fitted[fitted["fold"] < 0])
        assert failed(found) == names
    with pytest.raises(LeakFound, match=f"S0copy and {parent}"):
        refuse_leaks(found)


def test_augmented_copies_are_known_by_their_pixels(tables):
    """No `parent` says what was copied; the copy of one patient went under another's name."""
    samples, splits, fitted = tables
    own = samples.assign(content_hash=[f"{k:064x}" for k in range(len(samples))])
    assert failed(certify(own, splits, fitted)) == []
    first, second, same = first_of(splits, 0), first_of(splits, 3), splits["sample_id"].iloc[1]
    assert splits.loc[splits["sample_id"] == same, "fold"].item() == 0
    shared = own["sample_id"].isin([first, same])
    inside = own.assign(content_hash=own["content_hash"].where(~shared, "a" * 64))
    assert failed(certify(inside, splits, fitted)) == []  # in one part it is no leak
    planted = own["sample_id"].isin([first, second])
    copied = own.assign(content_hash=own["content_hash"].where(~planted, "a" * 64))
    found = certify(copied, splits, fitted)
    assert failed(found) == ["identical_images"] and found["leak"]
    with pytest.raises(LeakFound, match=f"identical_images.*{first} and {second}.*To go on"):
        refuse_leaks(found)
    audit = certify(copied, splits, fitted, "image")
    assert failed(audit) == ["identical_images"] and not audit["leak"]


def test_mirrored_copies_across_folds(tables):
    samples, splits, fitted = tables
    a, b = first_of(splits, 0), first_of(splits, 1)
    pairs = pd.DataFrame([[a, b, "turned by 90"]], columns=["sample_a", "sample_b", "change"])
    found = certify(samples, splits, fitted, altered=pairs)
    assert failed(found) == ["altered_copies"]
    with pytest.raises(LeakFound, match=f"mirrored, turned.*{a} and {b}"):
        refuse_leaks(found)
    assert failed(certify(samples, splits, fitted, altered=pairs.iloc[:0])) == []


def predictions_of(samples, splits):
    score = np.round(
        np.random.default_rng(0).random(len(samples)) * 0.6 + 0.4 * samples["label"], 2
    )
    return splits.assign(
        label=samples["label"], learner="resnet18_all", prob_no=1 - score, prob_yes=score
    )


def test_cross_fitted_statistics_pass_and_are_named(tables):
    samples, splits, fitted = tables
    predictions = predictions_of(samples, splits)
    found = certify(samples, splits, fitted, statistics=evaluated(predictions))
    assert failed(found) == [] and found["passed"]
    names = ["temperature", "youden_threshold"]
    assert found["statistics_checked"] == names
    one = next(one for one in found["checks"] if one["name"] == "statistics_apart")
    assert one["checked"] == 2 * 2 * 4 * 80  # both, at two levels; five folds read the other four
    assert one["statement"] == f"no statistic ({', '.join(names)}) was fitted on a patient " + (
        "that it judges"
    )
    assert "a search, not a proof" in one["note"]


@pytest.mark.parametrize("module", [evaluator, judging, audit])
def test_a_leaky_threshold_in_the_evaluators_own_calls_fails_the_certificate(
    tables, module, monkeypatch
):
    samples, splits, fitted = tables

    def leaky(judged):
        value = thresholds.youden(judged.label, judged.score)
        chosen = dict.fromkeys(np.unique(judged.fold).tolist(), value)
        called = {judging.YOUDEN: thresholds.call(judged.score, value)}
        return replace(judged, called=called), chosen

    monkeypatch.setattr(module, "with_calls", leaky)
    found = certify(samples, splits, fitted, statistics=evaluated(predictions_of(samples, splits)))
    assert failed(found) == ["statistics_apart"] and found["leak"]
    with pytest.raises(LeakFound, match="youden_threshold of resnet18_all at patient level and"):
        refuse_leaks(found)


def test_a_leak_at_one_level_alone_fails_the_certificate(tables, monkeypatch):
    samples, splits, fitted = tables
    honest = evaluator.with_calls

    def leaky(judged):
        called, chosen = honest(judged)
        if judged.level == "image":
            return called, chosen
        value = thresholds.youden(judged.label, judged.score)
        calls = {judging.YOUDEN: thresholds.call(judged.score, value)}
        return replace(judged, called=calls), dict.fromkeys(chosen, value)

    monkeypatch.setattr(evaluator, "with_calls", leaky)
    found = certify(samples, splits, fitted, statistics=evaluated(predictions_of(samples, splits)))
    assert failed(found) == ["statistics_apart"]


def test_a_leaky_temperature_in_the_evaluators_own_call_fails_the_certificate(tables, monkeypatch):
    samples, splits, fitted = tables

    def on_everything(label, probability, fold):
        value = temperature.fit(label, probability)
        return dict.fromkeys(np.unique(fold).tolist(), value)

    monkeypatch.setattr(temperature, "by_fold", on_everything)
    found = certify(samples, splits, fitted, statistics=evaluated(predictions_of(samples, splits)))
    assert failed(found) == ["statistics_apart"]
    one = next(one for one in found["checks"] if not one["passed"])
    assert {pair[0].split(" of ")[0] for pair in one["pairs"]} == {"temperature"}


def test_calls_by_another_threshold_than_the_one_returned_stop(tables, monkeypatch):
    samples, splits, _ = tables
    honest = evaluator.with_calls

    def lying(judged):
        called, chosen = honest(judged)
        value = thresholds.youden(judged.label, judged.score)
        other = {judging.YOUDEN: ~thresholds.call(judged.score, value)}
        return replace(called, called=other), chosen

    monkeypatch.setattr(evaluator, "with_calls", lying)
    with pytest.raises(ValueError, match="do not follow from the values"):
        evaluated(predictions_of(samples, splits))


@pytest.mark.parametrize("name", ["youden_threshold", "clinical_scaling"])
def test_a_statistic_fitted_on_what_it_judges(tables, name):
    samples, splits, fitted = tables
    predictions = predictions_of(samples, splits)

    def on_everything(label, score, fold):
        value = thresholds.youden(label, score)
        return {int(one): value for one in np.unique(fold)}

    found = certify(samples, splits, fitted, statistics=traced(name, on_everything, predictions))
    assert failed(found) == ["statistics_apart"] and found["leak"]
    patient = splits.loc[splits["fold"] == 0, "patient_id"].iloc[0]
    with pytest.raises(LeakFound, match=f"{name} of resnet18_all and fold 0 and {patient}"):
        refuse_leaks(found)
    # One sample of one patient is enough.
    rows = traced(name, thresholds.by_fold, predictions)
    leak = splits.loc[splits["fold"] == 2, "sample_id"].iloc[-1]
    more = pd.DataFrame(
        [[name, "x", 2, leak]], columns=["statistic", "learner", "fold", "sample_id"]
    )
    found = certify(samples, splits, fitted, statistics=pd.concat([rows, more]))
    assert failed(found) == ["statistics_apart"]
    patient = splits.loc[splits["sample_id"] == leak, "patient_id"].item()
    with pytest.raises(LeakFound, match=f"{name} of x and fold 2 and {patient}"):
        refuse_leaks(found)


def test_what_could_not_be_checked_is_neither_passed_nor_failed(tables):
    samples, splits, fitted = tables
    bare = certify(samples, splits, fitted)
    names = ["near_duplicates", "identical_images", "altered_copies", "statistics_apart"]
    names.append("no_augmentation_before_split")
    assert [one["name"] for one in bare["not_checked"]] == names
    assert all(one["status"] == "not checked" and one["reason"] for one in bare["not_checked"])
    assert not {one["name"] for one in bare["checks"]} & set(names)
    assert bare["passed"] and not bare["complete"] and not bare["leak"]
    refuse_leaks(bare)
    whole = certify(
        samples.assign(content_hash=samples["sample_id"], parent=None),
        splits,
        fitted,
        near_duplicates=[],
        statistics=traced("t", thresholds.by_fold, predictions_of(samples, splits)),
        altered=[],
    )
    assert whole["complete"] and whole["not_checked"] == [] and len(whole["checks"]) == 9
    assert {one["status"] for one in whole["checks"]} == {"passed"}
    json.dumps(whole, allow_nan=False)


def test_a_fold_without_a_record_is_not_checked(tables):
    samples, splits, fitted = tables
    found = certify(samples, splits, fitted[fitted["fold"] != 3])
    assert found["passed"] and found["not_checked"][-1] == {
        "name": "fitted_apart",
        "statement": "what every judged fold was fitted on is recorded",
        "status": "not checked",
        "reason": "no record for resnet18_all: fold(s) [3]",
    }
    other = traced("t", thresholds.by_fold, predictions_of(samples, splits)).assign(learner="x")
    found = certify(samples, splits, fitted, statistics=other)
    assert found["not_checked"][-1]["name"] == "statistics_apart"
    assert "resnet18_all: fold(s) [0, 1, 2, 3, 4]" in found["not_checked"][-1]["reason"]


def test_the_copy_searches_state_their_limits(tables):
    found = certify(*tables, near_duplicates=[], altered=[])
    notes = {one["name"]: one["note"] for one in found["checks"]}
    assert "not found" in notes["near_duplicates"] and "not found" in notes["altered_copies"]


def test_a_sample_twice_or_in_no_part(tables):
    samples, splits, fitted = tables
    double = pd.concat([splits, splits.iloc[:1]])
    with pytest.raises(LeakFound, match="twice in splits"):
        refuse_leaks(certify(samples, double, fitted))
    with pytest.raises(LeakFound, match="in no part"):
        refuse_leaks(certify(samples, splits.iloc[1:], fitted.iloc[:0]))


def test_the_audit_reports_divided_patients_and_does_not_raise(tables):
    samples, splits, _ = tables
    splits = splits.assign(fold=np.arange(len(splits)) % 5)
    fitted = splits.loc[splits["fold"] != 0, ["sample_id"]].assign(learner="a", fold=0)
    pairs = [(first_of(splits, 0), first_of(splits, 1), 0)]
    found = certify(samples, splits, fitted, "image", pairs)
    assert not found["passed"] and not found["leak"] and found["unit"] == "image"
    assert failed(found) == ["patients_whole", "near_duplicates", "fitted_apart_by_patient"]
    assert all("audit" in one["note"] for one in found["checks"] if not one["passed"])
    refuse_leaks(found)
    judged = splits.loc[splits["fold"] == 0, ["sample_id"]].assign(learner="a", fold=0)
    with pytest.raises(LeakFound, match="an image it judges"):
        refuse_leaks(certify(samples, splits, judged, "image"))


def test_a_network_needs_a_record_of_what_it_was_fitted_on_and_no_threshold(tables):
    samples, splits, fitted = tables
    given = fitted.rename(columns={"learner": "statistic"}).assign(learner="resnet18_all")
    network = fitted.assign(learner="detector")
    found = certify(samples, splits, pd.concat([fitted, network]), statistics=given)
    assert "detector: fold(s) [0, 1, 2, 3, 4]" in found["not_checked"][-1]["reason"]
    found = certify(
        samples, splits, pd.concat([fitted, network]), statistics=given, networks=["detector"]
    )
    assert not [one for one in found["not_checked"] if "no record" in one["reason"]]
    found = certify(samples, splits, fitted, statistics=given, networks=["detector"])
    assert found["not_checked"][-1]["name"] == "fitted_apart" and not found["complete"]
    assert found["not_checked"][-1]["reason"] == "no record for detector: fold(s) [0, 1, 2, 3, 4]"
