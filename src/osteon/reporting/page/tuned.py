"""Were the figures of a run made with the values that tuning chose?"""

import math
from collections.abc import Mapping
from typing import Any

from osteon.reporting.page.parts import View
from osteon.reporting.page.tables import MISSING, number, written

IN_USE = "This run"


def in_use(view: View, result: Mapping[str, Any]) -> dict[str, Any]:
    """Path → value with which this run's figures were made; unknown paths are absent.

    As the training record has it, which says what was trained; what no record says, as the
    configuration had it when the page was written.
    """
    record = (view.training.get(str(result.get("learner"))) or {}).get("recipe") or {}
    found = dict(view.parts.tuning_in_use or {})
    for path in result.get("chosen") or {}:
        known, value = value_at(record, path)
        if known:
            found[path] = value
    return {path: found[path] for path in result.get("chosen") or {} if path in found}


def value_at(block: Any, path: str) -> tuple[bool, Any]:
    """(whether there is one, the value) at a dotted path of nested settings."""
    for part in path.split("."):
        if not isinstance(block, Mapping) or part not in block:
            return False, None
        block = block[part]
    return True, block


def verdict(view: View, result: Mapping[str, Any]) -> tuple[str, str]:
    """A sentence on the values of this run, and its tone."""
    chosen, used = result.get("chosen") or {}, in_use(view, result)
    unknown = [path for path in chosen if path not in used]
    other = [path for path in used if not same(chosen[path], used[path])]
    if other:
        return (
            "The other sections were NOT made with the chosen values: "
            f"{', '.join(other)} {'differs' if len(other) == 1 else 'differ'}. Tuning never feeds "
            "training by itself; the file of best values says how to use them.",
            "",
        )
    if unknown:
        return (f"Not known of this run: {', '.join(unknown)}.", "warn")
    return ("The other sections were made with the chosen values.", "warn")


def same(first: Any, second: Any) -> bool:
    """Equal but for the last digits and for lists that are tuples."""
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        pairs = zip(first, second, strict=False)
        return len(first) == len(second) and all(same(*pair) for pair in pairs)
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, int | float) and isinstance(second, int | float):
        return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12)
    return bool(first == second)


def shown(value: Any) -> str:
    """A setting for people: rates below 0.001 with an exponent, weights with three decimals."""
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(shown(one) for one in value) or MISSING
    if isinstance(value, float) and not isinstance(value, bool):
        if not math.isfinite(value) or value == 0:
            return written(value)
        return f"{value:.2e}" if abs(value) < 1e-3 else number(value, 4).rstrip("0").rstrip(".")
    return written(value)
