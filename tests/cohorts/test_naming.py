"""A user's own names of MR series."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.cohorts.naming import named_by_user, rules_of


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("wirbel", "Sag WIRBELsaeule", True),
        ("WIRBEL", "sag wirbelsaeule", True),
        ("sag*wirbel*", "SAG WIRBEL 3", True),
        ("wirbel*", "sag wirbel", False),  # with a wildcard the whole text
        ("se?", "se1", True),
        ("se?", "se12", False),
        ("t2 (sag)", "t2 (sag) neu", True),
        ("t2.sag", "t2 sag", False),
        ("[ab]", "a", False),
        ("*", "", True),
        ("x", "sag", False),
    ],
)
def test_a_pattern_is_a_part_of_the_text_or_the_whole(pattern, text, fits):
    assert named_by_user([text], rules_of({pattern: "T1WI"})) == (fits, "T1WI" if fits else None)


def test_the_longest_pattern_wins_whatever_the_order():
    given = {"t2": "T2WI", "t2 fett": "FS-T2WI", "scout": None}
    for items in (given.items(), reversed(given.items())):
        rules = rules_of(dict(items))
        assert named_by_user(["T2 Fett sag"], rules) == (True, "FS-T2WI")
        assert named_by_user(["sag", "T2"], rules) == (True, "T2WI")
        assert named_by_user(["t2 Scout"], rules) == (True, None)
        assert named_by_user([], rules) == (False, None)


@given(st.text(max_size=20), st.text(min_size=1, max_size=20))
def test_no_text_and_no_pattern_is_an_error(text, pattern):
    fits, _ = named_by_user([text], rules_of({pattern: None}))
    if not {"*", "?"} & set(pattern):
        assert fits == (pattern.casefold() in text.casefold())
