"""`report.html`: one self-contained page that needs no network and, to be read, no JavaScript."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from osteon.reporting.page.parts import ReportParts, View
from osteon.reporting.page.sections import all_sections
from osteon.reporting.page.tables import Cell

__all__ = ["LIMIT", "ReportParts", "render"]

LIMIT = 8_000_000
TEMPLATES = Path(__file__).parent / "templates"
PHANTOM = "Synthetic patients: this page shows that the software works, never medicine."
ABOUT = (
    "How networks built after this paper do on the patients described below, each patient judged "
    "by networks that were not fitted on that patient. It is not the paper's own result."
)
UNSTATED = "Where these data come from was not stated."
SECURITY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)
PICTURE = re.compile(r"data:image/(?:png|jpeg|webp);base64,[A-Za-z0-9+/=\s]+")


def render(parts: ReportParts) -> str:
    """The report as HTML.

    All text from data is escaped; trusted markup is only what `figures.draw.svg` gives.
    Galleries are cut from their ends until the page is below `LIMIT` bytes, and say so.

    Args:
        parts: what there is to show; a section without data is left out.

    Raises:
        ValueError: `galleries` holds an image that is no base64 PNG, JPEG or WebP (it could be an
            address), or the page is too large even without galleries.
    """
    checked(parts)
    drawings: dict[str, str] = {}
    page = put_together(parts, drawings)
    while len(page.encode("utf-8")) > LIMIT:
        if not any(gallery.get("cases") for gallery in parts.galleries):
            size = len(page.encode("utf-8")) / 1e6
            raise ValueError(f"report: {size:.1f} MB without galleries, at most 8 MB allowed")
        parts = replace(parts, galleries=[halved(gallery) for gallery in parts.galleries])
        page = put_together(parts, drawings)
    return page


def put_together(parts: ReportParts, drawings: dict[str, str]) -> str:
    """The page as it is; `drawings` keeps each chart's SVG for the next time."""
    view = parts.view

    def drawn(name: str, chart: Any) -> str:
        if name not in drawings:
            drawings[name] = drawing(name, chart)
        return drawings[name]

    statement = str(parts.statement or view.data.get("statement") or UNSTATED)
    phantom = is_phantom(view, statement)
    template = environment().get_template("page.html.j2")
    return str(
        template.render(
            parts=parts,
            banner=PHANTOM if phantom else "What data this is from",
            phantom=phantom,
            statement=statement,
            running=css_string(running_head(parts, statement, phantom)),
            about=ABOUT if view.learners else "",
            subtitle=subtitle(view),
            security=SECURITY,
            sections=all_sections(view),
            drawn=drawn,
        )
    )


def environment() -> Any:
    """Jinja with everything escaped and no undefined name let through."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.tests["cell"] = lambda value: isinstance(value, Cell)
    return made


def drawing(name: str, chart: Any) -> str:
    """A chart as inline SVG whose ids no other chart of the page shares, without metadata."""
    from osteon.reporting.figures.draw import svg

    drawn = re.sub(r"<metadata>.*?</metadata>", "", svg(chart), flags=re.DOTALL)
    prefix = re.sub(r"[^A-Za-z0-9]+", "-", name)
    drawn = re.sub(r'(\sid=")', rf"\g<1>{prefix}--", drawn)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}--", drawn)


def is_phantom(view: View, statement: str) -> bool:
    """Are the patients made up? As the metrics say, or without these as the statement begins."""
    source = view.data.get("source")
    return source == "phantom" if source else statement.lower().startswith("synthetic")


def subtitle(view: View) -> str:
    """Who was judged: level, patients, images."""
    counts = view.counts()
    return f"{counts[:1].upper()}{counts[1:]}." if counts else ""


def running_head(parts: ReportParts, statement: str, phantom: bool) -> str:
    """What stands on top of every printed page."""
    return f"{PHANTOM if phantom else statement} {parts.title}"


def css_string(text: str) -> str:
    """Text as the inside of a CSS string: all but letters, digits and blanks as code points.

    The blank that ends each code point belongs to it (CSS Syntax 3, section 4.3.7).
    """
    return "".join(
        one if one == " " or (one.isascii() and one.isalnum()) else f"\\{ord(one):06x} "
        for one in text
    )


def checked(parts: ReportParts) -> None:
    """Refuse an image that is anything but inline data."""
    for gallery in parts.galleries:
        for case in gallery.get("cases") or ():
            for tile in case.get("tiles") or ():
                for key in ("image", "overlay"):
                    value = tile.get(key)
                    if value is not None and not PICTURE.fullmatch(str(value)):
                        raise ValueError(
                            f"galleries: {key} {str(value)[:30]!r} found in "
                            f"{gallery.get('name')!r}, data:image/png, jpeg or webp in base64 "
                            "allowed"
                        )


def halved(gallery: Any) -> dict[str, Any]:
    """The first half of a gallery's cases, and how many are left out by now."""
    cases = list(gallery.get("cases") or ())
    kept = cases[: len(cases) // 2]
    return {
        **gallery,
        "cases": kept,
        "left_out": int(gallery.get("left_out", 0)) + len(cases) - len(kept),
    }
