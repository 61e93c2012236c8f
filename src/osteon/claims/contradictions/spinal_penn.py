"""The sums of the PENN paper."""

from collections.abc import Iterator, Mapping
from typing import Any

from osteon.claims.contradictions.sums import (
    DERIVED,
    Checked,
    accuracy_of,
    around,
    called,
    f1_of,
    listed,
    overlap,
    prevalence_of,
    reach,
    rounding,
    total,
)

ONE, TWO, TRAINING, BALANCE = "Table 1", "Table 2", "section 3.3", "section 2.2"
ADULT = 18
PACE = 1000  # updates a second: our assumption, the paper prints none
FULL = ("precision", "recall", "accuracy", "f1")


def check(published: Mapping[str, Any]) -> list[Checked]:
    """All sums of the paper.

    Args:
        published: the block that `osteon.claims.published.read_published` gives.
    """
    return [
        *_patches(published),
        *_table1(published),
        *_table2(published),
        *_prevalence(published),
        *_setting(published),
        *_time(published["protocol"]),
    ]


def iou_of(dice: float) -> float:
    """Intersection over union of one mask with this Dice coefficient."""
    return dice / (2 - dice)


def _patches(published: Mapping[str, Any]) -> Iterator[Checked]:
    protocol = published["protocol"]
    patches, batch = protocol["patches"], protocol["batch"]
    classes = [patches["tumor"], patches["non_tumor"]]
    statement = "The classes add up to the number of patches"
    yield total("patches", statement, classes, patches["total"], TRAINING)
    share, said = patches["tumor"] / sum(classes), protocol["ratio_after"]["tumor"]
    yield Checked(
        "tumour_share",
        "The share of tumour patches is the one that balancing is said to give",
        said,
        round(share, 4),
        f"{classes[0]}/({classes[0]} + {classes[1]}) = {share:.3f}",
        overlap(around(said, 1), (share, share)),
        f"{BALANCE}; {TRAINING}",
        rounding(1, inputs=False),
    )
    held, wanted = patches["validation"] / patches["total"], 1 - protocol["train_share"]
    yield Checked(
        "validation_share",
        f"Validation is what {protocol['train_share']:.0%} for training leave of the patches",
        patches["validation"],
        round(wanted * patches["total"]),
        f"{patches['validation']}/{patches['total']} = {held:.3f}; 1 - "
        f"{protocol['train_share']:.1f} = {wanted:.1f}",
        overlap(around(wanted, 2), (held, held)),
        TRAINING,
        rounding(2, inputs=False),
    )
    yield from _batches(protocol, patches, batch)
    after = protocol["ratio_after"]
    yield Checked(
        "equal_numbers",
        "Balancing draws equally many patches of both classes",
        "equal numbers",
        f"{after['non_tumor']:.1f} to {after['tumor']:.1f}",
        f"{after['non_tumor']:.1f} - {after['tumor']:.1f} = "
        f"{after['non_tumor'] - after['tumor']:.1f}",
        after["tumor"] == after["non_tumor"],
        f"introduction and methods; {BALANCE}",
    )


def _batches(
    protocol: Mapping[str, Any], patches: Mapping[str, int], batch: int
) -> Iterator[Checked]:
    train, held = protocol["train_minibatches"] * batch, protocol["val_minibatches"] * batch
    text = (
        f"{protocol['train_minibatches']} x {batch} = {train}; {protocol['val_minibatches']} x "
        f"{batch} = {held}; {train} + {held} = {train + held}"
    )
    for name, printed, what in (
        ("total", [patches["total"]], "the total"),
        ("classes", [patches["tumor"], patches["non_tumor"]], "the sum of the classes"),
    ):
        size = sum(printed)
        yield Checked(
            f"batches_against_{name}",
            f"The mini-batches hold as many patches as {what}",
            printed[0] if len(printed) == 1 else " + ".join(map(str, printed)),
            train + held,
            text if len(printed) == 1 else f"{text}; {' + '.join(map(str, printed))} = {size}",
            # The last batch of each part may be short.
            train + held - 2 * batch < size <= train + held,
            TRAINING,
            "short last batches",
        )
    yield Checked(
        "batches_of_validation",
        "The mini-batches of validation hold its patches",
        patches["validation"],
        held,
        f"{protocol['val_minibatches']} x {batch} = {held}",
        held - batch < patches["validation"] <= held,
        TRAINING,
        "a short last batch",
    )
    share = train / (train + held)
    yield Checked(
        "batches_split",
        f"{protocol['train_share']:.0%} of the mini-batches are for training",
        protocol["train_share"],
        round(share, 4),
        f"{train}/({train} + {held}) = {share:.4f}",
        overlap(around(protocol["train_share"], 2), (share, share)),
        TRAINING,
        rounding(2, inputs=False),
    )


def _table1(published: Mapping[str, Any]) -> Iterator[Checked]:
    for name, row in published["table1"].items():
        value = f1_of(row["precision"], row["recall"])
        ends = reach(f1_of, around(row["precision"], 1), around(row["recall"], 1))
        yield Checked(
            f"f1_{name}",
            f"F1 is the harmonic mean of precision and recall ({called(published, name)})",
            row["f1"],
            round(value, 4),
            f"2 x {row['precision']:.1f} x {row['recall']:.1f}/({row['precision']:.1f} + "
            f"{row['recall']:.1f}) = {value:.2f}; {row['f1']:.1f} - {value:.2f} = "
            f"{row['f1'] - value:+.2f}",
            overlap(around(row["f1"], 1), ends),
            ONE,
            rounding(1),
        )
    ours, other = published["table1"]["penn"], published["table1"]["multiresunet_or_plain_sae"]
    yield Checked(
        "penn_superior",
        "PENN is superior to MultiResUNet in all metrics",
        "superior in all metrics",
        round(min(ours[key] - other[key] for key in ours), 4),
        listed(
            f"{called(published, key)} {ours[key]:.1f} - {other[key]:.1f} = "
            f"{ours[key] - other[key]:+.1f}"
            for key in ours
        ),
        all(ours[key] > other[key] for key in ours),
        ONE,
    )


def _table2(published: Mapping[str, Any]) -> Iterator[Checked]:
    table = published["table2"]
    for name, row in table.items():
        f1, iou, dice = row["f1"], row["iou"], row["dice"]
        yield Checked(
            f"dice_is_f1_{name}",
            f"Dice is F1, as on the same pixels ({called(published, name)})",
            dice,
            f1,
            f"{dice:.1f} - {f1:.1f} = {dice - f1:+.1f}",
            overlap(around(dice, 1), around(f1, 1)),
            TWO,
            rounding(1),
        )
        pooled = 100 * iou_of(dice / 100)
        lo, hi = reach(lambda value: 100 * iou_of(value / 100), around(dice, 1))
        yield Checked(
            f"iou_from_dice_{name}",
            f"IoU goes with Dice, as on pooled pixels ({called(published, name)})",
            iou,
            round(pooled, 4),
            f"{dice / 100:.3f}/(2 - {dice / 100:.3f}) = {pooled / 100:.3f}; {iou:.1f} - "
            f"{pooled:.1f} = {iou - pooled:+.1f}",
            overlap(around(iou, 1), (lo, hi)),
            TWO,
            rounding(1),
        )
        yield Checked(
            f"iou_possible_{name}",
            f"IoU is one that means over images with this Dice allow ({called(published, name)})",
            iou,
            f"{pooled:.1f} to {dice:.1f}",
            f"{pooled:.1f} <= {iou:.1f} <= {dice:.1f}",
            overlap(around(iou, 1), (lo, around(dice, 1)[1])),
            TWO,
            f"{rounding(1)}; IoU is convex in Dice",
        )
    yield _ranks(published)


def _ranks(published: Mapping[str, Any]) -> Checked:
    table = published["table2"]
    better, worse = table["d_tvnet"], table["unet"]
    signs = {key: better[key] - worse[key] for key in ("f1", "iou", "dice")}
    return Checked(
        "ranks_of_d_tvnet_and_unet",
        "F1, IoU and Dice rank D-TVNet and U-Net alike, as on the same pixels",
        None,
        "one order" if len({value > 0 for value in signs.values()}) == 1 else "two orders",
        listed(
            f"{called(published, key)} {better[key]:.1f} - {worse[key]:.1f} = {value:+.1f}"
            for key, value in signs.items()
        ),
        len({value > 0 for value in signs.values()}) == 1,
        TWO,
        note=DERIVED,
    )


def _prevalence(published: Mapping[str, Any]) -> Iterator[Checked]:
    natural = published["protocol"]["ratio_before"]["tumor"]
    for name, row in published["table1"].items():
        precision, recall, accuracy = (row[key] / 100 for key in FULL[:3])
        found = prevalence_of(accuracy, precision, recall)
        ranges = [around(value, 3) for value in (accuracy, precision, recall)]
        wanted = accuracy_of(precision, recall, natural)
        yield Checked(
            f"test_prevalence_{name}",
            f"The patches tested are the unbalanced ones ({called(published, name)})",
            natural,
            round(found, 4),
            f"(1 - {accuracy:.3f})/((1 - {recall:.3f}) + {recall:.3f} x (1 - {precision:.3f})/"
            f"{precision:.3f}) = {found:.3f} positive; at {natural:.2f} accuracy would be "
            f"{100 * wanted:.1f}",
            overlap(around(natural, 2), reach(prevalence_of, *ranges)),
            f"{BALANCE}; {ONE}",
            rounding(1),
            "the paper gives this share before balancing, and does not say which patches it tested",
        )


def _setting(published: Mapping[str, Any]) -> Iterator[Checked]:
    cohort, protocol = published["cohort"], published["protocol"]
    youngest = cohort["age_min"]
    yield Checked(
        "adults",
        f"All patients are adults ({ADULT} years or more, which is our limit)",
        "adults",
        youngest,
        f"{youngest} - {ADULT} = {youngest - ADULT:+d} years",
        youngest >= ADULT,
        "section 3.1",
    )
    slices, tag = cohort["acquisition"]["slices"], cohort["acquisition"]["image_tag"][1]
    yield Checked(
        "slices",
        "The scan has as many slices as its image tag counts",
        slices,
        tag,
        f"{tag} - {slices} = {tag - slices}",
        slices == tag,
        "section 3.1; caption of Fig. 5",
    )
    sides = protocol["patch"]
    yield Checked(
        "inputs",
        "A patch has as many pixels as the network has inputs",
        protocol["inputs"],
        sides[0] * sides[1],
        f"{sides[0]} x {sides[1]} = {sides[0] * sides[1]}",
        protocol["inputs"] == sides[0] * sides[1],
        "sections 2.1 and 3.3",
    )


def _time(protocol: Mapping[str, Any]) -> Iterator[Checked]:
    updates = (
        protocol["pretrain_epochs"] * protocol["train_minibatches"] * protocol["hidden_layers"]
    )
    seconds = 3600 * protocol["train_hours"]
    yield Checked(
        "training_time",
        f"The printed time holds pretraining at up to {PACE} updates a second",
        None,
        round(updates / seconds, 2),
        f"{protocol['pretrain_epochs']} x {protocol['train_minibatches']} x "
        f"{protocol['hidden_layers']} = {updates} updates; {updates}/({protocol['train_hours']} x "
        f"3600) = {updates / seconds:.0f} a second",
        updates / seconds <= PACE,
        "section 3.3; discussion",
        "what one GPU could do with so small a network",
        f"{DERIVED}; the limit of {PACE} a second is our assumption",
    )
