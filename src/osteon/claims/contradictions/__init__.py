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
    """Every checked statement of a paper, those that do not hold first.

    Args:
        paper: name of the row; published: its printed numbers, None = as the package has them.

    Returns:
        JSON values: id, statement, printed, recomputed, sum, holds, source, tolerance.

    Raises:
        ValueError: unknown paper.
    """
    if paper not in _CHECKS:
        raise ValueError(f"paper: found {paper!r}; allowed are {', '.join(PAPERS)}")
    found = _CHECKS[paper](read_published(paper) if published is None else published)
    return [one.as_dict() for one in sorted(found, key=lambda one: one.holds)]
