"""A paper's printed results by learner, as its claims name them."""

from typing import Any, TypedDict

from osteon.claims.ledger import SCALE, printed_numbers
from osteon.claims.published import Published

BEGIN = ("metrics", "learners")


class Printed(TypedDict):
    """`level`: patient or image, what the paper counts; `values`: our metric → printed share."""

    level: str
    values: dict[str, float]


def printed_values(published: dict[str, Any]) -> dict[str, Printed]:
    """Printed numbers that stand for one metric of one learner.

    Args:
        published: the block that `osteon.claims.published.read_published` gives.

    Returns:
        learner → its printed values as fractions, from the claims with a path of ours
        `metrics/learners/<learner>/<level>/<group>/<metric>`. Of several claims on one metric the
        first counts; a claim that fits several learners is left out.
    """
    found: dict[str, Printed] = {}
    for one in printed_numbers(Published.model_validate(published)):
        for path in one.ours:
            parts = path.split("/")
            if len(parts) != 6 or tuple(parts[:2]) != BEGIN or "*" in parts[2]:
                continue
            _, _, learner, level, _, metric = parts
            own = found.setdefault(learner, {"level": level, "values": {}})
            if own["level"] == level:
                own["values"].setdefault(metric, one.value / SCALE.get(one.unit, 1.0))
    return found
