"""Segmentation figures: equal to a plain loop, paired on common patients, patches kept apart."""

import json

import numpy as np
import pandas as pd
import pytest

from osteon.measures.intervals import draw, draws
from osteon.measures.segmentation import COUNTS, METRICS, SegmentationError, overlap
from osteon.measures.segmentation_evaluator import (
    CONDITIONAL,
    PIXEL,
    checked,
    compare_all,
    evaluate,
    prepare,
)
from osteon.recipes.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(rounds=200, seed=3)


def table_of(strengths, patients=40, seed=0):
    """One row a learner and patient, as `score` makes them, with lesions of 20 to 400 pixels."""
    generator = np.random.default_rng(seed)
    lesion = generator.integers(20, 400, patients)
    parts = []
    for name, strength in strengths.items():
        tp = (lesion * np.clip(strength + 0.1 * generator.normal(size=patients), 0, 1)).astype(int)
        fp = generator.integers(0, 40, patients)
        part = pd.DataFrame({"tp": tp, "fp": fp, "fn": lesion - tp, "tn": 10_000})
        part = part.assign(**overlap(tp, fp, lesion - tp)).assign(
            paper="penn",
            learner=name,
            patient_id=[f"P{k:03d}" for k in range(patients)],
            fold=np.arange(patients) % 4,
            split="cv",
            images=15,
            empty="neither",
            tolerance_mm=2.0,
            nsd=generator.random(patients),
            hd95_mm=generator.uniform(0, 30, patients),
        )
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def table():
    return table_of({"unet": 0.7, "penn": 0.9})


def patches_of(table, seed=1):
    generator = np.random.default_rng(seed)
    rows = table[["learner", "patient_id", "fold"]].copy()
    positives = {name: generator.integers(5, 60) for name in rows["patient_id"].unique()}
    lesion = rows["patient_id"].map(positives)
    rows["tp"] = (lesion * 0.8).astype(int)
    rows["fp"] = generator.integers(0, 30, len(rows))
    return rows.assign(fn=lesion - rows["tp"], tn=900)


def test_means_over_patients_and_pooled_pixels(table):
    found = evaluate(table, CONFIG, "unet")
    own = table[table["learner"] == "penn"]
    report = found["learners"]["penn"]["patient"]
    for name in ("dice", "iou", "precision", "recall", "nsd", "hd95_mm"):
        entry = report["pixel"][name]
        assert entry["value"] == pytest.approx(own[name].mean())
        assert entry["lo"] < entry["value"] < entry["hi"]
        assert entry["method"] == "bootstrap BCa" and entry["n_patients"] == 40
        by_fold = own.groupby("fold")[name].mean()
        assert entry["folds"]["values"] == pytest.approx({str(k): v for k, v in by_fold.items()})
    total = own[list(COUNTS)].sum()
    pooled = 2 * total["tp"] / (2 * total["tp"] + total["fp"] + total["fn"])
    assert report["pixel_pooled"]["dice"]["value"] == pytest.approx(pooled)
    assert "patch" not in report
    json.dumps(found, allow_nan=False)


def test_rounds_equal_a_plain_loop(table):
    found = evaluate(table, CONFIG.model_copy(update={"interval": "percentile"}), "unet")
    own = table[table["learner"] == "penn"]
    weights = draw(np.ones(40, dtype=np.int64), CONFIG.rounds, CONFIG.seed)
    means, pools = [], []
    for row in weights:
        drawn = own.iloc[np.repeat(np.arange(40), row)]
        means.append(drawn["hd95_mm"].mean())
        tp, fp, fn = (drawn[name].sum() for name in ("tp", "fp", "fn"))
        pools.append(tp / (tp + fp + fn))
    report = found["learners"]["penn"]["patient"]
    for (group, name), values in {
        ("pixel", "hd95_mm"): means,
        ("pixel_pooled", "iou"): pools,
    }.items():
        entry = report[group][name]
        expected = np.quantile(values, [0.025, 0.975])
        np.testing.assert_allclose([entry["lo"], entry["hi"]], expected, rtol=1e-9)


def test_differences_are_paired_and_adjusted(table):
    wide = table_of({"unet": 0.7, "penn": 0.9, "same": 0.7})
    found = evaluate(wide, CONFIG, "unet")
    tests = {
        (name, test["at"], test["metric"]): test
        for name, one in found["comparisons"].items()
        for test in one["patient"]["tests"]
    }
    dice = wide.pivot(index="patient_id", columns="learner", values="dice")
    better = tests["penn", "pixel", "dice"]
    assert better["value"] == pytest.approx((dice["penn"] - dice["unet"]).mean())
    assert better["lo"] > 0 and better["p_holm"] <= 2 * better["p"] and better["significant"]
    assert better["family"] == 2 and not tests["same", "pixel", "dice"]["significant"]


def test_a_learner_against_itself_differs_by_nothing(table):
    twice = pd.concat([table, table.assign(learner=table["learner"] + "_again")])
    tests = evaluate(twice, CONFIG, "unet")["comparisons"]["unet_again"]["patient"]["tests"]
    assert {(one["value"], one["lo"], one["hi"], one["p"]) for one in tests} == {(0, None, None, 1)}


def test_patients_without_lesion_are_counted_not_averaged(table):
    none = ["dice", "iou", "precision", "recall", "nsd", "hd95_mm"]
    rows = (table["patient_id"] == "P000").to_numpy()
    table.loc[rows, ["tp", "fp", "fn"]] = 0
    table.loc[rows, none] = np.nan
    found = evaluate(table, CONFIG, "unet")
    report = found["learners"]["unet"]["patient"]
    assert report["empty"] == {"both": 1, "prediction": 0, "reference": 0}
    assert report["n_patients"] == 40 and report["pixel"]["dice"]["n_patients"] == 39
    own = table[(table["learner"] == "unet") & ~rows]
    assert report["pixel"]["dice"]["value"] == pytest.approx(own["dice"].mean())
    # A learner that painted something there scores 0; the pair has no difference to take.
    painted = rows & (table["learner"] == "penn").to_numpy()
    table.loc[painted, ["fp", "dice", "iou", "precision", "nsd"]] = [9, 0, 0, 0, 0]
    table.loc[painted, "hd95_mm"] = 99.0
    changed = evaluate(table, CONFIG, "unet")
    assert changed["learners"]["penn"]["patient"]["empty"]["reference"] == 1
    assert changed["learners"]["penn"]["patient"]["pixel"]["dice"]["n_patients"] == 40
    dice = table.pivot(index="patient_id", columns="learner", values="dice").dropna()
    test = changed["comparisons"]["penn"]["patient"]["tests"][0]
    assert (test["at"], test["metric"]) == ("pixel", "dice")
    assert test["value"] == pytest.approx((dice["penn"] - dice["unet"]).mean())


def test_a_learner_that_skipped_patients_is_compared_on_the_common_ones(table):
    kept = table[~((table["learner"] == "penn") & table["patient_id"].isin(["P001", "P002"]))]
    one = evaluate(kept, CONFIG, "unet")["comparisons"]["penn"]["patient"]
    assert one["n_patients"] == 38 and "38 patients that both" in one["note"]
    dice = kept.pivot(index="patient_id", columns="learner", values="dice").dropna()
    assert one["tests"][0]["value"] == pytest.approx((dice["penn"] - dice["unet"]).mean())
    apart = kept[(kept["learner"] == "unet") == kept["patient_id"].isin(["P001", "P002"])]
    assert evaluate(apart, CONFIG, "unet")["comparisons"]["penn"]["patient"]["tests"] == []


def test_patches_stand_in_a_group_of_their_own(table):
    patches = patches_of(table)
    report = evaluate(table, CONFIG, "unet", patches)["learners"]["penn"]["patient"]
    total = patches[patches["learner"] == "penn"][list(COUNTS)].sum()
    recall = total["tp"] / (total["tp"] + total["fn"])
    precision = total["tp"] / (total["tp"] + total["fp"])
    assert report["patch"]["recall"]["value"] == pytest.approx(recall)
    assert report["patch"]["precision"]["value"] == pytest.approx(precision)
    f1 = 2 * precision * recall / (precision + recall)
    assert report["patch"]["f1"]["value"] == pytest.approx(f1)
    # On balanced patches precision is higher: the share of positives is what moves it.
    assert report["patch"]["ppv_at_0.5"]["value"] > precision
    assert "dice" not in report["patch"] and "f1" not in report["pixel"]
    alone = evaluate(table, CONFIG, "unet")["learners"]["penn"]["patient"]
    assert alone["pixel"] == report["pixel"]


def test_renaming_patients_changes_no_number(table):
    names = {name: f"Q{(7 * k) % 40:03d}" for k, name in enumerate(table["patient_id"].unique())}
    renamed = table.assign(patient_id=table["patient_id"].map(names))
    assert evaluate(renamed, CONFIG, "unet") == evaluate(table, CONFIG, "unet")


def test_few_lesions_and_few_rounds_are_warned_of(table):
    said = evaluate(table[table["patient_id"] < "P020"], CONFIG, "unet")
    warnings = " ".join(said["learners"]["unet"]["patient"]["warnings"])
    assert "small sample: 20 patients with a lesion" in warnings and "trial run: 200" in warnings


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="nsd"), r"without columns \['nsd'\]"),
        (lambda t: t.iloc[:0], "0 rows found"),
        (lambda t: t.assign(tp=-1), "counts that are missing or negative .first: patient P000"),
        (lambda t: t.assign(fp=np.nan), "missing or negative"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "a second row of the same learner and patient"),
        (
            lambda t: t.assign(fn=t["fn"] + (t["learner"] == "penn")),
            "another size of the reference",
        ),
    ],
)
def test_a_table_that_cannot_be_judged_is_refused(table, change, said):
    with pytest.raises(SegmentationError, match=said):
        evaluate(change(table), CONFIG, "unet")


def test_missing_patch_rows_and_an_unknown_reference_are_named(table):
    with pytest.raises(SegmentationError, match="patches: no row for patient P000"):
        evaluate(table, CONFIG, "unet", patches_of(table).iloc[1:])
    with pytest.raises(ValueError, match=r"reference: 'vnet' found, one of \['unet', 'penn'\]"):
        evaluate(table, CONFIG, "vnet")


def mixed(patients, share, seed):
    """One learner on a cohort in which a share of the patients, by chance, has a lesion."""
    generator = np.random.default_rng(seed)
    table = table_of({"unet": 0.8}, patients, seed)
    healthy = generator.random(patients) >= share
    table.loc[healthy, ["tp", "fn"]] = 0
    scores = overlap(table["tp"], table["fp"], table["fn"])
    table = table.assign(**scores)
    table.loc[table["dice"].isna(), ["nsd", "hd95_mm"]] = np.nan
    return table


def test_only_recall_keeps_the_number_of_patients_with_a_lesion():
    table = checked(mixed(60, 0.5, 4), METRICS, "segmentations")
    measured = prepare(table, None, ())
    lesions = measured.strata
    found = measured.rounds(CONFIG)
    own = draws(lesions, CONFIG.rounds, CONFIG.seed)
    by_class, whole = measured.measure(own.by_class), measured.measure(own.whole)
    for key, value in found.items():
        expected = by_class if key in CONDITIONAL else whole
        np.testing.assert_array_equal(value, expected[key])
    assert {name for _, name in CONDITIONAL} == {"recall"}
    # With lesions in all patients there is one way to draw.
    all_drawn = prepare(checked(table_of({"unet": 0.8}), METRICS, "segmentations"), None, ())
    assert (
        len(set(all_drawn.strata)) == 1
        and not np.isnan(all_drawn.rounds(CONFIG)[PIXEL, "dice"]).any()
    )


def test_intervals_of_the_pooled_precision_cover_it_where_lesions_come_by_chance():
    # Precision of pooled pixels depends on how many patients have a lesion. With their number held
    # fixed, as once, intervals are too narrow: they leave out how it varies between cohorts.
    config = CONFIG.model_copy(update={"rounds": 200, "interval": "percentile"})
    large = mixed(20_000, 0.2, 99)
    truth = large["tp"].sum() / (large["tp"] + large["fp"]).sum()
    hits = {"as drawn": 0, "number fixed": 0}
    repeats = 120
    for seed in range(repeats):
        measured = prepare(checked(mixed(80, 0.2, seed), METRICS, "segmentations"), None, ())
        fixed = measured.measure(draw(measured.strata, config.rounds, config.seed))
        for name, rounds in (("as drawn", measured.rounds(config)), ("number fixed", fixed)):
            lo, hi = np.quantile(rounds["pixel_pooled", "precision"], [0.025, 0.975])
            hits[name] += lo <= truth <= hi
    assert hits["as drawn"] / repeats >= 0.88
    assert hits["number fixed"] / repeats < 0.8


def test_precision_without_a_prediction_is_no_number_not_0(table):
    row = (table["patient_id"] == "P000").to_numpy()
    missed = table["tp"] + table["fn"]
    table.loc[row, ["tp", "fp"]] = 0
    table.loc[row, "fn"] = missed[row]
    table.loc[row, ["dice", "iou", "recall", "nsd"]] = 0.0
    table.loc[row, "precision"] = np.nan
    report = evaluate(table, CONFIG, "unet")["learners"]["unet"]["patient"]
    assert report["pixel"]["precision"]["n_patients"] == 39
    assert report["pixel"]["dice"]["n_patients"] == 40  # what was missed counts there
    assert report["empty"] == {"both": 0, "prediction": 1, "reference": 0}
    nothing = overlap(np.array([0]), np.array([0]), np.array([9]))
    assert np.isnan(nothing["precision"]).all() and nothing["recall"] == [0.0]


def test_patches_at_stated_shares(table):
    config = CONFIG.model_copy(update={"prevalences": (0.06, 0.4)})
    found = evaluate(table, config, "unet", patches_of(table))
    report = found["learners"]["penn"]["patient"]["patch"]
    recall, specificity = (report[name]["value"] for name in ("recall", "specificity"))
    for share in (0.06, 0.4):
        accuracy = recall * share + specificity * (1 - share)
        entry = report[f"accuracy_at_{share:g}"]
        assert entry["value"] == pytest.approx(accuracy) and entry["lo"] < accuracy < entry["hi"]
        assert {f"ppv_at_{share:g}", f"f1_at_{share:g}"} <= set(report)
    assert found["settings"]["prevalences"] == [0.06, 0.4]


def test_images_without_spacing_are_told(table):
    told = evaluate(table.assign(images_without_spacing=1), CONFIG, "unet")
    said = told["learners"]["unet"]["patient"]["warnings"]
    assert any("40 of 600 images have no pixel spacing" in one for one in said)
    none = evaluate(table.assign(images_without_spacing=0), CONFIG, "unet")
    assert not any("spacing" in one for one in none["learners"]["unet"]["patient"]["warnings"])


def test_comparisons_alone_are_those_of_the_whole(table):
    wide = table_of({"unet": 0.7, "penn": 0.9, "same": 0.7})
    assert compare_all(wide, CONFIG, "unet") == evaluate(wide, CONFIG, "unet")["comparisons"]
    with pytest.raises(ValueError, match="reference: 'sau_net' found"):
        compare_all(wide, CONFIG, "sau_net")
