"""Checks on parts of a configuration that will be merged with others."""

from typing import Any

from pydantic import TypeAdapter, ValidationError


def refuse_typos(wanted: Any, part: dict[str, Any]) -> None:
    """Stop at a name or a type that is wrong in itself, before anything runs.

    What has to fit together is left to the merged recipe: a part is judged against defaults here.

    Args:
        wanted: a Pydantic model or annotated union; part: some of its fields.

    Raises:
        ValidationError: an unknown key or a value of the wrong type.
    """
    try:
        TypeAdapter(wanted).validate_python(part)
    except ValidationError as error:
        if any(one["type"] != "value_error" for one in error.errors()):
            raise
