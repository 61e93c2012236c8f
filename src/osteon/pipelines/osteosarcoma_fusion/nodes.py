"""Steps that only the late-fusion paper has."""

from typing import Any

import pandas as pd


def tabulate_as_published(metrics: dict[str, Any]) -> tuple[str, pd.DataFrame]:
    """The paper's Table 1 in its own layout, printed values beside ours.

    Args:
        metrics: of the evaluation.

    Returns:
        a Markdown table under the statement of what data ours come from, and its cells.
    """
    from osteon.claims.published import read_published
    from osteon.measures.table1 import table1, to_cells, to_markdown

    backbone = metrics["settings"]["reference"].split("_")[0]
    table = table1(metrics, read_published("osteosarcoma_fusion"), backbone)
    statement = metrics["data"]["statement"]
    return f"# Table 1, {backbone}\n\n{statement}\n\n{to_markdown(table)}", to_cells(table)
