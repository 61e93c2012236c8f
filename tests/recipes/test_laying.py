"""A value laid by its path changes that path alone, and an environment's file says the same."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from osteon.recipes.laying import SpaceError, found_at, laid_over, lay, value_at

names = st.sampled_from("abcd")
leaves = (
    st.integers() | st.none() | st.text("xyz", max_size=2) | st.lists(st.integers(), max_size=2)
)
blocks = st.dictionaries(
    names,
    st.recursive(leaves, lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=6),
    max_size=4,
)
paths = st.lists(names, min_size=1, max_size=4).map(".".join)


def leaves_of(block: dict, before: tuple[str, ...] = ()) -> dict[tuple[str, ...], object]:
    """Every value that is no block, and every empty block, by its place."""
    found: dict[tuple[str, ...], object] = {}
    for name, value in block.items():
        inner = isinstance(value, dict) and value
        found |= leaves_of(value, (*before, name)) if inner else {(*before, name): value}
    return found


@given(blocks, paths, leaves)
def test_laying_changes_that_path_and_nothing_else(block: dict, path: str, value) -> None:
    before = copy.deepcopy(block)
    try:
        found = lay(block, path, value)
    except SpaceError as error:
        assert str(error).startswith(path)
        return
    assert block == before
    assert value_at(found, path) == value
    place = tuple(path.split("."))
    elsewhere = {at: one for at, one in leaves_of(before).items() if at[: len(place)] != place}
    kept = {at: one for at, one in leaves_of(found).items() if at[: len(place)] != place}
    # An empty block, or null, on the way became a block.
    gone = {at for at in elsewhere if at == place[: len(at)]}
    assert kept == {at: one for at, one in elsewhere.items() if at not in gone}


@given(blocks, paths, leaves)
def test_an_environment_laid_over_says_the_same(block: dict, path: str, value) -> None:
    try:
        found = lay(block, path, value)
    except SpaceError:
        return
    part = lay({}, path, value)
    assert laid_over(block, part) == found
    merged = OmegaConf.merge(OmegaConf.create(block), OmegaConf.create(part))
    assert OmegaConf.to_container(merged) == found


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("a.b.c", 1, "a.b.c: a.b is 3; allowed is a block"),
        ("a", [1], r"a: \[1\] found in place of .*allowed is the same kind"),
        ("a", {"c": 1}, "a: a block without b found.*allowed are blocks with all of b"),
    ],
)
def test_what_cannot_be_laid_is_named(path: str, value, words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        lay({"a": {"b": 3}}, path, value)


def test_tuples_become_lists_and_whole_blocks_may_be_laid() -> None:
    assert lay({}, "weights", (0.5, 0.5)) == {"weights": [0.5, 0.5]}
    assert lay({"a": {"b": 3}}, "a", {"b": 4, "c": (1,)}) == {"a": {"b": 4, "c": [1]}}
    assert lay({"a": {"b": 3}}, "a", None) == {"a": None}


def test_what_stands_nowhere_is_named_or_none() -> None:
    block = {"a": {"b": None, "c": 1}}
    assert (value_at(block, "a.c"), found_at(block, "a.b"), found_at(block, "a.d")) == (
        1,
        None,
        None,
    )
    with pytest.raises(SpaceError, match=r"a\.d: no d found; allowed are b, c"):
        value_at(block, "a.d")
    with pytest.raises(SpaceError, match=r"a\.c\.x: x found inside 1; allowed is a block there"):
        value_at(block, "a.c.x")
