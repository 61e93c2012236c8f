"""The sums of the SMSDNet paper."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from osteon.claims.contradictions.sums import (
    IMPLIED,
    Checked,
    around,
    between,
    called,
    counts_giving,
    half_unit,
    hanley_mcneil,
    listed,
    overlap,
    rounding,
    said_alike,
    sd_possible,
    total,
)

TABLE, DATA, MODEL = "Table 1", "section 2.6", "section 2.4"
ROWS = {"osteosarcoma": "osteosarcoma", "giant_cell_tumor": "gct"}
Z = 1.96
PURE = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}


def check(published: Mapping[str, Any]) -> list[Checked]:
    """All sums of the paper.

    Args:
        published: the block that `osteon.claims.published.read_published` gives.
    """
    return [
        *_auc(published),
        *_rows(published),
        *_mirror(published),
        *_overall(published),
        *_width(published),
        *_whole_numbers(published),
        *_architecture(published),
        *_cohort(published),
    ]


def _auc(published: Mapping[str, Any]) -> Iterator[Checked]:
    table = published["table1"]
    for name, row in table.items():
        ends = (row["ci95"][0], row["ci95"][1])
        statement = f"The AUC lies in its own 95 % interval ({called(published, name)})"
        one = between(f"auc_in_interval_{name}", statement, row["auc"], ends, TABLE, 3)
        middle = f"middle ({ends[0]:.3f} + {ends[1]:.3f})/2 = {sum(ends) / 2:.4f}"
        yield replace(one, sum=listed([one.sum, middle]))
    later, first = published["discussion"]["auc_os"], table["osteosarcoma"]["auc"]
    yield Checked(
        "auc_of_the_discussion",
        "The discussion's AUC of osteosarcoma is the table's",
        later,
        first,
        f"{later:.3f} - {first:.3f} = {later - first:.3f}",
        round(later, 3) == round(first, 3),
        f"discussion; {TABLE}",
    )
    ends = (table["osteosarcoma"]["ci95"][0], table["osteosarcoma"]["ci95"][1])
    statement = "The discussion's AUC of osteosarcoma lies in the printed interval"
    yield between("discussion_auc_in_interval", statement, later, ends, f"discussion; {TABLE}", 3)


def _rows(published: Mapping[str, Any]) -> Iterator[Checked]:
    for name, row in published["table1"].items():
        se, sp, accuracy = row["sensitivity"], row["specificity"], row["accuracy"]
        one = between(
            f"accuracy_between_{name}",
            f"Accuracy lies between sensitivity and specificity ({called(published, name)})",
            accuracy,
            (se, sp),
            TABLE,
            3,
        )
        if se != sp:
            share = (accuracy - sp) / (se - sp)
            weight = f"({accuracy:.3f} - {sp:.3f})/({se:.3f} - {sp:.3f}) = {share:.3f} positive"
            one = replace(one, sum=listed([one.sum, weight]))
        yield one


def _mirror(published: Mapping[str, Any]) -> Iterator[Checked]:
    """One classifier of two classes is described, so that one row is the other turned round."""
    a, b = published["table1"]["osteosarcoma"], published["table1"]["giant_cell_tumor"]
    pairs = {"auc": "auc", "sensitivity": "specificity", "specificity": "sensitivity"}
    for mine, other in (pairs | {"accuracy": "accuracy"}).items():
        yield Checked(
            f"mirror_{mine}",
            f"The {called(published, mine)} for osteosarcoma is the {called(published, other)} for "
            "giant cell tumour, as it is for one model of two classes",
            a[mine],
            b[other],
            f"{a[mine]:.3f} - {b[other]:.3f} = {a[mine] - b[other]:+.3f}",
            round(a[mine], 3) == round(b[other], 3),
            TABLE,
        )


def _overall(published: Mapping[str, Any]) -> Iterator[Checked]:
    overall = published["abstract"]["overall_accuracy"]
    values = [row["accuracy"] for row in published["table1"].values()]
    lo, hi = min(values), max(values)
    yield Checked(
        "overall_accuracy",
        "The overall accuracy of the abstract lies between the accuracies of the table",
        overall,
        f"{lo:.3f} to {hi:.3f}",
        f"mean ({' + '.join(f'{value:.3f}' for value in values)})/{len(values)} = "
        f"{sum(values) / len(values):.4f}; {overall:.4f} - {hi:.3f} = {overall - hi:+.4f}",
        overlap(around(overall, 4), (lo - half_unit(3), hi + half_unit(3))),
        f"abstract; {TABLE}",
        rounding(3),
    )


def _test_group(published: Mapping[str, Any]) -> tuple[int, int, int]:
    """Patients of the test group, and of each class if the split kept the classes' shares."""
    cohort = published["cohort"]
    size = round(published["protocol"]["split"][1] * cohort["patients"])
    sarcoma = round(size * cohort["osteosarcoma"] / cohort["patients"])
    return size, sarcoma, size - sarcoma


def _units(auc: float, half: float, share: float) -> int:
    """The smallest group whose interval is as narrow as `half` on either side."""
    for size in range(20, 100_000):
        positives = round(size * share)
        if Z * hanley_mcneil(auc, positives, size - positives) <= half:
            return size
    return 100_000


def _width(published: Mapping[str, Any]) -> Iterator[Checked]:
    cohort = published["cohort"]
    size, sarcoma, giant = _test_group(published)
    for name, row in published["table1"].items():
        positives, negatives = (sarcoma, giant) if name == "osteosarcoma" else (giant, sarcoma)
        lo, hi = row["ci95"]
        expected = Z * hanley_mcneil(row["auc"], positives, negatives)
        turned = Z * hanley_mcneil(row["auc"], negatives, positives)
        share = cohort[ROWS[name]] / cohort["patients"]
        needed = [_units(auc, (hi - lo) / 2, share) for auc in (row["auc"], (lo + hi) / 2)]
        yield Checked(
            f"interval_width_{name}",
            f"The interval of the AUC is as wide as {size} patients make it "
            f"({called(published, name)})",
            f"{lo:.3f} to {hi:.3f}",
            f"half as wide: {(hi - lo) / 2:.4f}; expected {expected:.4f}",
            f"1.96 x SE({row['auc']:.3f}; {positives} positive, {negatives} negative) = "
            f"{expected:.3f} ({turned:.3f} the other way round); printed ({hi:.3f} - {lo:.3f})/2 "
            f"= {(hi - lo) / 2:.4f}, which takes {needed[0]} units ({needed[1]} at the interval's "
            "middle)",
            (hi - lo) / 2 >= 0.8 * min(expected, turned),
            f"{TABLE}; {DATA}",
            "a fifth narrower; standard error by Hanley and McNeil",
        )


def solutions(row: Mapping[str, float], size: int) -> list[tuple[int, int, int, int]]:
    """(true positives, positives, true negatives, negatives) that give a row's Se and Sp."""
    return [
        (true, positives, right, size - positives)
        for positives in range(1, size)
        for true in counts_giving(row["sensitivity"], positives, 3)
        for right in counts_giving(row["specificity"], size - positives, 3)
    ]


def _whole_numbers(published: Mapping[str, Any]) -> Iterator[Checked]:
    group = published["protocol"]["split"][1] * published["cohort"]["patients"]
    sizes = sorted({int(group), round(group)})
    for name, row in published["table1"].items():
        found = [one for size in sizes for one in solutions(row, size)]
        accurate = [one for one in found if _accurate(one, row["accuracy"])]
        yield Checked(
            f"whole_patients_{name}",
            f"Whole patients of a test group of {' or '.join(map(str, sizes))} give sensitivity, "
            f"specificity and accuracy ({called(published, name)})",
            row["accuracy"],
            f"{len(accurate)} ways",
            listed(
                f"{true}/{positives} and {right}/{negatives}, accuracy "
                f"({true} + {right})/{positives + negatives} = "
                f"{(true + right) / (positives + negatives):.3f}"
                for true, positives, right, negatives in found
            )
            or f"no whole numbers give {row['sensitivity']:.3f} and {row['specificity']:.3f}",
            bool(accurate),
            f"{TABLE}; {DATA}",
            rounding(3, inputs=False),
        )


def _accurate(one: tuple[int, int, int, int], accuracy: float) -> bool:
    true, positives, right, negatives = one
    value = (true + right) / (positives + negatives)
    return overlap((value, value), around(accuracy, 3))


def hue(colour: tuple[float, float, float], offsets: list[float]) -> float:
    """Hue in degrees of one saturated colour by the paper's Eq. 3 with these offsets."""
    red, green, blue = colour
    top = max(range(3), key=lambda channel: colour[channel])
    difference = (green - blue, blue - red, red - green)[top]
    return 60 * (difference / (max(colour) - min(colour)) + offsets[top])


def _architecture(published: Mapping[str, Any]) -> Iterator[Checked]:
    protocol = published["protocol"]
    layers, channels = protocol["layers_per_block"], protocol["map_channels"]
    yield Checked(
        "inputs_of_a_layer",
        "Earlier maps summed (Eq. 6) and put behind one another (the text) are one input",
        None,
        f"{channels} against {layers * channels} channels",
        f"the sum of {layers} maps: {channels} channels; {layers} maps behind one another: "
        f"{layers} x {channels} = {layers * channels}",
        layers * channels == channels,
        "Eq. 6; section 2.4",
        note=IMPLIED,
    )
    pooling = published["text"]["pooling"]
    yield said_alike("pooling_kinds", "One kind of pooling stands between the blocks", pooling)
    hues = {name: hue(rgb, protocol["hue_offsets"]) for name, rgb in PURE.items()}
    yield Checked(
        "hues_differ",
        "Pure red, green and blue have different hues",
        None,
        f"{len(set(hues.values()))} of {len(PURE)}",
        listed(
            f"{name}: 60 x (0/1 + {protocol['hue_offsets'][index]:g}) = {value:g}"
            for index, (name, value) in enumerate(hues.items())
        ),
        len(set(hues.values())) == len(PURE),
        "Eq. 3",
        note=IMPLIED,
    )
    for name, halvings in (("f13", 3), ("f14", 4)):
        side = protocol["width"] / 2**halvings
        yield Checked(
            f"side_of_{name}",
            f"{halvings} poolings lead from the input to the printed side of {name.upper()}",
            protocol[name],
            side,
            f"{protocol['width']}/2^{halvings} = {side:g}",
            side == protocol[name],
            MODEL,
        )


def _cohort(published: Mapping[str, Any]) -> Iterator[Checked]:
    cohort = published["cohort"]
    size = cohort["recruited"] - cohort["excluded_quality"]
    yield Checked(
        "included",
        "Recruited less excluded is the number included",
        cohort["patients"],
        size,
        f"{cohort['recruited']} - {cohort['excluded_quality']} = {size}",
        size == cohort["patients"],
        DATA,
    )
    classes, sexes = [cohort["osteosarcoma"], cohort["gct"]], [cohort["male"], cohort["female"]]
    yield total("classes", "The classes add up to the cohort", classes, cohort["patients"], DATA)
    yield total("sexes", "The sexes add up to the recruited", sexes, cohort["recruited"], DATA)
    age = {key: cohort[f"age_{key}"] for key in ("mean", "sd", "min", "max")}
    yield sd_possible("age_sd", "age", age, DATA)
