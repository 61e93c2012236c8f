"""The choice of slices, as tables and as laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.imaging.slices import CHOICES, choose_slices

NAN = float("nan")


def places(order, area, choice, count=1) -> list[float]:
    """The chosen slices, by their number."""
    rows = choose_slices(order, area, choice, count).rows
    return np.asarray(order, float)[rows].tolist()


@pytest.mark.parametrize(
    ("area", "choice", "count", "expected"),
    [
        ([0] * 9, "all", 2, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ([0] * 9, "even", 1, [5]),
        ([0] * 9, "even", 3, [3, 5, 7]),
        ([0] * 9, "even", 7, [2, 3, 4, 5, 6, 7, 8]),
        ([0] * 9, "even", 9, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ([0] * 9, "even", 40, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ([0, 0, 1, 4, 9, 4, 1, 0, 0], "lesion", 1, [5]),
        ([0, 0, 1, 4, 9, 4, 1, 0, 0], "lesion", 3, [3, 5, 7]),
        ([0, 0, 1, 4, 9, 4, 1, 0, 0], "lesion", 99, [3, 4, 5, 6, 7]),
        ([9, NAN, 1, 4, NAN, 4, 1, 0, 8], "lesion", 99, [1, 3, 4, 6, 7, 9]),
        ([0, 0, 1, 4, 9, 4, 1, 0, 0], "largest_lesion", 1, [5]),
        ([0, 0, 1, 4, 9, 4, 1, 0, 0], "largest_lesion", 2, [4, 5]),
        ([0, 7, 7, 7, 7, 7, 0, 0, 0], "largest_lesion", 1, [4]),
        ([0, 7, 7, 7, 7, 7, 0, 0, 0], "largest_lesion", 3, [3, 4, 5]),
        ([NAN, 0, 0, 0, 0, 0, 0, 0, 2], "largest_lesion", 3, [9]),
    ],
)
def test_choices(area, choice, count, expected):
    assert places(range(1, 10), area, choice, count) == expected


@pytest.mark.parametrize("area", [[0.0] * 7, [NAN] * 7])
def test_without_a_lesion_it_says_what_is_done_instead(area):
    found = choose_slices(range(7), area, "lesion", 3)
    assert found.rows.tolist() == [1, 3, 5] and "spread evenly" in found.note
    found = choose_slices(range(7), area, "largest_lesion", 3)
    assert found.rows.tolist() == [3] and "middle slice" in found.note
    assert choose_slices(range(7), area, "even", 3).note == ""
    assert choose_slices(range(7), area, "all").note == ""


@pytest.mark.parametrize("choice", CHOICES)
def test_a_series_of_one_slice_and_of_none(choice):
    assert choose_slices([4], [NAN], choice, 3).rows.tolist() == [0]
    assert choose_slices([], [], choice, 3).rows.tolist() == []


def test_slices_without_a_number_come_last():
    assert choose_slices([2, None, 1, None], [1] * 4, "all").rows.tolist() == [2, 0, 1, 3]


series = st.lists(st.sampled_from([0.0, 1.0, 2.0, 5.0, NAN]), min_size=1, max_size=40)


@given(series, st.sampled_from(CHOICES), st.integers(1, 12), st.randoms(use_true_random=False))
def test_laws(area, choice, count, random):
    order = list(range(len(area)))
    found = places(order, area, choice, count)
    assert found == sorted(set(found)) and found
    if choice != "all":
        assert len(found) <= count
    if choice in ("lesion", "largest_lesion") and np.nansum(area) > 0:
        assert len(found) == min(count, sum(one > 0 for one in area))
        assert all(area[int(place)] > 0 for place in found)
    if choice == "largest_lesion" and np.nansum(area) > 0:
        left = [one for place, one in enumerate(area) if place not in found and one > 0]
        assert not left or max(left) <= min(area[int(place)] for place in found)
    if choice == "even" and len(area) - 2 >= count:
        assert 0 not in found and len(area) - 1 not in found and len(found) == count
    shuffled = order.copy()
    random.shuffle(shuffled)
    assert places(shuffled, [area[place] for place in shuffled], choice, count) == found


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([1], [1], "best", 1), "choice: 'best'"),
        (([1], [1], "even", 0), "count: 0"),
        (([1, 2], [1], "even", 1), "lesion_area: shape"),
    ],
)
def test_errors_name_the_argument(arguments, named):
    with pytest.raises(ValueError, match=named):
        choose_slices(*arguments)
