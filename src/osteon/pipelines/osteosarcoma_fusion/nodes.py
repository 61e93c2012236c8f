"""Steps that only the late-fusion paper has."""

from pathlib import Path
from typing import Any

PUBLISHED = Path(__file__).with_name("published.yml")


def tabulate_as_published(metrics: dict[str, Any]) -> str:
    """The paper's Table 1 in its own layout, printed values beside ours.

    Args:
        metrics: of the evaluation.

    Returns:
        a Markdown table under the statement of what data ours come from.
    """
    from osteon.measures.table1 import read_published, table1, to_markdown

    backbone = metrics["settings"]["reference"].split("_")[0]
    table = table1(metrics, read_published(PUBLISHED), backbone)
    statement = metrics["data"]["statement"]
    return f"# Table 1, {backbone}\n\n{statement}\n\n{to_markdown(table)}"
