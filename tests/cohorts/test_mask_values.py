"""Stored values of label maps and the classes they stand for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.cohorts.mask_values import UNKNOWN, VALUES, mask_table, stored_values

CLASSES = ("other", "tumour", "vertebra")


def test_without_classes_there_is_no_table():
    assert mask_table((), {}) == ()


def test_a_value_is_an_index_unless_it_is_named():
    table = mask_table(CLASSES, {"1": "vertebra", "20-24": "tumour", "9": None, " 30 - 31 ": None})
    assert len(table) == VALUES
    assert table[:4] == (0, 2, 2, UNKNOWN)
    assert table[19:26] == (UNKNOWN, 1, 1, 1, 1, 1, UNKNOWN)
    assert (table[9], table[30], table[31], table[255]) == (0, 0, 0, UNKNOWN)


@given(st.dictionaries(st.integers(1, 255), st.sampled_from([*CLASSES, None])))
def test_every_value_is_a_class_or_unknown(values):
    table = mask_table(CLASSES, {str(value): name for value, name in values.items()})
    assert table[0] == 0
    for value in range(VALUES):
        if value in values:
            assert table[value] == CLASSES.index(values[value] or "other")
        else:
            assert table[value] == (value if value < 3 else UNKNOWN)


@pytest.mark.parametrize(
    ("words", "values"), [("0", [0]), ("7", [7]), ("7-7", [7]), ("254-255", [254, 255])]
)
def test_values_of_a_key(words, values):
    assert list(stored_values(words)) == values


@pytest.mark.parametrize("words", ["", "a", "-1", "1.0", "9-1", "256", "1-256", "1-", "1,2", "٣"])
def test_a_key_that_is_no_value(words):
    with pytest.raises(ValueError, match=f"mask_values has the key '{words}'; allowed: .* 0..255"):
        stored_values(words)


@pytest.mark.parametrize(
    ("classes", "values", "says"),
    [
        ((), {"1": "tumour"}, "mask_classes is empty"),
        (("other",), {}, "2 to 256 different"),
        (("other", "other"), {}, "'other', 'other'"),
        (("other", ""), {}, "non-empty"),
        (CLASSES, {"1": "tumor"}, r"'tumor'.*did you mean 'tumour'.*null is background"),
        (CLASSES, {"1-9": "tumour", "3": "tumour"}, "names 3 twice: '1-9' and '3'"),
        (CLASSES, {"0": "tumour"}, "maps 0 to 'tumour': 0 is always 'other'"),
        (CLASSES, {"0-5": "vertebra"}, "maps 0 to 'vertebra'"),
    ],
)
def test_what_cannot_be_is_refused(classes, values, says):
    with pytest.raises(ValueError, match=says):
        mask_table(classes, values)
