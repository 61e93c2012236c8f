"""Cases refuse numbers that contradict each other, and know which image decides."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.reporting.patients.cases import ImageCase, PatientCase, SequenceCase, evenly, middle


def _image(p: float | None, slice_: int = 1, d: float | None = 0.5) -> ImageCase:
    if p is None:
        return ImageCase(slice_, None, None)
    return ImageCase(slice_, d, p, p, 0.0, 0.0, p >= 0.5)


def _sequence(*ps: float | None) -> SequenceCase:
    images = tuple(_image(p, k) for k, p in enumerate(ps, 1))
    called = [p for p in ps if p is not None]
    malignant = sum(p >= 0.5 for p in called)
    mean = sum(called) / len(called)
    if 2 * malignant == len(called):
        return SequenceCase("T1WI", "", images, None, mean >= 0.5, mean, "mean of a tie")
    return SequenceCase("T1WI", "", images, None, 2 * malignant > len(called), mean)


def _patient(*sequences: SequenceCase) -> PatientCase:
    votes = [bool(one.vote) for one in sequences]
    score = sum(one.score or 0.0 for one in sequences) / len(sequences)
    tie = 2 * sum(votes) == len(votes)
    call = score >= 0.5 if tie else 2 * sum(votes) > len(votes)
    how = "mean of a tie" if tie else "majority"
    return PatientCase("p", True, call, score, "50", None, "", "", sequences, how)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"d": 1.2}, "d: 1.2"),
        ({"d": float("nan")}, "d: nan"),
        ({"p": None}, "both or none"),
        ({"vote": None}, "both or none"),
        ({"vote": False}, "vote False at p 0.7"),
        ({"part_age": 0.1}, "contributions sum to 0.8"),
    ],
)
def test_an_image_that_contradicts_itself_is_refused(wrong: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(ImageCase(3, 0.7, 0.7, 0.7, 0.0, 0.0, True), **wrong)


def test_an_image_of_exactly_a_half_votes_malignant() -> None:
    assert ImageCase(1, 0.5, 0.5, 0.5, 0.0, 0.0, True).vote


def test_a_majority_that_the_images_do_not_have_is_refused() -> None:
    one = _sequence(0.9, 0.8, 0.1)
    with pytest.raises(ValueError, match="2 of 3 votes are positive"):
        replace(one, vote=False)
    with pytest.raises(ValueError, match="1 of 2 votes are positive"):
        replace(one, images=one.images[1:])


def test_a_majority_that_the_sequences_do_not_have_is_refused() -> None:
    case = _patient(_sequence(0.9), _sequence(0.8), _sequence(0.1))
    with pytest.raises(ValueError, match="2 of 3 votes are positive"):
        replace(case, call=False)


def test_a_case_without_images_or_sequences_is_refused() -> None:
    with pytest.raises(ValueError, match="no image"):
        SequenceCase("T1WI", "", (), None, None, None, "abstains")
    with pytest.raises(ValueError, match="no sequence"):
        PatientCase("p", True, True, 0.5, "50", None, "", "", ())
    with pytest.raises(ValueError, match="both or none"):
        replace(_sequence(0.9), score=None)


_shares = st.floats(0, 1).filter(lambda value: abs(value - 0.5) > 1e-5)


@given(st.lists(st.lists(_shares, min_size=1, max_size=7), min_size=1, max_size=5))
def test_the_deciding_image_is_on_the_side_of_the_call(given_: list[list[float]]) -> None:
    case = _patient(*(_sequence(*ps) for ps in given_))
    assert case.deciding is not None
    one, image = case.deciding
    assert image.vote == one.vote == case.call
    assert any(image is other for other in one.images)


def test_nothing_decides_where_nothing_votes() -> None:
    silent = SequenceCase("T1WI", "", (_image(None),), None, None, None, "abstains")
    case = PatientCase("p", True, True, 0.7, "50", 0.7, "", "", (silent,), "age alone: no box")
    assert case.deciding is None and silent.middle is None


def test_the_middle_is_the_median_and_of_two_the_one_asked_for() -> None:
    assert middle([3, 1, 2], float, True) == middle([3, 1, 2], float, False) == 2
    assert middle([4, 1, 3, 2], float, True) == 3
    assert middle([4, 1, 3, 2], float, False) == 2
    assert middle([], float, True) is None


@given(st.data(), st.integers(1, 80), st.integers(1, 20))
def test_evenly_keeps_order_ends_and_the_one_to_keep(
    data: st.DataObject, count: int, most: int
) -> None:
    keep = data.draw(st.integers(0, count - 1))
    places = evenly(count, most, keep)
    assert places == sorted(set(places)) and len(places) == min(count, most) and keep in places
    free = evenly(count, most)
    assert len(set(free)) == min(count, most)
    if min(count, most) > 1:
        assert (free[0], free[-1]) == (0, count - 1)
        steps = [b - a for a, b in pairwise(free)]
        assert max(steps) - min(steps) <= 1


def test_evenly_refuses_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="most: 0"):
        evenly(5, 0)
    with pytest.raises(ValueError, match="keep: 5"):
        evenly(5, 2, 5)
