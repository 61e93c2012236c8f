"""The sums of the late-fusion paper."""

from collections.abc import Iterator, Mapping
from typing import Any

from osteon.claims.contradictions.sums import (
    AMBIGUOUS,
    DERIVED,
    FOLD_MEAN,
    IMPLIED,
    Checked,
    accuracy_of,
    around,
    called,
    counts_giving,
    f1_of,
    half_unit,
    listed,
    overlap,
    reach,
    rounding,
    total,
)
from osteon.measures.intervals import Interval, wilson

METRICS = ("accuracy", "precision", "recall", "f1")
TABLE, TEXT, DATA = "Table 1", "text beside Table 1", "Data collection"
CAPTION = "caption of Fig. 6"


def check(published: Mapping[str, Any]) -> list[Checked]:
    """All sums of the paper.

    Args:
        published: the block that `osteon.claims.published.read_published` gives.
    """
    return [
        *_headline(published),
        *_deltas(published),
        *_order(published),
        *_coherence(published),
        *_counts(published),
        *_described(published),
        *_errors(published),
    ]


def _headline(published: Mapping[str, Any]) -> Iterator[Checked]:
    table = published["table1_resnet18"]
    best, claimed = table["all"]["accuracy"], published["conclusion_accuracy"]["fusion"]
    yield Checked(
        "headline_accuracy",
        "The conclusion's accuracy of the fusion model is the table's with all inputs",
        claimed,
        best,
        f"{100 * best:.2f} - {100 * claimed:.2f} = {100 * (best - claimed):.2f} points",
        overlap(around(claimed, 4), around(best, 4)) and round(claimed, 4) == round(best, 4),
        f"conclusion; {TABLE}, all inputs",
    )
    both, claimed = table["alp_ldh"]["accuracy"], published["abstract_accuracy"]["alp_ldh"]
    yield Checked(
        "abstract_names_alp_and_ldh",
        "The abstract's accuracy with ALP and LDH is the table's of these two",
        claimed,
        both,
        f"{100 * claimed:.2f} - {100 * both:.2f} = {100 * (claimed - both):.2f} points",
        round(claimed, 4) == round(both, 4),
        f"abstract; {TABLE}, ALP&LDH",
    )
    for name, mean in published["contributions_accuracy"].items():
        row = "all" if name == "fusion" else name
        yield _mean_of_four(row, mean, [table[row][metric] for metric in METRICS])


def _mean_of_four(name: str, claimed: float, values: list[float]) -> Checked:
    mean = sum(values) / len(values)
    shown = "+".join(f"{100 * value:.2f}" for value in values)
    return Checked(
        f"mean_of_four_metrics_{name}",
        f"The average over four metrics of {name.replace('all', 'all inputs')} is the figure given",
        claimed,
        round(mean, 6),
        f"({shown})/{len(values)} = {100 * mean:.2f}",
        overlap(around(claimed, 4), around(mean, 4)),
        f"introduction, contributions; {TABLE}",
        rounding(4),
    )


def _deltas(published: Mapping[str, Any]) -> Iterator[Checked]:
    table = published["table1_resnet18"]
    for name, gains in published["text_deltas_pp"].items():
        for metric, gain in gains.items():
            ours, base = 100 * table[name][metric], 100 * table["baseline"][metric]
            shown = called(published, metric)
            yield Checked(
                f"delta_{name}_{metric}",
                f"{name.upper()} adds the printed points of {shown} to the baseline",
                gain,
                round(ours - base, 4),
                f"{ours:.2f} - {base:.2f} = {ours - base:+.2f}",
                round(ours - base, 2) == round(gain, 2),
                f"{TEXT}; {TABLE}",
            )


def _order(published: Mapping[str, Any]) -> Iterator[Checked]:
    table = published["table1_resnet18"]
    base = table["baseline"]
    below = [
        f"{called(published, name)}, {called(published, metric)}: {row[metric]:.4f} - "
        f"{base[metric]:.4f} = {row[metric] - base[metric]:.4f}"
        for name, row in table.items()
        for metric in METRICS
        if name != "baseline" and row[metric] <= base[metric]
    ]
    yield Checked(
        "every_variant_beats_baseline",
        "Every variant beats the baseline on all four metrics",
        "all better on all metrics",
        f"{len(below)} exceptions",
        listed(below) or "no difference is zero or below",
        not below,
        f"{TEXT}; {TABLE}",
    )
    pairs = [
        ("gender_age", "age", "accuracy", "Gender adds to age (accuracy)", TEXT),
        ("alp_ldh", "alp", "precision", "LDH adds to ALP (precision)", TEXT),
        ("alp_ldh", "age", "accuracy", "ALP and LDH add more than age alone", CAPTION),
        ("alp", "age", "accuracy", "ALP adds more than age alone", CAPTION),
    ]
    for more, less, metric, statement, place in pairs:
        yield _beats(published, (more, less), metric, statement, place)


def _beats(
    published: Mapping[str, Any], pair: tuple[str, str], metric: str, statement: str, place: str
) -> Checked:
    (more, less), table = pair, published["table1_resnet18"]
    a, b = table[more][metric], table[less][metric]
    said = place == CAPTION
    return Checked(
        f"{more}_beats_{less}_{metric}",
        statement,
        f"{called(published, more)} above {called(published, less)}" if said else None,
        round(a - b, 6),
        f"{a:.4f} - {b:.4f} = {a - b:+.4f}",
        a > b,
        f"{place}; {TABLE}",
        note="the paper calls ALP and LDH the most efficient" if said else IMPLIED,
    )


def _coherence(published: Mapping[str, Any]) -> Iterator[Checked]:
    table, cohort = published["table1_resnet18"], published["cohort"]
    share = cohort["os_images"] / cohort["images"]
    found = {
        "accuracy": lambda p, r: accuracy_of(p, r, share),
        "f1": f1_of,
    }
    of = {"accuracy": f"precision, recall and {share:.4f} positive", "f1": "precision and recall"}
    for metric, function in found.items():
        values = {name: function(row["precision"], row["recall"]) for name, row in table.items()}
        bad = [
            name
            for name, row in table.items()
            if not overlap(
                around(row[metric], 4),
                reach(function, around(row["precision"], 4), around(row["recall"], 4)),
                FOLD_MEAN,
            )
        ]
        gap = max(abs(values[name] - row[metric]) for name, row in table.items())
        yield Checked(
            f"{metric}_agrees_with_precision_and_recall",
            f"The {called(published, metric)} of all {len(table)} rows goes with their "
            f"{of[metric]}",
            None,
            f"{len(table) - len(bad)} rows",
            listed(
                f"{called(published, name)} {value:.4f} ({table[name][metric]:.4f})"
                for name, value in values.items()
            )
            + f"; largest gap {gap:.4f}",
            not bad,
            TABLE,
            f"{rounding(4)}, and {FOLD_MEAN} because the rows may be means over folds",
            DERIVED,
        )


def _counts(published: Mapping[str, Any]) -> Iterator[Checked]:
    cohort, table = published["cohort"], published["table1_resnet18"]
    patients = [cohort["non_tumor_patients"], cohort["os_patients"]]
    images = [cohort["non_tumor_images"], cohort["os_images"]]
    yield total(
        "patients", "The classes add up to the patients", patients, cohort["patients"], DATA
    )
    yield total("images", "The classes add up to the images", images, cohort["images"], DATA)
    size = cohort["images"]
    hits = {name: counts_giving(row["accuracy"], size, 4) for name, row in table.items()}
    whole = [name for name, counts in hits.items() if counts]
    yield Checked(
        "accuracies_are_counts_of_images",
        f"Each accuracy is a number of right images over all {size}",
        None,
        f"{len(whole)} rows",
        listed(
            f"{row['accuracy']:.4f} x {size} = {row['accuracy'] * size:.2f}"
            + (f" -> {hits[name][0]}/{size}" if hits[name] else " -> no whole number")
            for name, row in table.items()
        ),
        len(whole) == len(table),
        TABLE,
        rounding(4, inputs=False),
        f"{DERIVED}; a mean over folds need be no such number",
    )


def _described(published: Mapping[str, Any]) -> Iterator[Checked]:
    table = published["table1_resnet18"]
    yield _times_larger(published)
    yield _times_more(published)
    yield Checked(
        "number_of_models",
        "The fusion models are the table's rows without the baseline",
        published["text"]["models"],
        len(table) - 1,
        f"{len(table)} - 1 = {len(table) - 1}",
        published["text"]["models"] == len(table) - 1,
        f"caption of Fig. 5; {TABLE}",
    )
    yield _schedule(published["protocol"])


def _times_larger(published: Mapping[str, Any]) -> Checked:
    images, patients = (published["cohort"][unit] for unit in ("images", "patients"))
    said = published["text"]["images_times_larger"]
    return Checked(
        "images_per_patient",
        "The number of images is larger than that of patients by about the printed times",
        said,
        round(images / patients, 4),
        f"{images}/{patients} = {images / patients:.2f}; read as {said} times as many: {said} x "
        f"{patients} = {said * patients}; read as {said} times more: {1 + said} x {patients} = "
        f"{(1 + said) * patients}",
        None,
        DATA,
        "none: about",
        f"{AMBIGUOUS}; the sum is near the second reading",
    )


def _times_more(published: Mapping[str, Any]) -> Checked:
    said = published["gradient_ratio_alp_over_ldh"]
    return Checked(
        "gradient_times_more",
        "ALP contributes the printed times more to the gradient than LDH",
        said,
        f"{said:g} or {1 + said:g}",
        f"read as times as much: {said:g}; read as times more: 1 + {said:g} = {1 + said:g}",
        None,
        "text beside Fig. 9",
        note=f"{AMBIGUOUS}; the ledger takes the first reading",
    )


def _schedule(protocol: Mapping[str, Any]) -> Checked:
    steps = len(protocol["lr_milestones"])
    last = protocol["lr"] * protocol["lr_gamma"] ** steps
    return Checked(
        "learning_rate_schedule",
        "The steps of the learning rate end at the printed minimum",
        protocol["min_lr"],
        round(last, 12),
        f"{protocol['lr']:g} x {protocol['lr_gamma']:g}^{steps} = {last:.0e}",
        abs(last - protocol["min_lr"]) < 1e-12,
        "Experimental setup",
    )


def _errors(published: Mapping[str, Any]) -> Iterator[Checked]:
    table, cohort = published["table1_resnet18"], published["cohort"]
    base, best = table["baseline"]["accuracy"], table["all"]["accuracy"]
    size = cohort["images"]
    wrong = [round((1 - value) * size) for value in (base, best)]
    yield Checked(
        "errors_halved",
        "All inputs leave at most half of the baseline's wrong images",
        None,
        round(wrong[1] / wrong[0], 4) if wrong[0] else 0.0,
        f"(1 - {base:.4f}) x {size} = {wrong[0]}; (1 - {best:.4f}) x {size} = {wrong[1]}; "
        f"{wrong[1]}/{wrong[0]} = {wrong[1] / max(wrong[0], 1):.2f}",
        wrong[1] <= 0.5 * wrong[0] + half_unit(0),
        TABLE,
        "half an image",
        DERIVED,
    )
    for unit in ("images", "patients"):
        yield _apart(base, best, cohort[unit], unit)


def _apart(base: float, best: float, size: int, unit: str) -> Checked:
    low, high = (wilson(value * size, size) for value in (base, best))
    return Checked(
        f"gain_beyond_chance_{unit}",
        f"The gain of all inputs exceeds the 95 % Wilson intervals if the {size} {unit} are the "
        "independent units",
        None,
        round(high.lo - low.hi, 6),
        f"{best:.4f} {_shown(high)} against {base:.4f} {_shown(low)}: "
        f"{high.lo:.4f} - {low.hi:.4f} = {high.lo - low.hi:+.4f}",
        high.lo > low.hi,
        f"{TABLE}; {DATA}",
        "95 % Wilson intervals that do not meet",
        DERIVED,
    )


def _shown(interval: Interval) -> str:
    return f"[{interval.lo:.3f}, {interval.hi:.3f}]"
