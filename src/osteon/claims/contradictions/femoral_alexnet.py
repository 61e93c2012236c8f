"""The sums of the AlexNet-BN paper."""

from collections.abc import Iterator, Mapping
from typing import Any

from osteon.claims.contradictions.sums import (
    AMBIGUOUS,
    Checked,
    Reach,
    around,
    between,
    called,
    counts_giving,
    f1_of,
    listed,
    overlap,
    reach,
    rounding,
    said_alike,
    sd_possible,
    total,
)

TABLE, AUC, DATA, SETUP = "Table 2", "Table 3", "section 3.1", "environment table and section 3.2"


def check(published: Mapping[str, Any]) -> list[Checked]:
    """All sums of the paper.

    Args:
        published: the block that `osteon.claims.published.read_published` gives.
    """
    found: list[Checked] = []
    for model, row in published["table2"].items():
        ends = (row["sensitivity"], row["specificity"])
        statement = (
            f"Accuracy lies between sensitivity and specificity ({called(published, model)})"
        )
        name = f"accuracy_between_{model}"
        found += [
            between(name, statement, row["accuracy"], ends, TABLE, 2),
            *_prevalence(published, model, row),
            _needed(published, model, row),
            _auc_floor(published, model, row),
            _attainable(published, model, row),
        ]
    return [*found, *_protocol(published), *_cohort(published)]


def accuracy_at(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Accuracy of an operating point at a prevalence."""
    return prevalence * sensitivity + (1 - prevalence) * specificity


def precision_at(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Positive predictive value of an operating point at a prevalence."""
    true, false = prevalence * sensitivity, (1 - prevalence) * (1 - specificity)
    return true / (true + false)


def f1_at(sensitivity: float, specificity: float, prevalence: float) -> float:
    """F1 of an operating point at a prevalence."""
    return f1_of(precision_at(sensitivity, specificity, prevalence), sensitivity)


def _point(row: Mapping[str, float]) -> tuple[float, float, Reach, Reach]:
    """Sensitivity and specificity as fractions, and the values that are printed so."""
    sensitivity, specificity = row["sensitivity"] / 100, row["specificity"] / 100
    return sensitivity, specificity, around(sensitivity, 4), around(specificity, 4)


def _prevalence(
    published: Mapping[str, Any], model: str, row: Mapping[str, float]
) -> Iterator[Checked]:
    cohort = published["cohort"]
    share = cohort["malignant"] / cohort["patients"]
    se, sp, ses, sps = _point(row)
    value = accuracy_at(se, sp, share)
    yield Checked(
        f"accuracy_at_prevalence_{model}",
        "Accuracy goes with sensitivity, specificity and the cohort's prevalence "
        f"({called(published, model)})",
        row["accuracy"],
        round(100 * value, 4),
        f"{share:.2f} x {100 * se:.2f} + {1 - share:.2f} x {100 * sp:.2f} = {100 * value:.2f}",
        overlap(
            around(row["accuracy"] / 100, 4), reach(lambda a, b: accuracy_at(a, b, share), ses, sps)
        ),
        f"{TABLE}; {DATA}",
        rounding(2),
    )
    for positive, prevalence in (("malignant", share), ("benign", 1 - share)):
        ppv, found = precision_at(se, sp, prevalence), f1_at(se, sp, prevalence)
        yield Checked(
            f"f1_{positive}_positive_{model}",
            f"F1 goes with the operating point and the prevalence, {positive} positive "
            f"({called(published, model)})",
            row["f1"],
            round(100 * found, 4),
            f"PPV = {se:.4f} x {prevalence:.2f}/({se:.4f} x {prevalence:.2f} + {1 - sp:.4f} x "
            f"{1 - prevalence:.2f}) = {ppv:.3f}; F1 = 2 x {ppv:.3f} x {se:.4f}/({ppv:.3f} + "
            f"{se:.4f}) = {100 * found:.2f}",
            overlap(
                around(row["f1"] / 100, 4),
                reach(lambda a, b, share=prevalence: f1_at(a, b, share), ses, sps),
            ),
            f"{TABLE}; {DATA}",
            rounding(2),
        )


def _needed(published: Mapping[str, Any], model: str, row: Mapping[str, float]) -> Checked:
    """The prevalence that the printed F1 needs, against the cohort's."""
    cohort = published["cohort"]
    share = cohort["malignant"] / cohort["patients"]
    se, sp, ses, sps = _point(row)

    def needed(f1: float, a: float, b: float) -> float:
        precision = f1 * a / (2 * a - f1)
        return precision * (1 - b) / (a * (1 - precision) + precision * (1 - b))

    f1 = row["f1"] / 100
    precision, prevalence = f1 * se / (2 * se - f1), needed(f1, se, sp)
    return Checked(
        f"prevalence_behind_f1_{model}",
        f"The prevalence that the printed F1 needs is the cohort's ({called(published, model)})",
        f"{cohort['malignant']} of {cohort['patients']}",
        round(prevalence, 4),
        f"precision = {f1:.4f} x {se:.4f}/(2 x {se:.4f} - {f1:.4f}) = {precision:.4f}; prevalence "
        f"= {precision:.4f} x {1 - sp:.4f}/({se:.4f} x {1 - precision:.4f} + {precision:.4f} x "
        f"{1 - sp:.4f}) = {prevalence:.3f}; {cohort['malignant']}/{cohort['patients']} = "
        f"{share:.2f}",
        overlap((share, share), reach(needed, around(f1, 4), ses, sps)),
        f"{TABLE}; {DATA}",
        rounding(2),
    )


def _auc_floor(published: Mapping[str, Any], model: str, row: Mapping[str, float]) -> Checked:
    """A ROC curve that rises through (1 - Sp, Se) has at least the area Se x Sp under it."""
    auc = published["table3_auc"][model]
    se, sp, ses, sps = _point(row)
    lowest = reach(lambda a, b: a * b, ses, sps)[0]
    holds = around(auc, 3)[1] >= lowest
    return Checked(
        f"auc_floor_{model}",
        "The AUC is at least the area that its own operating point secures "
        f"({called(published, model)})",
        auc,
        round(se * sp, 4),
        f"{se:.4f} x {sp:.4f} = {se * sp:.3f} {'<=' if holds else '>'} {auc:.3f}",
        holds,
        f"{TABLE}; {AUC}",
        rounding(3),
    )


def _attainable(published: Mapping[str, Any], model: str, row: Mapping[str, float]) -> Checked:
    protocol, patients = published["protocol"], published["cohort"]["patients"]
    sizes = {
        protocol["test"]: "test set",
        protocol["train"]: "training set",
        patients: "all",
        patients // protocol["cv_folds"]: "one fold",
    }
    value = row["accuracy"] / 100
    hits = {size: counts_giving(value, size, 4) for size in sizes}
    return Checked(
        f"accuracy_is_a_count_{model}",
        "Accuracy is a number of right cases over one of the sets described "
        f"({called(published, model)})",
        row["accuracy"],
        f"{sum(map(bool, hits.values()))} of {len(sizes)} sets",
        listed(
            f"{value:.4f} x {size} = {value * size:.2f}"
            + (f" -> {hits[size][0]}/{size}" if hits[size] else " -> no whole number")
            + f" ({sizes[size]})"
            for size in sizes
        ),
        any(hits.values()),
        f"{TABLE}; {SETUP}",
        rounding(2, inputs=False),
    )


def _protocol(published: Mapping[str, Any]) -> Iterator[Checked]:
    protocol, patients = published["protocol"], published["cohort"]["patients"]
    fold = patients / protocol["cv_folds"]
    yield Checked(
        "folds_against_hold_out",
        f"A fold of the {protocol['cv_folds']}-fold cross-validation leaves the training set given",
        protocol["train"],
        patients - fold,
        f"{patients} - {patients}/{protocol['cv_folds']} = {patients - fold:g} for training, "
        f"{fold:g} to test; printed {protocol['train']} and {protocol['test']}",
        protocol["train"] == patients - fold and protocol["test"] == fold,
        SETUP,
    )
    steps, batch, trained = protocol["iterations"], protocol["batch"], patients - fold
    yield Checked(
        "iterations",
        f"How long {steps} iterations are",
        steps,
        round(steps * batch / trained, 1),
        f"read as steps: {steps} x {batch}/{trained:g} = {steps * batch / trained:.1f} passes; "
        f"read as passes: {steps} x {trained:g}/{batch} = {steps * trained / batch:.0f} steps",
        None,
        SETUP,
        note=AMBIGUOUS,
    )
    said, shown = published["text"]["methods"], len(published["table2"])
    yield Checked(
        "number_of_methods",
        "Each of the methods compared has a column in the table",
        said,
        shown,
        f"{said} - {shown} = {said - shown} without figures",
        said == shown,
        f"section 3.3; {TABLE}",
    )


def _cohort(published: Mapping[str, Any]) -> Iterator[Checked]:
    cohort, protocol = published["cohort"], published["protocol"]
    age = {key: cohort[f"age_{key}"] for key in ("mean", "sd", "min", "max")}
    yield sd_possible("age_sd", "age", age, DATA)
    yield sd_possible("diameter_sd", "the diameter", cohort["diameter_cm"], DATA)
    classes, parts = [cohort["benign"], cohort["malignant"]], [protocol["train"], protocol["test"]]
    yield total("classes", "The classes add up to the cohort", classes, cohort["patients"], DATA)
    left, shown = cohort["patients"] - sum(classes), published["text"]["kinds_shown"]
    found = len(classes) + (left > 0)
    yield Checked(
        "kinds_of_tumour",
        "The figure shows as many kinds of tumour as the cohort has",
        shown,
        found,
        f"{cohort['patients']} - {classes[0]} - {classes[1]} = {left} for a third kind; "
        f"{shown} shown",
        shown == found,
        f"Fig. 3; {DATA}",
    )
    modality = published["text"]["modality"]
    yield said_alike("modality", "The images are of one modality", modality)
    statement = "Training and test set add up to the cohort"
    yield total("train_and_test", statement, parts, cohort["patients"], SETUP)
