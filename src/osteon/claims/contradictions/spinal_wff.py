"""The sums of the WFF paper."""

from collections.abc import Iterator, Mapping
from typing import Any

from osteon.claims.contradictions.spinal_wff_age import counts, gain_of_age
from osteon.claims.contradictions.sums import (
    DERIVED,
    IMPLIED,
    Checked,
    called,
    listed,
    rounding,
    total,
)
from osteon.measures.intervals import wilson

FUSION, DOCTORS, DATA = "Table 3", "Table 4", "Image data, Table 1"
# Channels of the four stages of a ResNeXt101, at 1/4 to 1/32 of the image's side.
TRUNK = [256, 512, 1024, 2048]


def check(published: Mapping[str, Any]) -> list[Checked]:
    """All sums of the paper.

    Args:
        published: the block that `osteon.claims.published.read_published` gives.
    """
    return [
        *_whole_patients(published),
        *_against_doctors(published),
        *gain_of_age(published),
        *_time(published),
        *_shift(published),
        *_per_patient(published),
        *_labelled(published),
        *_cohort(published),
        _channels(published),
    ]


def _whole_patients(published: Mapping[str, Any]) -> Iterator[Checked]:
    test = published["cohort"]["test"]
    for block, where in (("table3", FUSION), ("table4", DOCTORS)):
        table = published[block]
        found = {name: counts(published, row) for name, row in table.items()}
        good = [name for name, ways in found.items() if ways]
        yield Checked(
            f"whole_patients_{block}",
            f"Whole patients give SE, SP and ACC of all {len(table)} rows of {where}",
            None,
            f"{len(good)} rows",
            listed(
                f"{called(published, name)}: {ways[0][0]}/{test['malignant']}, "
                f"{ways[0][1]}/{test['benign']}, "
                f"({ways[0][0]} + {ways[0][1]})/{test['patients']} = "
                f"{sum(ways[0]) / test['patients']:.4f}"
                if ways
                else f"{called(published, name)}: no whole numbers"
                for name, ways in found.items()
            ),
            len(good) == len(table),
            where,
            rounding(3, inputs=False),
            DERIVED,
        )


def _against_doctors(published: Mapping[str, Any]) -> Iterator[Checked]:
    table = published["table4"]
    for with_age in ("mri", "mri_age"):
        ours, shown = table[f"wff_{with_age}"], called(published, with_age)
        for doctor, gain in published["gains_vs_doctors_pp"][with_age].items():
            theirs = table[f"{doctor}_{with_age}"]["acc"]
            found = 100 * (ours["acc"] - theirs)
            yield Checked(
                f"gain_over_{doctor}_{with_age}",
                f"The accuracy of WFF exceeds that of {doctor.upper()} by the printed points "
                f"({shown})",
                gain,
                round(found, 4),
                f"{100 * ours['acc']:.1f} - {100 * theirs:.1f} = {found:.1f}",
                round(found, 1) == round(gain, 1),
                f"text beside {DOCTORS}",
            )
        for metric in ("se", "sp"):
            rivals = [table[f"{doctor}_{with_age}"][metric] for doctor in ("d1", "d2")]
            yield Checked(
                f"{metric}_above_d1_and_d2_{with_age}",
                f"The {metric.upper()} of WFF is higher than that of D1 and D2 ({shown})",
                "higher",
                round(ours[metric] - max(rivals), 4),
                listed(
                    f"{ours[metric]:.3f} - {rival:.3f} = {ours[metric] - rival:+.3f}"
                    for rival in rivals
                ),
                all(ours[metric] > rival for rival in rivals),
                f"text beside {DOCTORS}",
            )


def _time(published: Mapping[str, Any]) -> Iterator[Checked]:
    seconds = published["table4_seconds"]
    without, with_age = seconds["wff_mri"], seconds["wff_mri_age"]
    yield Checked(
        "age_takes_time",
        "The system that looks up the age as well takes no less time",
        with_age,
        without,
        f"{with_age:.3f} - {without:.3f} = {with_age - without:+.3f} s",
        with_age >= without,
        DOCTORS,
        note="printed are the times; the statement is our derivation, implied and not said",
    )
    limit = published["text"]["wff_seconds_below"]
    yield Checked(
        "under_a_second",
        "WFF takes less than the printed seconds a patient",
        limit,
        max(without, with_age),
        f"max({without:.3f}, {with_age:.3f}) = {max(without, with_age):.3f} s",
        max(without, with_age) < limit,
        f"text beside {DOCTORS}",
    )


def _shift(published: Mapping[str, Any]) -> Iterator[Checked]:
    cohort = published["cohort"]
    shares = {
        name: (part["malignant"], part["patients"])
        for name, part in (("all", cohort), ("train", cohort["train"]), ("test", cohort["test"]))
    }
    share = {name: malignant / size for name, (malignant, size) in shares.items()}
    band = wilson(shares["test"][0], shares["test"][1])
    yield Checked(
        "test_represents_all",
        "The test set is like the whole cohort (share of malignant patients)",
        "{} of {}".format(*shares["all"]),
        "{} of {}".format(*shares["test"]),
        listed(f"{name} {a}/{b} = {share[name]:.3f}" for name, (a, b) in shares.items())
        + f"; 95 % interval of the test set [{band.lo:.3f}, {band.hi:.3f}]",
        band.lo <= share["all"] <= band.hi,
        "Comparison of different vertebral locations; Table 1",
        "95 % Wilson interval of the test set",
    )


def _per_patient(published: Mapping[str, Any]) -> Iterator[Checked]:
    cohort, text = published["cohort"], published["text"]
    pairs = (
        ("sequences_per_patient", "sequences", "patients"),
        ("images_per_sequence", "images", "sequences"),
    )
    for name, many, few in pairs:
        parts = [("all", cohort), ("train", cohort["train"]), ("test", cohort["test"])]
        ratio = cohort[many] / cohort[few]
        yield Checked(
            name,
            f"There are on average {text[name]} {name.replace('_', ' ').replace('per', 'a')}",
            text[name],
            round(ratio, 4),
            listed(
                f"{label} {part[many]}/{part[few]} = {part[many] / part[few]:.2f}"
                for label, part in parts
            ),
            round(ratio) == text[name],
            DATA,
            "rounding to a whole number",
        )


def _labelled(published: Mapping[str, Any]) -> Iterator[Checked]:
    cohort = published["cohort"]
    train = cohort["train"]
    each = {name: train[f"{name}_images"] / train[name] for name in ("malignant", "benign")}
    yield Checked(
        "equal_images_per_class",
        "Patients of both classes have equally many training images, so that votes weigh the same",
        None,
        f"{each['malignant']:.1f} malignant, {each['benign']:.1f} benign",
        listed(
            f"{name} {train[f'{name}_images']}/{train[name]} = {value:.1f}"
            for name, value in each.items()
        ),
        abs(each["malignant"] / each["benign"] - 1) <= 0.1,
        DATA,
        "a tenth",
        IMPLIED,
    )
    slices, average = published["protocol"]["n_slices"], cohort["images"] / cohort["sequences"]
    yield Checked(
        "slices_repeated",
        "An average sequence has fewer labelled images than the sequence model takes, so that some "
        "are repeated",
        slices,
        round(average, 4),
        f"{slices} - {average:.2f} = {slices - average:.2f} images to be repeated",
        average < slices,
        f"Comparison of different fusion strategies; {DATA}",
    )


def _cohort(published: Mapping[str, Any]) -> Iterator[Checked]:
    cohort = published["cohort"]
    train, test, locations = cohort["train"], cohort["test"], cohort["locations"]
    places = [value for name, value in locations.items() if name != "total"]
    sums = [
        ("classes", [cohort["benign"], cohort["malignant"]], cohort["patients"]),
        ("sexes", [cohort["female"], cohort["male"]], cohort["patients"]),
        ("parts", [train["patients"], test["patients"]], cohort["patients"]),
        ("images", [train["images"], test["images"]], cohort["images"]),
        ("sequences", [train["sequences"], test["sequences"]], cohort["sequences"]),
        ("locations", places, locations["total"]),
    ]
    for name, part in (("train", train), ("test", test)):
        sums.append((f"{name}_classes", [part["benign"], part["malignant"]], part["patients"]))
        halves = [part["benign_images"], part["malignant_images"]]
        sums.append((f"{name}_images", halves, part["images"]))
    for name, parts, printed in sums:
        statement = f"The parts add up: {name.replace('_', ' ')}"
        yield total(f"sum_{name}", statement, parts, printed, DATA)
    extra = sum(places) - cohort["patients"]
    yield Checked(
        "one_location_a_patient",
        "Each patient is counted in one location, so that error rates have one denominator",
        cohort["patients"],
        sum(places),
        f"{' + '.join(map(str, places))} = {sum(places)}; {sum(places)} - {cohort['patients']} = "
        f"{extra}",
        extra == 0,
        "Table 2",
        note="printed are the counts; the statement is our derivation, implied and not said",
    )


def _channels(published: Mapping[str, Any]) -> Checked:
    printed = published["protocol"]["pyramid_channels"]
    strides = published["protocol"]["pyramid_strides"]
    here = [f"{a} at 1/{b}" for a, b in zip(printed, strides, strict=False)]
    there = [f"{a} at 1/{b}" for a, b in zip(TRUNK, strides, strict=False)]
    return Checked(
        "channels_of_the_trunk",
        "The feature maps have the numbers of channels of a ResNeXt101",
        ", ".join(here),
        ", ".join(there),
        listed(
            f"1/{stride}: {a} against {b}, {a}/{b} = {a / b:g}"
            for stride, a, b in zip(strides, printed, TRUNK, strict=False)
        ),
        list(printed[: len(TRUNK)]) == TRUNK,
        "Detection model",
    )
