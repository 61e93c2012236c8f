"""Steps that only the AlexNet-BN paper has."""

from typing import Any


def tabulate_as_published(metrics: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """The paper's Tables 2 and 3 in their own layout, printed values beside ours, and the tests.

    Args:
        metrics: of the evaluation, by cross-validation or by hold-out.

    Returns:
        the tables for the report, and a Markdown page of them under the statement of what data ours
        come from.
    """
    from osteon.claims.published import read_published
    from osteon.measures.alexnet_tables import tables
    from osteon.measures.paper_table import published

    made = tables(metrics, read_published("femoral_alexnet"))
    return published(made, metrics["data"]["statement"], "The paper's tables")
