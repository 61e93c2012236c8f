"""What the patient page is made of: images in sequences in patients, each with its vote.

The rule is that of Liu et al. 2022 (Insights Imaging 13:87, Eq. 1 and the votes after it): every
image has P, the weighted sum of detector, sequence model and age; a sequence is called by the
majority of its images, a patient by the majority of the sequences. Votes are bool throughout: True
is the positive class, the last one (malignant).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
HALF, ROUNDING = 0.5, 1e-6
"""An image of P = 0.5 is called positive; sums are compared within `ROUNDING`."""
MAJORITY = "majority"
PARTS = ("part_det", "part_seq", "part_age")


@dataclass(frozen=True)
class ImageCase:
    """One image (slice) of a sequence.

    Attributes:
        slice: its number along the stack, 1 or more.
        d: the detector's share of malignant in its surest box, 0..1; None = no box on the image.
        p: weighted sum of Eq. 1, 0..1; None = the image has no vote.
        part_det: what detector, `part_seq` sequence model and `part_age` age contributed to `p`;
            they sum to it, and are 0 where a term dropped out.
        part_seq: see there.
        part_age: see there.
        vote: True = malignant; None = no vote.
        picture: the slice with its boxes, as data (`osteon.reporting.wff_gallery.picture_uri`);
            None = not to be shown.

    Raises:
        ValueError: a number outside 0..1, a vote without P or the reverse, a vote on the wrong side
            of 0.5, or contributions that do not sum to P.
    """

    slice: int
    d: float | None
    p: float | None
    part_det: float = 0.0
    part_seq: float = 0.0
    part_age: float = 0.0
    vote: bool | None = None
    picture: str | None = None

    def __post_init__(self) -> None:
        at = f"slice {self.slice}"
        for name, value in (("d", self.d), ("p", self.p), *zip(PARTS, self.parts, strict=True)):
            _within(f"{at}: {name}", value)
        if (self.p is None) != (self.vote is None):
            raise ValueError(f"{at}: p {self.p} with vote {self.vote} found, both or none allowed")
        if self.p is None:
            return
        if abs(sum(self.parts) - self.p) > ROUNDING:
            raise ValueError(
                f"{at}: contributions sum to {sum(self.parts):.6f}, p {self.p:.6f} needed"
            )
        if abs(self.p - HALF) > ROUNDING and self.vote != (self.p > HALF):
            raise ValueError(
                f"{at}: vote {self.vote} at p {self.p:.6f} found, True allowed from 0.5"
            )

    @property
    def parts(self) -> tuple[float, float, float]:
        """Contributions of detector, sequence model and age, in this order."""
        return self.part_det, self.part_seq, self.part_age


@dataclass(frozen=True)
class SequenceCase:
    """One series of a patient.

    Attributes:
        name: T1WI, T2WI, FS-T2WI ...; "" = not recognised.
        plane: sagittal, coronal, axial; "" = not known.
        images: all images of the series, voting or not, in slice order; one or more.
        m: the sequence model's number for malignant, 0..1; None = none.
        vote: True = malignant; None = the sequence abstains.
        score: mean P of its voting images, 0..1; None = it abstains.
        decided_by: "majority", "mean of a tie", "sequence model and age: no box" or "abstains".
        strip: the tube that the sequence model was given, with its Grad-CAM, as data; None = none.
        box_from: where the tube's place comes from: detected, other_series, whole, labelled, none.

    Raises:
        ValueError: no image; a number outside 0..1; a majority that its images do not have.
    """

    name: str
    plane: str
    images: tuple[ImageCase, ...]
    m: float | None
    vote: bool | None
    score: float | None
    decided_by: str = MAJORITY
    strip: str | None = None
    box_from: str = "detected"

    def __post_init__(self) -> None:
        if not self.images:
            raise ValueError(f"sequence {self.name!r}: no image found, 1 or more needed")
        _within(f"sequence {self.name!r}: m", self.m)
        _within(f"sequence {self.name!r}: score", self.score)
        if (self.score is None) != (self.vote is None):
            raise ValueError(
                f"sequence {self.name!r}: score {self.score} with vote {self.vote} found, both or "
                "none allowed"
            )
        if self.decided_by == MAJORITY:
            _majority(f"sequence {self.name!r}", self.vote, self.votes)

    @property
    def votes(self) -> tuple[bool, ...]:
        """Votes of the images that have one."""
        return tuple(one.vote for one in self.images if one.vote is not None)

    @property
    def middle(self) -> ImageCase | None:
        """The voting image in the middle by P, whose side of 0.5 is the majority's.

        Of an even number the one of the two that is on the side of the sequence's vote.
        """
        voting = [one for one in self.images if one.p is not None]
        return middle(voting, lambda one: one.p or 0.0, bool(self.vote))


@dataclass(frozen=True)
class PatientCase:
    """One patient of the page.

    Attributes:
        name: short pseudonym.
        truth: True = malignant, by the reference standard.
        call: True = called malignant.
        score: mean over the sequences of their mean P, 0..1.
        age: years as text; "89+" above 89, "not known".
        a: the age table's share of malignant at that age, 0..1; None = not known.
        location: one or more regions of the spine, as text; "" = not known.
        reason: why it is shown, for instance "a malignant tumour that was missed".
        sequences: all its sequences, at least one.
        decided_by: "majority", "mean of a tie", "age alone: no box" or
            "undecided: called malignant".

    Raises:
        ValueError: no sequence; a number outside 0..1; a majority that its sequences do not have.
    """

    name: str
    truth: bool
    call: bool
    score: float
    age: str
    a: float | None
    location: str
    reason: str
    sequences: tuple[SequenceCase, ...]
    decided_by: str = MAJORITY

    def __post_init__(self) -> None:
        if not self.sequences:
            raise ValueError(f"patient {self.name!r}: no sequence found, 1 or more needed")
        _within(f"patient {self.name!r}: score", self.score)
        _within(f"patient {self.name!r}: a", self.a)
        if self.decided_by == MAJORITY:
            _majority(f"patient {self.name!r}", self.call, self.votes)

    @property
    def votes(self) -> tuple[bool, ...]:
        """Votes of the sequences that have one."""
        return tuple(one.vote for one in self.sequences if one.vote is not None)

    @property
    def deciding(self) -> tuple[SequenceCase, ImageCase] | None:
        """The image in the middle of the sequence in the middle: its side is the patient's call.

        A majority vote is the side of the median, so this image decides in the plain sense; on a
        tie of votes, where the mean decides, it is the one of two on the side of the call. None if
        no sequence votes.
        """
        pairs = [
            (one, found)
            for one in self.sequences
            if one.vote is not None and (found := one.middle) is not None
        ]
        return middle(pairs, lambda pair: pair[1].p or 0.0, self.call)


def middle(items: Sequence[Item], key: Callable[[Item], float], upper: bool) -> Item | None:
    """The median item by `key`; of an even number the upper or lower of the two; None of none."""
    if not items:
        return None
    ordered = sorted(items, key=key)
    return ordered[len(ordered) // 2 if upper else (len(ordered) - 1) // 2]


def evenly(count: int, most: int, keep: int | None = None) -> list[int]:
    """Places of at most `most` of `count` items, from the first to the last at even distances.

    Args:
        count: items there are; most: 1 or more; keep: a place that must be among them; it takes the
            place of the nearest.

    Raises:
        ValueError: `most` below 1, or `keep` that is no place.
    """
    if most < 1:
        raise ValueError(f"most: {most} found, 1 or more allowed")
    if keep is not None and not 0 <= keep < count:
        raise ValueError(f"keep: {keep} found, 0 to {count - 1} allowed")
    if count <= most:
        return list(range(count))
    at = [round(k * (count - 1) / (most - 1)) for k in range(most)] if most > 1 else [count // 2]
    if keep is not None and keep not in at:
        at[min(range(most), key=lambda k: abs(at[k] - keep))] = keep
    return at


def _within(name: str, value: float | None) -> None:
    # NaN fails this comparison as well: a missing number is None.
    if value is not None and not -ROUNDING <= value <= 1 + ROUNDING:
        raise ValueError(f"{name}: {value} found, 0 to 1 or None allowed")


def _majority(name: str, vote: bool | None, votes: tuple[bool, ...]) -> None:
    """Refuse a vote that the page would have to call a majority although it is none."""
    positive, count = sum(votes), len(votes)
    if vote is None or 2 * positive == count or vote != (2 * positive > count):
        raise ValueError(
            f"{name}: decided by majority as {vote}, but {positive} of {count} votes are positive"
        )
