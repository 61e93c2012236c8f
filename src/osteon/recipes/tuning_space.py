"""What tuning may try: ranges, choices and weights that sum to 1, by their path in a recipe.

A study draws plain numbers and labels under flat names; here they become values and back. No
Optuna: a space is checked when parameters are read.
"""

import json
from collections.abc import Mapping, Sequence
from math import exp, log
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, JsonValue, Tag, field_validator, model_validator

from osteon.recipes.base import Strict
from osteon.recipes.laying import SpaceError, as_plain

SMALLEST = 1e-12
"""Least u of a simplex: 0 has no logarithm (Optuna's FAQ draws Dirichlet's law this way)."""
CLOSE = 1e-9
Number = Annotated[float, Field(allow_inf_nan=False)]


class Range(Strict):
    """Numbers from `low` to `high`, both included.

    Attributes:
        low: the least.
        high: the greatest.
        log: each factor is as likely as the same factor elsewhere; `low` must be above 0.
        whole: whole numbers only.
        step: distance of neighbouring values; None = any value, or 1 of whole numbers.
    """

    low: Number
    high: Number
    log: bool = False
    whole: bool = False
    step: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low: {self.low:g} found, it must be below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low: {self.low:g} found with log; it must be above 0")
        if self.log and self.step is not None:
            raise ValueError(f"step: {self.step:g} found with log; allowed is no step")
        if self.whole:
            for name in ("low", "high", "step"):
                found = getattr(self, name)
                if found is not None and found != int(found):
                    raise ValueError(f"{name}: {found:g} found with whole; it must be whole")
        steps = (self.high - self.low) / self.step if self.step else 0.0
        if abs(steps - round(steps)) > CLOSE * max(1.0, steps):
            raise ValueError(
                f"step: {self.step:g} found; from {self.low:g} it does not lead to {self.high:g}"
            )
        return self

    @property
    def ends(self) -> tuple[float | int, float | int]:
        """The least and the greatest value, as they are laid into a recipe."""
        return self.snapped(self.low), self.snapped(self.high)

    def snapped(self, number: float) -> float | int:
        """The nearest value of the range; of whole numbers an `int`."""
        inside = number
        if self.step:
            # Rounded, so that a file reads 0.15 and not 0.15000000000000002.
            count = round((number - self.low) / self.step)
            inside = float(f"{self.low + count * self.step:.12g}")
        inside = min(max(inside, self.low), self.high)
        return round(inside) if self.whole else float(inside)

    def holds(self, value: Any) -> bool:
        """Whether a value could have been drawn."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not self.low <= value <= self.high:
            return False
        return not (self.step or self.whole) or abs(self.snapped(value) - value) <= CLOSE


class Choices(Strict):
    """Any values that a configuration file can hold.

    Attributes:
        choices: numbers, words, true, false, null, lists or blocks; each once.
    """

    choices: tuple[JsonValue, ...] = Field(min_length=1)

    @field_validator("choices")
    @classmethod
    def _each_once(cls, choices: tuple[JsonValue, ...]) -> tuple[JsonValue, ...]:
        labels: list[Any] = []
        for label in map(_label, choices):
            # A study tells choices apart by equality, and 1 == 1.0 == True.
            if label in labels:
                raise ValueError(f"choices: {label!r} found twice; allowed is each value once")
            labels.append(label)
        return choices

    @property
    def labels(self) -> tuple[str | int | float | bool | None, ...]:
        """What a study calls the choices: lists and blocks as JSON, the others as they are."""
        return tuple(_label(choice) for choice in self.choices)

    def chosen(self, label: Any) -> JsonValue:
        """The choice of that label.

        Raises:
            SpaceError: there is none such.
        """
        if label not in self.labels:
            raise SpaceError(f"{label!r} found; allowed are {list(self.labels)}")
        return self.choices[self.labels.index(label)]


class Simplex(Strict):
    """Weights of 0 or more that sum to 1, each composition as likely (flat Dirichlet).

    Attributes:
        simplex: number of weights.
        step: all weights are multiples of it; None = any.
    """

    simplex: int = Field(ge=2, le=64)
    step: float | None = Field(default=None, gt=0, le=1)

    @field_validator("step")
    @classmethod
    def _divides_one(cls, step: float | None) -> float | None:
        if step is not None and abs(1 / step - round(1 / step)) > CLOSE / step:
            raise ValueError(f"step: {step} found; allowed are parts of 1 such as 0.05, 0.1, 0.25")
        return step

    def weights(self, drawn: Sequence[float]) -> tuple[float, ...]:
        """Weights of the numbers that a study drew.

        Args:
            drawn: u of each weight, above 0 to 1; x = -log u and λ = x / Σx.
        """
        parts = [-log(max(one, SMALLEST)) for one in drawn]
        total = sum(parts)
        shares = [part / total for part in parts] if total else [1 / len(parts)] * len(parts)
        return tuple(shares) if self.step is None else self._on_grid(shares)

    def _on_grid(self, shares: Sequence[float]) -> tuple[float, ...]:
        """Largest remainders: the nearest composition of whole steps that sums to 1."""
        steps = round(1 / (self.step or 1))
        counts = [int(share * steps) for share in shares]
        remainders = [share * steps - count for share, count in zip(shares, counts, strict=True)]
        by_remainder = sorted(range(len(shares)), key=lambda place: -remainders[place])
        for place in by_remainder[: steps - sum(counts)]:
            counts[place] += 1
        return tuple(count / steps for count in counts)

    def drawn(self, weights: Sequence[float]) -> tuple[float, ...]:
        """Numbers that `weights` makes these weights of."""
        return tuple(max(exp(-weight), SMALLEST) for weight in weights)

    def holds(self, value: Any) -> bool:
        """Whether a value could have been drawn: as many numbers, none negative, not all 0."""
        if not isinstance(value, list | tuple) or len(value) != self.simplex:
            return False
        if any(isinstance(one, bool) or not isinstance(one, int | float) for one in value):
            return False
        return min(value) >= 0 and abs(sum(value) - 1) <= CLOSE

    @property
    def corners(self) -> tuple[tuple[float, ...], ...]:
        """All weight on one, for each in turn."""
        places = range(self.simplex)
        return tuple(tuple(float(one == place) for one in places) for place in places)


def _label(choice: JsonValue) -> str | int | float | bool | None:
    if isinstance(choice, list | dict):
        return json.dumps(choice, sort_keys=True, ensure_ascii=False)
    return choice


def _kind(value: Any) -> str:
    """Which dimension a block is, by its keys."""
    keys = value if isinstance(value, dict) else type(value).model_fields
    return next((name for name in ("choices", "simplex") if name in keys), "range")


Dimension = Annotated[
    Annotated[Range, Tag("range")]
    | Annotated[Choices, Tag("choices")]
    | Annotated[Simplex, Tag("simplex")],
    Discriminator(_kind),
]
"""A range (`low`, `high`), choices (`choices`) or weights (`simplex`)."""
Space = Mapping[str, Range | Choices | Simplex]


def flat_dimensions(space: Space) -> dict[str, Range | Choices]:
    """What a study draws: each name with its range or choices.

    A path is its own name; weights are drawn as `<path>.u0`, `<path>.u1` and so on.
    """
    flat: dict[str, Range | Choices] = {}
    for path, dimension in space.items():
        if isinstance(dimension, Simplex):
            unit = Range(low=SMALLEST, high=1.0)
            flat |= {name: unit for name in _coordinates(path, dimension)}
        else:
            flat[path] = dimension
    return flat


def flat_names(space: Space) -> tuple[str, ...]:
    """Names of a study's parameters, in the order of the space."""
    return tuple(flat_dimensions(space))


def values_of(space: Space, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial lays into the recipe, by path.

    Args:
        space: the search space.
        drawn: what the study drew, by flat name; a choice by its label.

    Returns:
        numbers, choices, or a tuple of weights.

    Raises:
        SpaceError: a name is missing, or a value is none of the space.
    """
    if absent := [name for name in flat_names(space) if name not in drawn]:
        raise SpaceError(f"drawn: nothing found of {', '.join(absent)}; allowed is no gap")
    return {path: _value_of(path, dimension, drawn) for path, dimension in space.items()}


def _value_of(path: str, dimension: Range | Choices | Simplex, drawn: Mapping[str, Any]) -> Any:
    if isinstance(dimension, Simplex):
        return dimension.weights([drawn[name] for name in _coordinates(path, dimension)])
    found = drawn[path]
    if isinstance(dimension, Choices):
        try:
            return dimension.chosen(found)
        except SpaceError as error:
            raise SpaceError(f"{path}: {error}") from error
    slack = CLOSE * max(1.0, abs(dimension.high))
    if not dimension.low - slack <= found <= dimension.high + slack:
        raise SpaceError(
            f"{path}: {found} found; allowed are {dimension.low:g} to {dimension.high:g}"
        )
    return dimension.snapped(found)


def drawn_from(space: Space, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a study would have had to draw for these values: the reverse of `values_of`.

    Args:
        space: the search space.
        values: by path; those that the space does not hold are passed over.
    """
    drawn: dict[str, Any] = {}
    for path, dimension in space.items():
        if path not in values:
            continue
        value = values[path]
        if isinstance(dimension, Choices):
            label = _label(as_plain(value))
            drawn |= dict.fromkeys([path] if label in dimension.labels else [], label)
        elif dimension.holds(value):
            if isinstance(dimension, Simplex):
                drawn |= zip(_coordinates(path, dimension), dimension.drawn(value), strict=True)
            else:
                drawn[path] = dimension.snapped(value)
    return drawn


def _coordinates(path: str, dimension: Simplex) -> tuple[str, ...]:
    return tuple(f"{path}.u{place}" for place in range(dimension.simplex))
