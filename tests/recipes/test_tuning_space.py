"""What a study draws becomes values of the space and back; a space that is none is refused."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from osteon.recipes.tuning_space import (
    SMALLEST,
    Choices,
    Dimension,
    Range,
    Simplex,
    SpaceError,
    drawn_from,
    flat_dimensions,
    flat_names,
    values_of,
)

read = TypeAdapter(Dimension).validate_python
units = st.floats(SMALLEST, 1.0)
parts = st.sampled_from([None, 0.05, 0.1, 0.25, 0.5, 1.0])
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
plain = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=2), scalars)
SPACE = {
    "training.lr": Range(low=1e-4, high=0.1, log=True),
    "network.layers": Range(low=1, high=4, whole=True),
    "dropout": Range(low=0.0, high=0.6, step=0.05),
    "milestones": Choices(choices=([5, 8], [], None, "none", 3)),
    "weights": Simplex(simplex=3),
}


@given(st.lists(units, min_size=2, max_size=6), parts)
def test_weights_are_never_negative_and_sum_to_one(drawn: list[float], step: float | None) -> None:
    weights = Simplex(simplex=len(drawn), step=step).weights(drawn)
    assert min(weights) >= 0 and math.isclose(sum(weights), 1, abs_tol=1e-12)
    if step is not None:
        counts = [weight / step for weight in weights]
        assert counts == pytest.approx([round(count) for count in counts], abs=1e-9)
        # On the grid no weight is a whole step away from the one that was drawn.
        free = Simplex(simplex=len(drawn)).weights(drawn)
        pairs = zip(weights, free, strict=True)
        assert all(abs(one - other) < step + 1e-9 for one, other in pairs)


@given(st.lists(st.integers(0, 20), min_size=3, max_size=3))
def test_weights_of_the_grid_come_back_exactly(counts: list[int]) -> None:
    assume(sum(counts) > 0)
    whole = sum(counts)
    weights = tuple(count / whole for count in counts)
    for step in (None, 1 / whole):
        if step is None or whole > 1:
            space = {"weights": Simplex(simplex=3, step=step)}
            found = values_of(space, drawn_from(space, {"weights": weights}))["weights"]
            assert found == pytest.approx(weights, abs=1e-12)
            assert step is None or found == weights


def test_equal_draws_of_nothing_are_equal_weights() -> None:
    assert Simplex(simplex=4).weights([1.0] * 4) == (0.25,) * 4


@given(st.floats(-50, 50), st.integers(1, 40), st.sampled_from([0.05, 0.1, 0.3, 1, 2.5]), st.data())
def test_steps_snap_to_their_grid_and_stay_there(low, count, step, data) -> None:
    high = low + count * step
    dimension = Range(low=low, high=high, step=step)
    value = dimension.snapped(data.draw(st.floats(low, high)))
    assert low <= value <= high and dimension.snapped(value) == value
    assert dimension.holds(value)
    steps = (value - low) / step
    assert steps == pytest.approx(round(steps), abs=1e-6)


def test_steps_are_read_without_noise() -> None:
    dimension = Range(low=0.0, high=0.6, step=0.05)
    assert [dimension.snapped(0.05 * count) for count in (3, 6, 7)] == [0.15, 0.3, 0.35]


@given(st.integers(-9, 9), st.integers(1, 9), st.data())
def test_whole_numbers_are_whole(low: int, span: int, data) -> None:
    dimension = Range(low=low, high=low + span, whole=True)
    found = dimension.snapped(data.draw(st.floats(low, low + span)))
    assert type(found) is int and dimension.holds(found)
    assert dimension.ends == (low, low + span)
    assert not dimension.holds(low + 0.5) and not dimension.holds(True)


@given(st.lists(plain, min_size=1, max_size=6))
def test_choices_come_back_by_their_labels(choices: list) -> None:
    try:
        dimension = Choices(choices=tuple(choices))
    except ValidationError:
        assume(False)
    for choice, label in zip(choices, dimension.labels, strict=True):
        assert label is None or isinstance(label, str | int | float | bool)
        assert dimension.chosen(label) == choice
        drawn = drawn_from({"here": dimension}, {"here": choice})
        assert values_of({"here": dimension}, drawn) == {"here": choice}


@given(
    st.fixed_dictionaries(
        {
            "training.lr": st.floats(1e-4, 0.1),
            "network.layers": st.integers(1, 4),
            "dropout": st.integers(0, 12).map(lambda count: count * 0.05),
            "milestones": st.sampled_from(SPACE["milestones"].labels),
            "weights.u0": units,
            "weights.u1": units,
            "weights.u2": units,
        }
    )
)
def test_what_was_drawn_comes_back(drawn: dict) -> None:
    values = values_of(SPACE, drawn)
    assert list(values) == list(SPACE)
    again = values_of(SPACE, drawn_from(SPACE, values))
    assert again.pop("weights") == pytest.approx(values.pop("weights"), abs=1e-12)
    assert again == values


def test_a_study_s_names_are_paths_and_coordinates() -> None:
    coordinates = tuple(f"weights.u{place}" for place in range(3))
    assert flat_names(SPACE) == (*list(SPACE)[:4], *coordinates)
    assert flat_dimensions(SPACE)["weights.u1"] == Range(low=SMALLEST, high=1.0)


def test_values_outside_the_space_are_passed_over() -> None:
    outside = {
        "training.lr": 1.0,
        "network.layers": None,
        "dropout": 0.03,
        "milestones": [7],
        "weights": "chosen",
        "elsewhere": 1,
    }
    assert drawn_from(SPACE, outside) == {}
    assert drawn_from(SPACE, {"weights": (0.5, 0.5, 0.5)}) == {}
    assert drawn_from(SPACE, {"milestones": (5, 8)}) == {"milestones": "[5, 8]"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"training.lr": 0.2}, "training.lr: 0.2 found; allowed are 0.0001 to 0.1"),
        ({"milestones": [5, 8]}, r"milestones: \[5, 8\] found; allowed are \['\[5, 8\]'"),
        ({"weights.u1": None}, "weights.u1"),
    ],
)
def test_what_no_study_drew_is_named(change: dict, words: str) -> None:
    drawn = drawn_from(
        SPACE,
        {
            "training.lr": 0.01,
            "network.layers": 2,
            "dropout": 0.3,
            "milestones": None,
            "weights": (0.45, 0.45, 0.1),
        },
    )
    drawn |= change
    with pytest.raises(SpaceError, match=words):
        values_of(SPACE, {name: one for name, one in drawn.items() if name != "weights.u1" or one})


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"low": 1, "high": 1}, "low: 1 found, it must be below high 1"),
        ({"low": 0, "high": 1, "log": True}, "low: 0 found with log; it must be above 0"),
        ({"low": 1, "high": 2, "log": True, "step": 0.5}, "step: 0.5 found with log"),
        ({"low": 0, "high": 1, "step": 0.3}, "step: 0.3 found; from 0 it does not lead to 1"),
        ({"low": 0.5, "high": 2, "whole": True}, "low: 0.5 found with whole"),
        ({"low": 0, "high": 3, "whole": True, "step": 1.5}, "step: 1.5 found with whole"),
        ({"low": 0, "high": float("inf")}, "high"),
        ({"low": 0}, "high"),
        ({"low": 0, "high": 1, "setp": 1}, "setp"),
        ({}, "low"),
        ({"choices": []}, "choices"),
        ({"choices": [1, 2, 1.0]}, "choices: 1.0 found twice"),
        ({"choices": [1], "low": 0}, "low"),
        ({"simplex": 1}, "simplex"),
        ({"simplex": 3, "step": 0.3}, "step: 0.3 found; allowed are parts of 1"),
    ],
)
def test_a_dimension_that_is_none_is_named(block: dict, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        read(block)


def test_keys_say_which_dimension_it_is() -> None:
    assert isinstance(read({"low": 0, "high": 1}), Range)
    assert isinstance(read({"choices": [True, None, "a", 1.5, [1], {"a": 1}]}), Choices)
    assert isinstance(read({"simplex": 3, "step": 0.05}), Simplex)
