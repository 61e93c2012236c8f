"""Steps that only the SMSDNet paper has."""

from typing import Any


def tabulate_as_published(metrics: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """The paper's Table 1 in its own layout, printed values beside ours, and the ablations.

    Args:
        metrics: of the evaluation; a report of the pair of one-logit models answers each row of
            Table 1 by the model of its class.

    Returns:
        the tables for the report, and a Markdown page of them under the statement of what data ours
        come from.
    """
    from osteon.claims.published import read_published
    from osteon.measures.paper_table import published
    from osteon.measures.smsdnet_tables import tables

    made = tables(metrics, read_published("spinal_smsdnet"))
    return published(made, metrics["data"]["statement"], "The paper's table")
