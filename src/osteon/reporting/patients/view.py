"""The patient page as plain words and numbers, ready for its template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from osteon.reporting.patients.cases import ImageCase, PatientCase, SequenceCase, evenly
from osteon.reporting.patients.drawing import age_bins, age_curve, at, bar
from osteon.reporting.patients.words import BOX_FROM, SYMBOLS, TERMS, Words, counted, number


@dataclass(frozen=True)
class View:
    """Answers of the template's questions.

    Attributes:
        words: classes and weights in words.
        table: the age table, see `osteon.reporting.patients.drawing.age_bins`.
        most: pictures of a sequence at most.
    """

    words: Words
    table: Mapping[str, Any]
    most: int

    def patients(self, cases: Sequence[PatientCase]) -> list[dict[str, Any]]:
        """Each case with its running number."""
        return [self.patient(place, case) for place, case in enumerate(cases, 1)]

    def patient(self, place: int, case: PatientCase) -> dict[str, Any]:
        """One case: what it is, the image that decides, its sequences, its call."""
        words, found = self.words, case.deciding
        return {
            "id": f"case-{place}",
            "number": place,
            "name": case.name,
            "reason": case.reason[:1].upper() + case.reason[1:],
            "truth": words.side(case.truth),
            "truth_tone": tone(case.truth),
            "call": words.side(case.call),
            "call_tone": tone(case.call),
            "right": case.truth == case.call,
            "verdict": words.verdict(case),
            "score": number(case.score),
            "age": case.age,
            "location": case.location.replace("+", " + ") or "not known",
            "deciding": None if found is None else self.deciding(case, *found),
            "age_says": self.age(case),
            "sequences": self.sequences(case),
            "says": words.patient(case),
        }

    def sequences(self, case: PatientCase) -> list[dict[str, Any]]:
        """The sequences of a case, the one that holds the deciding image opened."""
        found = case.deciding
        return [
            {
                "title": f"{name}{_comma(one.plane)}",
                "place": place,
                "decides": found is not None and found[0] is one,
                **self.sequence(one, case),
            }
            for place, (one, name) in enumerate(
                zip(case.sequences, named(case.sequences), strict=True), 1
            )
        ]

    def sequence(self, one: SequenceCase, case: PatientCase) -> dict[str, Any]:
        """One sequence: its votes as a ballot, mean contributions, pictures and numbers."""
        words = self.words
        voting = [image for image in one.images if image.p is not None]
        parts = [sum(image.parts[k] for image in voting) / max(len(voting), 1) for k in range(3)]
        shown = self.shown(one)
        pictured = sum(image.picture is not None for image in one.images)
        return {
            "size": counted(len(one.images), "image"),
            "m": number(one.m),
            "box_from": BOX_FROM.get(one.box_from, one.box_from),
            "ballot": [self.mark(image) for image in one.images],
            "bar": bar(parts, one.score) if one.score is not None else "",
            "sum": self.sum(parts, one.score),
            "score": number(one.score),
            "vote": words.side(one.vote),
            "tone": tone(one.vote),
            "says": words.sequence(one, case.a),
            "strip": one.strip,
            "images": [self.image(image, image is one.middle) for image in shown],
            "cut": _cut(len(shown), len(one.images)) if pictured else "",
            "rows": [self.row(image, one.m, case.a) for image in one.images],
        }

    def shown(self, one: SequenceCase) -> list[ImageCase]:
        """Images whose pictures stand on the page: evenly, the middle of the votes among them."""
        pictured = [image for image in one.images if image.picture is not None]
        keep = next((k for k, image in enumerate(pictured) if image is one.middle), None)
        return [pictured[k] for k in evenly(len(pictured), self.most, keep)]

    def mark(self, image: ImageCase) -> dict[str, str]:
        """An image's place in the ballot."""
        p = "no box, no vote" if image.p is None else f"P {number(image.p)}"
        return {
            "letter": self.words.letter(image.vote),
            "tone": tone(image.vote),
            "why": f"slice {image.slice}: {p}",
        }

    def image(self, image: ImageCase, decides: bool) -> dict[str, Any]:
        """A picture with what stands under it."""
        return {
            "slice": image.slice,
            "picture": image.picture,
            "d": f"D {number(image.d)}" if image.d is not None else "no box",
            "bar": "" if image.p is None else bar(image.parts, image.p),
            "p": "" if image.p is None else f"P {number(image.p)}",
            "sum": self.sum(image.parts, image.p).partition(" = ")[0],
            "vote": self.words.side(image.vote),
            "tone": tone(image.vote),
            "decides": decides,
        }

    def row(self, image: ImageCase, m: float | None, a: float | None) -> list[str]:
        """An image's numbers: slice, D, contributions, P, vote."""
        parts = [number(value) if image.p is not None else "–" for value in image.parts]
        return [
            str(image.slice),
            number(image.d),
            *parts,
            number(image.p),
            self.words.side(image.vote),
        ]

    def sum(self, parts: Sequence[float], p: float | None) -> str:
        """`0.37 + 0.32 + 0.06 = 0.75`; empty without a vote."""
        if p is None:
            return ""
        present = [
            value
            for value, weight in zip(parts, self.words.lambdas, strict=True)
            if weight > 0 and value > 0
        ]
        return f"{' + '.join(map(number, present)) or '0.00'} = {number(p)}"

    def deciding(self, case: PatientCase, one: SequenceCase, image: ImageCase) -> dict[str, Any]:
        """The image in the middle of all votes, worked out in numbers."""
        name = named(case.sequences)[[other is one for other in case.sequences].index(True)]
        present = dict(self.words.terms(image, one.m, case.a))
        steps = [
            {
                "name": TERMS[k],
                "symbol": SYMBOLS[k],
                "value": number(value),
                "weight": f"{self.words.lambdas[k]:.2f}",
                "part": number(image.parts[k]),
            }
            for k, value in present.items()
        ]
        return {
            "where": f"slice {image.slice} of {name}",
            "slice": image.slice,
            "picture": image.picture,
            "strip": one.strip,
            "steps": {step["symbol"]: step for step in steps},
            "arithmetic": self.words.arithmetic(image, one.m, case.a),
            "bar": bar(image.parts, image.p or 0.0),
            "sum": self.sum(image.parts, image.p),
            "p": number(image.p),
            "vote": self.words.side(image.vote),
            "tone": tone(image.vote),
            "over": bool(image.vote),
        }

    def age(self, case: PatientCase) -> dict[str, Any]:
        """The age term in words, with the table as a drawing."""
        years = float(case.age.rstrip("+")) if case.age[:1].isdigit() else None
        if self.words.lambdas[2] == 0:
            return {"says": "The age has no weight here.", "curve": ""}
        if case.a is None:
            told = "The age is not known: this term drops out, and the others share its weight."
            return {"says": told, "curve": age_curve(self.table, None, None)}
        says = f"Age {case.age}: A = {number(case.a)}"
        bins = age_bins(self.table)
        if bins and years is not None:
            k = at(bins, years)
            says += f", from patients aged {_span(*bins[k][:2])}{self._counts(k)}"
        return {"says": f"{says}.", "curve": age_curve(self.table, years, case.a)}

    def _counts(self, place: int) -> str:
        """How many patients of each class the table counted in a bin, where it says so."""
        both = [self.table.get(name) for name in ("benign", "malignant")]
        if any(not isinstance(one, Sequence) or place >= len(one) for one in both):
            return ""
        negative, positive = (int(one[place]) for one in both if one is not None)
        words = self.words
        return f" ({negative} {words.negative}, {positive} {words.positive} in training)"


def named(sequences: Sequence[SequenceCase]) -> list[str]:
    """Names of a patient's sequences, told apart by a number where several have the same."""
    names = [one.name.strip() or "an unrecognised sequence" for one in sequences]
    return [
        f"{name} ({names[: place + 1].count(name)})" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]


def tone(vote: bool | None) -> str:
    """CSS class of a vote."""
    return "none" if vote is None else "positive" if vote else "negative"


def _comma(plane: str) -> str:
    return f", {plane}" if plane else ""


def _cut(shown: int, count: int) -> str:
    """What is said where not all pictures of a sequence are shown."""
    if shown == count:
        return ""
    return (
        f"Pictures of {shown} of {count} images, evenly through the stack; all {count} are in the "
        "votes and the numbers."
    )


def _span(low: float, high: float) -> str:
    """Ages of a bin: "50 to 59", "80 and older"."""
    if high == float("inf"):
        return f"{low:.0f} and older"
    return f"{low:.0f} to {high - 1:.0f}"
