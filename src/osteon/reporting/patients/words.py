"""What the patient page says of numbers and votes, in whole sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from osteon.reporting.patients.cases import (
    HALF,
    MAJORITY,
    ROUNDING,
    ImageCase,
    PatientCase,
    SequenceCase,
)

TERMS = ("detector", "sequence model", "age")
SYMBOLS = ("D", "M", "A")
BOX_FROM = {
    "detected": "the largest box found in this sequence",
    "other_series": "a box found in another sequence of this patient, as this one has none",
    "whole": "the whole image, as no box was found",
    "labelled": "the largest box that a reader drew",
    "none": "no place, as no box was found",
}
"""Where the tube of the sequence model comes from, in words."""


def number(value: float | None) -> str:
    """0.834 → "0.83"; "–" for None.

    A value that would read 0.50 without being it gets the digits that show its side, up to four.
    """
    if value is None:
        return "–"
    for digits in (2, 3, 4):
        shown = f"{value:.{digits}f}"
        if float(shown) != HALF or abs(value - HALF) < 1e-9:
            break
    return shown


def counted(count: int, what: str) -> str:
    """`1 image`, `2 images`, `no image`."""
    return f"{count or 'no'} {what}{'' if count <= 1 else 's'}"


@dataclass(frozen=True)
class Words:
    """Sentences about votes, for two classes.

    Attributes:
        negative: the first class in words; positive: the last one (malignant).
        lambdas: weights of detector, sequence model and age.
    """

    negative: str
    positive: str
    lambdas: tuple[float, float, float]

    def side(self, vote: bool | None) -> str:
        """A vote as the name of its class; "no vote" without one."""
        return "no vote" if vote is None else self.positive if vote else self.negative

    def letter(self, vote: bool | None) -> str:
        """B or M; "–" without a vote."""
        return "–" if vote is None else self.side(vote)[:1].upper()

    def sequence(self, one: SequenceCase, a: float | None) -> str:
        """How the images of a sequence made its vote; `a` of its patient."""
        votes, silent = one.votes, len(one.images) - len(one.votes)
        if one.vote is None:
            absent = zip(self.lambdas, ("no box", "no number of the sequence model"), strict=False)
            missing = " and ".join(what for weight, what in absent if weight > 0)
            return f"{missing[:1].upper()}{missing[1:]}: this sequence abstains."
        if "no box" in one.decided_by:
            return f"No box on any image: {self._alone(one, a)} {self.side(one.vote)}."
        if self.lambdas[0] == 0:
            says = "Its image says" if len(votes) == 1 else f"All {len(votes)} images say"
            return f"{says} {self.side(one.vote)}: without the detector they have one P in common."
        said = self._majority(votes, one.vote, "image", one.decided_by, one.score)
        if silent:
            said += f" {counted(silent, 'image')} without a box {_does(silent)} not vote."
        return said

    def patient(self, case: PatientCase) -> str:
        """How the sequences made the call."""
        votes, silent = case.votes, len(case.sequences) - len(case.votes)
        call = self.side(case.call)
        if "age alone" in case.decided_by:
            return f"No sequence has a vote: the age alone says {call}."
        if "undecided" in case.decided_by:
            return f"Nothing has a vote: undecided, and called {call} to be safe."
        said = self._majority(votes, case.call, "sequence", case.decided_by, case.score)
        if silent:
            said += f" {counted(silent, 'sequence')} {'abstains' if silent == 1 else 'abstain'}."
        return said

    def _alone(self, one: SequenceCase, a: float | None) -> str:
        """Who speaks for a sequence without a box: `the sequence model and the age alone say`."""
        left = [TERMS[k] for k, _ in self.terms(one.images[0], one.m, a) if k > 0]
        return f"the {' and the '.join(left)} alone {_say(len(left))}"

    def _majority(
        self, votes: Sequence[bool], vote: bool, what: str, decided_by: str, score: float | None
    ) -> str:
        agree, count, side = sum(one == vote for one in votes), len(votes), self.side(vote)
        if decided_by == MAJORITY:
            if count == 1:
                return f"The only voting {what} says {side} → {side}."
            all_of = f"Both {what}s" if count == 2 else f"All {count} {what}s"
            share = all_of if agree == count else f"{agree} of {count} {what}s"
            return f"{share} {_say(agree)} {side} → {side}."
        tied = f"{agree} of {counted(count, what)} {_say(agree)} {side}, a tie"
        return f"{tied}: the mean P of {number(score)} decides → {side}."

    def verdict(self, case: PatientCase) -> str:
        """Right or wrong, in words."""
        if case.truth == case.call:
            return "rightly called"
        return f"a {self.positive} tumour missed" if case.truth else "a false alarm"

    def terms(self, image: ImageCase, m: float | None, a: float | None) -> list[tuple[int, float]]:
        """Places of the terms that made an image's P, with what each was."""
        # Under `no_box: uniform` an image without a box counts as 0.5, seen in its contribution.
        d = HALF if image.d is None and image.part_det > 0 else image.d
        return [
            (k, value)
            for k, (weight, value) in enumerate(zip(self.lambdas, (d, m, a), strict=True))
            if weight > 0 and value is not None
        ]

    def check(self, image: ImageCase, m: float | None, a: float | None) -> None:
        """Refuse contributions that are not weight × value over the sum of the weights.

        Raises:
            ValueError: such a one; the page's arithmetic would not come out.
        """
        if image.p is None:
            return
        terms = self.terms(image, m, a)
        total = sum(self.lambdas[k] for k, _ in terms)
        wanted = [0.0, 0.0, 0.0]
        for k, value in terms:
            wanted[k] = self.lambdas[k] * value / total
        for name, found, want in zip(TERMS, image.parts, wanted, strict=True):
            if abs(found - want) > ROUNDING:
                raise ValueError(
                    f"slice {image.slice}: contribution of {name} {found:.6f} found, "
                    f"{want:.6f} needed with weights {self.lambdas}"
                )

    def arithmetic(self, image: ImageCase, m: float | None, a: float | None) -> str:
        """Eq. 1 with an image's numbers: `0.45 × 0.83 + 0.45 × 0.71 + 0.10 × 0.62 = 0.76`.

        Divided by the sum of the weights where that is not 1.
        """
        terms = self.terms(image, m, a)
        summed = " + ".join(f"{self.lambdas[k]:.2f} × {number(value)}" for k, value in terms)
        total = sum(self.lambdas[k] for k, _ in terms)
        return f"{_over(summed, total)} = {number(image.p)}"

    @property
    def formula(self) -> str:
        """Eq. 1 with this page's weights: `P = 0.45 × D + 0.45 × M + 0.10 × A`."""
        named = zip(self.lambdas, SYMBOLS, strict=True)
        summed = " + ".join(f"{weight:.2f} × {name}" for weight, name in named if weight > 0)
        return f"P = {_over(summed, sum(self.lambdas))}"


def _over(summed: str, total: float) -> str:
    return summed if abs(total - 1) < 1e-9 else f"({summed}) / {total:.2f}"


def _say(count: int) -> str:
    return "says" if count == 1 else "say"


def _does(count: int) -> str:
    return "does" if count == 1 else "do"
