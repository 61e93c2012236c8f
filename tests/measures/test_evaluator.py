"""The evaluator as a whole: numbers, levels, tests, skipped learners, honest warnings."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from osteon.measures.comparison import COLUMNS
from osteon.measures.evaluator import compare, evaluate
from osteon.measures.judging import observed
from osteon.measures.levels import PredictionsError, at_level, checked
from osteon.recipes.evaluation import EvaluationConfig

BASE, ALL = "resnet18_baseline", "resnet18_all"
CONFIG = EvaluationConfig(rounds=200)


@pytest.fixture
def evaluation(predictions):
    return evaluate(predictions, CONFIG, BASE, {"resnet18_alp": "alp: no value in this cohort"})


def test_values_are_scikit_learns_at_both_levels(predictions, evaluation):
    rows = predictions[predictions["learner"] == ALL]
    patients = rows.groupby("patient_id").agg(s=("prob_osteosarcoma", "mean"), y=("label", "first"))
    for level, label, score in (
        ("image", rows["label"], rows["prob_osteosarcoma"]),
        ("patient", patients["y"], patients["s"]),
    ):
        found, called = evaluation.metrics["learners"][ALL][level], (score >= 0.5).astype(int)
        assert found["scores"]["auroc"]["value"] == pytest.approx(sk.roc_auc_score(label, score))
        assert found["at_0.5"]["f1"]["value"] == pytest.approx(sk.f1_score(label, called))
        assert found["at_0.5"]["mcc"]["value"] == pytest.approx(sk.matthews_corrcoef(label, called))
        assert found["n_images"] == len(rows) and found["n_patients"] == 60


def test_fold_spread_is_the_mean_and_sd_of_folds(predictions, evaluation):
    rows = predictions[predictions["learner"] == ALL]
    right = (rows["prob_osteosarcoma"] >= 0.5) == (rows["label"] == 1)
    by_fold = right.groupby(rows["fold"]).mean()
    found = evaluation.metrics["learners"][ALL]["image"]["at_0.5"]["accuracy"]["folds"]
    assert found["mean"] == pytest.approx(by_fold.mean())
    assert found["sd"] == pytest.approx(by_fold.std())
    assert found["values"] == pytest.approx({str(k): v for k, v in by_fold.items()})


def test_every_figure_has_an_interval_around_it(evaluation):
    for levels in evaluation.metrics["learners"].values():
        for level, report in levels.items():
            for group in ("scores", "at_0.5", "at_youden"):
                for name, entry in report[group].items():
                    if entry["method"].startswith("none"):
                        assert entry["lo"] is None and any(name in w for w in report["warnings"])
                    else:
                        assert entry["lo"] <= entry["value"] <= entry["hi"], (level, group, name)
            also = report["scores"]["auroc"].get("also", {}).get("method")
            assert also == ("delong logit" if level == "patient" else None)


def test_metrics_are_plain_json(evaluation):
    assert json.loads(json.dumps(evaluation.metrics, allow_nan=False)) == evaluation.metrics


def test_same_seed_same_figures_and_learner_order_is_free(predictions, evaluation):
    swapped = predictions.sort_values("learner", key=lambda name: name != ALL, kind="stable")
    assert swapped["learner"].iloc[0] == ALL != predictions["learner"].iloc[0]
    again = evaluate(swapped, CONFIG, BASE)
    assert again.metrics["learners"] == evaluation.metrics["learners"]
    assert again.metrics["comparisons"] == evaluation.metrics["comparisons"]


def test_comparison_has_a_row_a_learner_with_all_columns(evaluation):
    table = evaluation.comparison.set_index("learner")
    assert list(table.index) == [BASE, ALL, "resnet18_alp"]
    assert table.loc["resnet18_alp", "skipped"] == "alp: no value in this cohort"
    assert np.isnan(table.loc["resnet18_alp", "accuracy"])
    for name in COLUMNS:
        assert table.loc[ALL, f"{name}_lo"] <= table.loc[ALL, name] <= table.loc[ALL, f"{name}_hi"]
        assert np.isfinite(table.loc[ALL, f"{name}_image"])
        assert table.loc[ALL, f"{name}_difference_lo"] <= table.loc[ALL, f"{name}_difference_hi"]
        assert table.loc[ALL, f"{name}_p_holm"] >= table.loc[ALL, f"{name}_p"]
        assert np.isnan(table.loc[BASE, f"{name}_difference"])
    assert table.loc[ALL, "auroc_test"] == "DeLong, correlated AUROCs"


def test_published_values_stand_beside_ours(predictions):
    published = {ALL: {"accuracy": 0.9719}, "resnet18_alp": {"accuracy": 0.9635}}
    table = evaluate(predictions, CONFIG, BASE, {"resnet18_alp": "why"}, published).comparison
    table = table.set_index("learner")["accuracy_published"]
    assert table[ALL] == 0.9719 and table["resnet18_alp"] == 0.9635 and np.isnan(table[BASE])


def test_stronger_learner_wins_and_equal_learner_does_not(make_predictions):
    table = make_predictions({BASE: 0.5, ALL: 6.0}, patients=120)
    twin = table[table["learner"] == BASE].assign(learner="twin")
    tests = evaluate(pd_concat(table, twin), CONFIG, BASE).metrics["comparisons"]
    won = {(t["test"], t["at"], t["metric"]): t for t in tests[ALL]["patient"]["tests"]}
    same = {(t["test"], t["at"], t["metric"]): t for t in tests["twin"]["patient"]["tests"]}
    for key in (("delong", "scores", "auroc"), ("mcnemar", "at_0.5", "accuracy")):
        assert won[key]["significant"] and won[key]["p_holm"] == pytest.approx(2 * won[key]["p"])
        assert same[key]["p"] == 1 and not same[key]["significant"]
        assert won[key]["family"] == 2
    difference = won["bootstrap", "at_0.5", "accuracy"]
    assert difference["lo"] > 0 and difference["p"] < 0.05
    difference = same["bootstrap", "at_0.5", "accuracy"]
    assert (difference["value"], difference["lo"], difference["hi"]) == (0, None, None)


def test_controls_do_not_enlarge_the_family_of_the_learners(predictions):
    others = [
        predictions[predictions["learner"] == ALL].assign(learner=name)
        for name in ("control_age", "resnet18_permuted", "resnet18_age")
    ]
    compared = evaluate(pd_concat(predictions, *others), CONFIG, BASE).metrics["comparisons"]
    sizes = {name: {t["family"] for t in c["patient"]["tests"]} for name, c in compared.items()}
    assert all(size == {2} for size in sizes.values()), sizes


def pd_concat(*tables):
    import pandas as pd

    return pd.concat(tables, ignore_index=True)


def test_fewer_patients_are_compared_on_the_common_ones_and_said(predictions):
    gone = (predictions["learner"] == ALL) & predictions["patient_id"].isin(["P0003", "P0010"])
    found = evaluate(predictions[~gone], CONFIG, BASE)
    compared = found.metrics["comparisons"][ALL]["patient"]
    assert compared["n_patients"] == 58
    assert "images of 58 patients that both learners judged" in compared["note"]
    assert "58 patients" in found.comparison.set_index("learner").loc[ALL, "compared_on"]
    difference = next(t for t in compared["tests"] if t["metric"] == "auroc")
    common = predictions[~predictions["patient_id"].isin(["P0003", "P0010"])]
    values = {
        name: sk.roc_auc_score(
            rows.groupby("patient_id")["label"].first(),
            rows.groupby("patient_id")["prob_osteosarcoma"].mean(),
        )
        for name, rows in common.groupby("learner")
    }
    assert difference["value"] == pytest.approx(values[ALL] - values[BASE])


def test_images_that_only_one_learner_judged_are_left_out_of_both(predictions):
    """A twin that skipped some images of some patients gains nothing by that."""
    base = predictions[predictions["learner"] == BASE]
    mine = base["prob_osteosarcoma"].to_numpy() >= 0.5
    wrong = base[mine != (base["label"] == 1).to_numpy()]
    many = wrong[wrong.groupby("patient_id")["label"].transform("size") >= 1]
    several = base["patient_id"].map(base["patient_id"].value_counts()) > 1
    gone = many[several[many.index]].drop_duplicates("patient_id")["sample_id"]
    assert len(gone) >= 3
    twin = base[~base["sample_id"].isin(gone)].assign(learner="twin")
    compared = evaluate(pd_concat(base, twin), CONFIG, BASE).metrics["comparisons"]["twin"]
    for found in compared.values():
        assert found["n_patients"] == 60
        assert found["note"] == (
            f"on the {len(base) - len(gone)} images of 60 patients that both learners judged"
        )
        for test in found["tests"]:
            if test["at"] != "at_youden":  # whose thresholds were chosen on other images
                assert test.get("value", 0) == pytest.approx(0, abs=1e-12) and test["p"] == 1


def test_images_held_out_in_other_folds_are_said(predictions):
    moved = predictions.copy()
    theirs = (moved["learner"] == ALL) & moved["patient_id"].isin(["P0003", "P0010"])
    moved.loc[theirs, "fold"] = (moved.loc[theirs, "fold"] + 1) % 5
    compared = evaluate(moved, CONFIG, BASE).metrics["comparisons"][ALL]
    for found in compared.values():
        assert f"{int(theirs.sum())} of {int((moved['learner'] == ALL).sum())}" in found["note"]
        assert "held out in another fold by the other learner" in found["note"]


def test_constants_of_each_fold_tie_at_both_levels_and_are_warned_of(predictions):
    """Prevalence only: a patient's mean of equal scores is that score to the last bit."""
    share = np.array([0.44, 0.41, 0.47, 0.43, 0.46])[predictions["fold"]]
    flat = predictions.assign(prob_osteosarcoma=share, prob_non_tumour=1 - share)
    levels = evaluate(flat, CONFIG, BASE).metrics["learners"][ALL]
    for report in (levels["patient"], levels["image"]):
        assert any("pooled AUROC and calibration mean nothing" in x for x in report["warnings"])
        assert report["calibration"]["slope"]["value"] is None
        folds = report["scores"]["auroc"]["folds"]
        assert set(folds["values"].values()) == {0.5}


def test_folds_with_nobody_called_are_left_out_of_the_mean_and_said(predictions):
    inside = predictions["fold"] == 2
    low = predictions["prob_osteosarcoma"].where(~inside, predictions["prob_osteosarcoma"] / 3)
    table = predictions.assign(prob_osteosarcoma=low, prob_non_tumour=1 - low)
    report = evaluate(table, CONFIG, BASE)
    found = report.metrics["learners"][ALL]["image"]
    for name in ("precision", "f1", "mcc"):
        folds = found["at_0.5"][name]["folds"]
        assert folds["values"]["2"] is None and folds["n"] == 4
    assert any("fold(s) [2] have nobody called positive at 0.5" in x for x in found["warnings"])
    mean = report.comparison.set_index("learner").loc[ALL, "precision_fold_mean"]
    assert mean == found["at_0.5"]["precision"]["folds"]["mean"]


def test_a_learner_that_calls_nobody_has_no_precision_in_any_table(predictions):
    flat = predictions["prob_osteosarcoma"] / 3
    none = predictions.assign(prob_osteosarcoma=flat, prob_non_tumour=1 - flat)
    report = evaluate(none, CONFIG, BASE, published={ALL: {"precision": 0.9}})
    row = report.comparison.set_index("learner").loc[ALL]
    assert np.isnan(float(row["precision"])) and np.isnan(float(row["f1_fold_mean"]))
    assert row["precision_published"] == 0.9 and row["recall"] == 0
    entry = report.metrics["learners"][ALL]["patient"]["at_0.5"]["ppv_at_0.1"]
    assert entry["value"] is None and "nobody is called positive" in entry["method"]


def test_settings_say_what_is_drawn_how(evaluation):
    said = evaluation.metrics["settings"]["resampling"]
    kept, rest = said.split("Whatever the class")
    assert "AUROC" in kept and "sensitivity" in kept and "ROC band" in kept
    for name in (" accuracy", "precision", "AUPRC", "Brier", "slope", "decision curve"):
        assert name in rest and name not in kept.replace("balanced accuracy", "")


def test_a_missing_fold_is_named(predictions):
    gone = (predictions["learner"] == ALL) & (predictions["fold"] == 3)
    found = evaluate(predictions[~gone], CONFIG, BASE).metrics["learners"]
    assert any("no predictions for fold(s) [3]" in one for one in found[ALL]["image"]["warnings"])
    assert not any("no predictions" in one for one in found[BASE]["image"]["warnings"])


def test_one_class_in_a_fold_is_a_note_not_a_crash(predictions):
    kept = (predictions["fold"] != 2) | (predictions["label"] == 0)
    report = evaluate(predictions[kept], CONFIG, BASE).metrics["learners"][ALL]["patient"]
    folds = report["scores"]["auroc"]["folds"]
    assert folds["values"]["2"] is None and folds["n"] == 4 and folds["mean"] is not None
    assert report["at_0.5"]["accuracy"]["folds"]["n"] == 5
    assert any("fold(s) [2] have one class only" in one for one in report["warnings"])


def test_one_class_in_all_is_a_note_not_a_crash(predictions):
    report = evaluate(predictions[predictions["label"] == 0], CONFIG, BASE)
    found = report.metrics["learners"][ALL]["patient"]
    assert found["scores"]["auroc"]["value"] is None
    assert found["at_0.5"]["specificity"]["value"] is not None


def test_small_samples_are_warned_of(make_predictions):
    small = evaluate(make_predictions(patients=40), CONFIG, BASE).metrics["learners"][ALL]
    said = " ".join(small["patient"]["warnings"])
    assert "20 positive patients, fewer than 30" in said and "20 negative patients" in said
    assert "trial run: 200 bootstrap rounds" in said
    large = evaluate(make_predictions(patients=100), EvaluationConfig(), BASE)
    assert large.metrics["learners"][ALL]["patient"]["warnings"] == []


def test_ties_everywhere(predictions):
    flat = predictions.assign(prob_osteosarcoma=0.3, prob_non_tumour=0.7)
    report = evaluate(flat, CONFIG, BASE).metrics["learners"][ALL]["patient"]
    assert report["scores"]["auroc"]["value"] == 0.5
    precision = report["at_0.5"]["precision"]
    assert precision["value"] is None and precision["folds"]["n"] == 0
    assert precision["method"] == "none: not defined, nobody is called positive"
    assert any("all resamples gave the same value: auroc" in one for one in report["warnings"])
    assert any("nobody is called positive: f1, ppv_at_0.01" in one for one in report["warnings"])
    assert any("pooled AUROC and calibration mean nothing" in one for one in report["warnings"])


def test_perfection_still_has_a_width(predictions):
    perfect = predictions.assign(
        prob_osteosarcoma=predictions["label"] * 0.8 + 0.1,
        prob_non_tumour=0.9 - predictions["label"] * 0.8,
    )
    report = evaluate(perfect, CONFIG, BASE).metrics["learners"][ALL]["patient"]
    accuracy, auroc = report["at_0.5"]["accuracy"], report["scores"]["auroc"]
    assert (accuracy["value"], accuracy["hi"]) == (1, 1)
    assert accuracy["lo"] == pytest.approx(0.9398, abs=1e-4)  # Wilson, 60 of 60
    assert auroc["lo"] == pytest.approx(0.8865, abs=1e-4)  # Wilson, 30 of 30 pairs


def test_youden_threshold_of_a_fold_ignores_the_fold(predictions):
    before = evaluate(predictions, CONFIG, BASE).metrics["learners"][ALL]["image"]
    changed = predictions.copy()
    inside = changed["fold"] == 1
    changed.loc[inside, "prob_osteosarcoma"] = 1 - changed.loc[inside, "prob_osteosarcoma"]
    changed.loc[inside, "prob_non_tumour"] = 1 - changed.loc[inside, "prob_osteosarcoma"]
    after = evaluate(changed, CONFIG, BASE).metrics["learners"][ALL]["image"]
    assert after["youden_thresholds"]["1"] == before["youden_thresholds"]["1"]
    assert len(before["youden_thresholds"]) == 5


def test_settings_say_that_youden_is_cross_fitted_and_not_nested(evaluation):
    said = evaluation.metrics["settings"]["thresholds"]["at_youden"]
    assert "held-out predictions of the other folds" in said
    assert "trained on the judged fold's patients and their labels" in said
    assert "cross-fitted, not nested; at_0.5 is free of this" in said


def test_one_fold_has_no_youden_and_says_so(predictions):
    report = evaluate(predictions.assign(fold=0, split="test"), CONFIG, BASE)
    found = report.metrics["learners"][ALL]["patient"]
    assert "at_youden" not in found and found["youden_thresholds"] == {}
    assert any("no Youden threshold" in one for one in found["warnings"])


def test_nan_is_refused_and_unknown_reference_named(predictions):
    with pytest.raises(ValueError, match="'nobody' found"):
        evaluate(predictions, CONFIG, "nobody")
    predictions.loc[3, "prob_osteosarcoma"] = np.nan
    with pytest.raises(PredictionsError, match="S0003"):
        evaluate(predictions, CONFIG, BASE)


def test_reference_that_was_skipped_leaves_no_tests(predictions):
    found = evaluate(predictions, CONFIG, "resnet18_x", {"resnet18_x": "no labs"})
    assert found.metrics["comparisons"] == {}
    assert "accuracy" in found.comparison


def test_image_headline_reads_image_figures(predictions):
    config = EvaluationConfig(rounds=100, level="image", interval="percentile")
    table = evaluate(predictions, config, BASE).comparison.set_index("learner")
    assert table.loc[ALL, "accuracy"] == table.loc[ALL, "accuracy_image"]
    assert table.loc[ALL, "auroc_test"] == "paired bootstrap percentile"


def test_curves_of_every_learner_and_level_are_plain_json(evaluation):
    made = evaluation.curves["learners"]
    assert json.loads(json.dumps(evaluation.curves, allow_nan=False)) == evaluation.curves
    assert set(made) == {BASE, ALL} and set(made[ALL]) == {"patient", "image"}
    for levels in made.values():
        for one in levels.values():
            assert set(one) == {
                "roc",
                "precision_recall",
                "reliability",
                "reliability_after_temperature",
                "decision",
                "confusion",
            }
            assert len(one["reliability"]) == len(one["reliability_after_temperature"]) == 10


def test_one_class_in_all_leaves_curves_out_and_keeps_the_rest(predictions):
    found = evaluate(predictions[predictions["label"] == 0], CONFIG, BASE)
    one = found.curves["learners"][ALL]["patient"]
    assert one["roc"] is None and one["precision_recall"] is None
    calibration = found.metrics["learners"][ALL]["patient"]["calibration"]
    assert calibration["slope"]["value"] is None and calibration["temperature"] is None
    assert "both classes" in calibration["temperature_note"]


def test_compare_gives_the_comparisons_and_nothing_else(predictions, evaluation):
    assert compare(predictions, CONFIG, BASE) == evaluation.metrics["comparisons"]
    with pytest.raises(ValueError, match="'nobody' found"):
        compare(predictions, CONFIG, "nobody")


def test_no_common_patient_is_said(predictions):
    early = predictions["patient_id"] < "P0030"
    split = predictions[(predictions["learner"] == BASE) == early]
    metrics = evaluate(split, CONFIG, BASE).metrics
    for found in metrics["comparisons"][ALL].values():
        assert (found["n_patients"], found["tests"]) == (0, [])
        assert found["note"] == "no patient judged by both learners"


def test_sequences_are_judged_between_images_and_patients(predictions):
    number = predictions.groupby(["learner", "patient_id"]).cumcount() // 2
    series = predictions.assign(sequence_id=predictions["patient_id"] + "-" + number.astype(str))
    found = evaluate(series, EvaluationConfig(rounds=100, level="sequence"), BASE)
    report = found.metrics["learners"][ALL]["sequence"]
    rows = series[series["learner"] == ALL]
    means = rows.groupby("sequence_id").agg(s=("prob_osteosarcoma", "mean"), y=("label", "first"))
    auroc = report["scores"]["auroc"]
    assert auroc["value"] == pytest.approx(sk.roc_auc_score(means["y"], means["s"]))
    assert auroc["lo"] < auroc["value"] < auroc["hi"] and report["n_patients"] == 60
    assert report["positives"] + report["negatives"] == len(means)
    assert set(found.metrics["comparisons"][ALL]) == {"patient", "sequence", "image"}
    assert set(found.curves["learners"][ALL]) == {"patient", "sequence", "image"}
    assert found.comparison.set_index("learner").loc[ALL, "auroc"] == auroc["value"]
    with pytest.raises(ValueError, match="'sequence' found"):
        evaluate(predictions, EvaluationConfig(rounds=100, level="sequence"), BASE)


def test_permuted_labels_give_an_auroc_around_one_half(make_predictions):
    """200 permutations between patients: the mean is 0.5 and the spread that of the null."""
    table = make_predictions({ALL: 3.0})
    frame, generator = checked(table), np.random.default_rng(0)
    patients, found = np.arange(60) % 2, []
    for _ in range(200):
        shuffled = generator.permutation(patients)
        positive = shuffled[frame["patient_order"].to_numpy()]
        judged = at_level(frame.assign(positive=positive), "patient")
        found.append(observed(judged, ())["scores", "auroc"])
    deviation = np.sqrt(61 / (12 * 30 * 30))
    assert np.mean(found) == pytest.approx(0.5, abs=3 * deviation / np.sqrt(200))
    assert np.std(found) == pytest.approx(deviation, rel=0.2)
