"""A user's own names of MR series: `cohort.sequences`, from words of a description to our term.

The descriptions are free text and may name a person: they are compared here and go no further.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Rules = tuple[tuple[str, str | None], ...]
"""(pattern of the user, our term or None: such series are left out), the most specific first."""

WILDCARDS = re.compile(r"([*?])")


def rules_of(sequences: Mapping[str, str | None]) -> Rules:
    """Rules in the order in which they are tried: the longest first.

    Not in the order of the configuration, which its merging over environments does not keep.
    """
    return tuple(sorted(sequences.items(), key=lambda rule: (-len(rule[0]), rule[0])))


def named_by_user(descriptions: Iterable[str], rules: Rules) -> tuple[bool, str | None]:
    """What the first rule that fits says of a series.

    Args:
        descriptions: Series Description and Protocol Name.
        rules: as `rules_of` gives them. With * (any text) or ? (any character) a pattern is the
            whole description, without them a part of it; case does not count.

    Returns:
        whether a rule fits, and its term.
    """
    texts = [text.casefold() for text in descriptions]
    for pattern, term in rules:
        if any(_fits(pattern.casefold(), text) for text in texts):
            return True, term
    return False, None


def _fits(pattern: str, text: str) -> bool:
    if not WILDCARDS.search(pattern):
        return pattern in text
    parts = {"*": ".*", "?": "."}
    expression = "".join(parts.get(part, re.escape(part)) for part in WILDCARDS.split(pattern))
    return re.fullmatch(expression, text, re.DOTALL) is not None
