"""Values laid into nested parameters by path, so that a file of an environment can say the same.

An environment's file adds to the blocks of the base and replaces their values; it removes nothing.
"""

from collections.abc import Mapping
from typing import Any

Block = dict[str, Any]


class SpaceError(ValueError):
    """A search space that does not fit its recipe; names path, value and what is allowed."""


def lay(block: Mapping[str, Any], path: str, value: Any) -> Block:
    """A copy of a block with one value changed, or added; tuples become lists.

    Args:
        block: nested parameters; it stays as it is.
        path: names of the blocks from the outside in, joined by dots.
        value: what shall stand there.

    Raises:
        SpaceError: a part of the path is no block; or a list would stand in place of a block, or a
            block lacks keys of the one that stands there, which no file laid over it could say.
    """
    return _laid(block, path.split("."), as_plain(value), path)


def _laid(block: Mapping[str, Any], parts: list[str], value: Any, path: str) -> Block:
    first, *rest = parts
    copy = dict(block)
    there = copy.get(first)
    if not rest:
        _refuse_gaps(there, value, path)
        copy[first] = value
        return copy
    if there is not None and not isinstance(there, Mapping):
        done = path.split(".")[: -len(rest)]
        raise SpaceError(f"{path}: {'.'.join(done)} is {there!r}; allowed is a block")
    copy[first] = _laid(there or {}, rest, value, path)
    return copy


def _refuse_gaps(there: Any, value: Any, path: str) -> None:
    """Stop at what a file laid over another cannot say: it adds to a block, it removes nothing."""
    kinds = {kind for one in (there, value) for kind in (Mapping, list) if isinstance(one, kind)}
    if len(kinds) == 2:
        raise SpaceError(f"{path}: {value!r} found in place of {there!r}; allowed is the same kind")
    if not (isinstance(there, Mapping) and isinstance(value, Mapping)):
        return
    for name, inner in there.items():
        if name not in value:
            raise SpaceError(
                f"{path}: a block without {name} found, which stands there now; allowed are "
                f"blocks with all of {', '.join(there)}"
            )
        _refuse_gaps(inner, value[name], f"{path}.{name}")


def value_at(block: Any, path: str) -> Any:
    """What stands at a path of nested parameters.

    Args:
        block: the outermost block.
        path: names from the outside in, joined by dots.

    Raises:
        SpaceError: nothing does; names the part and what stands beside it.
    """
    found = block
    for part in path.split("."):
        found = stepped(found, part, path)
    return found


def stepped(block: Any, part: str, path: str) -> Any:
    """One step of a path.

    Args:
        block: what has been reached; part: the name to go on by; path: the whole one.

    Raises:
        SpaceError: `block` is none, or has no such part.
    """
    if isinstance(block, Mapping) and part in block:
        return block[part]
    if not isinstance(block, Mapping):
        raise SpaceError(f"{path}: {part} found inside {block!r}; allowed is a block there")
    raise SpaceError(f"{path}: no {part} found; allowed are {', '.join(sorted(block))}")


def laid_over(block: Mapping[str, Any], part: Mapping[str, Any]) -> Block:
    """`block` under `part`, block by block, as an environment's file lies over the base.

    Args:
        block: nested parameters of the base.
        part: those of the environment; its values win.
    """
    found = dict(block)
    for name, value in part.items():
        both = isinstance(value, Mapping) and isinstance(found.get(name), Mapping)
        found[name] = laid_over(found[name], value) if both else value
    return found


def found_at(block: Any, path: str) -> Any:
    """What stands at a path, or None where nothing does."""
    try:
        return value_at(block, path)
    except SpaceError:
        return None


def as_plain(value: Any) -> Any:
    """A value as a configuration file holds it: tuples as lists."""
    if isinstance(value, list | tuple):
        return [as_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: as_plain(one) for name, one in value.items()}
    return value
