"""Steps that only the late-fusion paper has."""

from typing import Any

import pandas as pd


def tabulate_as_published(
    metrics: dict[str, Any],
) -> tuple[list[dict[str, Any]], str, pd.DataFrame]:
    """The paper's Table 1 in its own layout, printed values beside ours.

    Args:
        metrics: of the evaluation.

    Returns:
        the table for the report, a Markdown page of it under the statement of what data ours come
        from, and its cells.
    """
    from osteon.claims.published import read_published
    from osteon.measures.paper_table import published
    from osteon.measures.table1 import table1, to_cells, to_paper_table

    backbone = metrics["settings"]["reference"].split("_")[0]
    table = table1(metrics, read_published("osteosarcoma_fusion"), backbone)
    title = f"Table 1, {backbone}"
    statement = metrics["data"]["statement"]
    tables, page = published([to_paper_table(table, title)], statement, "The paper's table")
    return tables, page, to_cells(table)
