"""`patients.html`: how each patient was called, for a reader of the paper's abstract.

One self-contained page without any script: nothing is loaded from anywhere, everything can be read
and printed as it stands.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from osteon.reporting.figures.style import readable
from osteon.reporting.page.render import PHANTOM, PICTURE, TEMPLATES, css_string
from osteon.reporting.patients.cases import PatientCase
from osteon.reporting.patients.drawing import TERM_COLOURS
from osteon.reporting.patients.view import View
from osteon.reporting.patients.words import TERMS, Words, number

LIMIT = 8_000_000
"""Bytes that a page stays below."""
MOST = (12, 8, 5, 3, 1)
"""Pictures of a sequence at most: the first number that keeps the page below `LIMIT`."""
OWN = Path(__file__).parent / "templates"
SECURITY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)


def render_patients(
    cases: Sequence[PatientCase],
    *,
    statement: str,
    phantom: bool,
    classes: Sequence[str],
    lambdas: Sequence[float],
    age_table: Mapping[str, Any],
    title: str,
    patients: int | None = None,
    limit: int = LIMIT,
) -> str:
    """The page as HTML.

    All text is escaped; trusted markup is only what `osteon.reporting.patients.drawing` makes of
    numbers. Pictures are cut evenly, then cases from the end, until the page is below the limit,
    and it says so.

    Args:
        cases: patients to show, in this order.
        statement: where the data are from; phantom: are the patients made up?
        classes: two names, the last the positive class (benign, malignant).
        lambdas: weights of detector, sequence model and age, 0 or more, not all 0.
        age_table: `AgeTable.as_json()`; empty = no drawing of it.
        title: of the page, for instance "How each patient was called".
        patients: how many were judged in all; None = as many as cases.
        limit: bytes.

    Raises:
        ValueError: not two classes, not three weights, fewer patients than cases, a picture that is
            no base64 PNG, JPEG or WebP (it could be an address), contributions that do not follow
            from the weights, or a page too large with a single picture.
    """
    words = _words(classes, lambdas)
    total = len(cases) if patients is None else patients
    if total < len(cases):
        raise ValueError(f"patients: {total} found, {len(cases)} cases or more needed")
    for case in cases:
        checked(case, words)
    given = {"statement": statement, "phantom": phantom, "title": title, "total": total}
    kept = list(cases)
    while True:
        for most in MOST:
            page = _page(kept, View(words, age_table, most), len(cases), given)
            if len(page.encode("utf-8")) < limit:
                return page
        if len(kept) <= 1:
            size = len(page.encode("utf-8"))
            raise ValueError(f"cases: {size} bytes with one case, below {limit} needed")
        kept = kept[: (len(kept) + 1) // 2]


def _words(classes: Sequence[str], lambdas: Sequence[float]) -> Words:
    if len(classes) != 2:
        raise ValueError(f"classes: {len(classes)} found, 2 allowed")
    weights = tuple(float(one) for one in lambdas)
    if len(weights) != 3 or min(weights, default=-1) < 0 or sum(weights) <= 0:
        raise ValueError(f"lambdas: {weights} found, three of 0 or more, not all 0, allowed")
    return Words(readable(classes[0]), readable(classes[1]), (weights[0], weights[1], weights[2]))


def checked(case: PatientCase, words: Words) -> None:
    """Refuse a picture that is anything but inline data, and a sum that Eq. 1 does not give."""
    for one in case.sequences:
        for image in one.images:
            words.check(image, one.m, case.a)
        for picture in (one.strip, *(image.picture for image in one.images)):
            if picture is not None and not PICTURE.fullmatch(picture):
                raise ValueError(
                    f"cases: picture {picture[:30]!r} found in {case.name!r}, data:image/png, jpeg "
                    "or webp in base64 allowed"
                )


def _page(cases: Sequence[PatientCase], view: View, chosen: int, given: Mapping[str, Any]) -> str:
    words, total = view.words, given["total"]
    made = view.patients(cases)
    example = next((one for one in made if complete(one, words)), None)
    running = f"{PHANTOM if given['phantom'] else given['statement']} {given['title']}"
    used = [k for k, weight in enumerate(words.lambdas) if weight > 0]
    return str(
        environment()
        .get_template("patients.html.j2")
        .render(
            **given,
            banner=PHANTOM if given["phantom"] else "What data this is from",
            running=css_string(running),
            security=SECURITY,
            words=words,
            cases=made,
            example=example or next((one for one in made if one["deciding"]), None),
            terms=[(TERMS[k], TERM_COLOURS[k], number(words.lambdas[k])) for k in used],
            used=set(used),
            hidden=total - len(cases),
            left_out=chosen - len(cases),
        )
    )


def complete(case: Mapping[str, Any], words: Words) -> bool:
    """Does the case's deciding image have every term that has a weight?"""
    found = case["deciding"]
    return found is not None and len(found["steps"]) == sum(one > 0 for one in words.lambdas)


@cache
def environment() -> Any:
    """Jinja with everything escaped and no undefined name let through; styles of the report."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader([OWN, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
