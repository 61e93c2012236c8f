"""The papers' own sums, recomputed from their printed numbers; no result is typed in."""

from collections.abc import Callable, Mapping
from typing import Any

from osteon.claims.contradictions import (
    femoral_alexnet,
    osteosarcoma_fusion,
    spinal_penn,
    spinal_smsdnet,
    spinal_wff,
)
from osteon.claims.contradictions.sums import Checked
from osteon.claims.published import PAPERS, read_published

_CHECKS: dict[str, Callable[[Mapping[str, Any]], list[Checked]]] = {
    "osteosarcoma_fusion": osteosarcoma_fusion.check,
    "femoral_alexnet": femoral_alexnet.check,
    "spinal_smsdnet": spinal_smsdnet.check,
    "spinal_wff": spinal_wff.check,
    "spinal_penn": spinal_penn.check,
}


def contradictions(paper: str, published: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Every judged statement of a paper, those that do not hold first.

    Args:
        paper: name of the row; published: its printed numbers, None = as the package has them.

    Returns:
        JSON values: id, statement, printed (None where the paper prints nothing and the check is
        our derivation), recomputed, sum, holds, source, tolerance, note.

    Raises:
        ValueError: unknown paper.
    """
    found = [one for one in _checked(paper, published) if one.holds is not None]
    return [one.as_dict() for one in sorted(found, key=lambda one: bool(one.holds))]


def ambiguous(paper: str, published: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The statements of a paper that have several readings, with the sum of each.

    Args:
        paper: name of the row; published: its printed numbers, None = as the package has them.

    Returns:
        JSON values as of `contradictions`; `holds` is None, as no reading decides it.

    Raises:
        ValueError: unknown paper.
    """
    return [one.as_dict() for one in _checked(paper, published) if one.holds is None]


def _checked(paper: str, published: Mapping[str, Any] | None) -> list[Checked]:
    if paper not in _CHECKS:
        raise ValueError(f"paper: found {paper!r}; allowed are {', '.join(PAPERS)}")
    return _CHECKS[paper](read_published(paper) if published is None else published)
