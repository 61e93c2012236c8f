"""Charts and drawings that stand for real ones."""

from types import SimpleNamespace
from typing import Any


def svg(chart: Any) -> str:
    """A drawing with ids, a reference and metadata, as a library would leave them."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg"><metadata>http://purl.org/dc</metadata>'
        '<clipPath id="clip"><rect width="9" height="9"/></clipPath>'
        f'<g data-series="{chart.series[0].key}" clip-path="url(#clip)"><path d="M0 0"/></g></svg>'
    )


def chart(name: str) -> SimpleNamespace:
    series = (SimpleNamespace(key="a", name="A", role="other"),)
    title = f"{name} title"
    return SimpleNamespace(name=name, title=title, note="By patient. A note.", series=series)
