"""One function for several nodes that differ in a name alone."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any


def fixed(function: Callable[..., Any], **values: str) -> Callable[..., Any]:
    """The function with some keyword arguments given; its other type hints stay readable.

    Kedro builds typed parameters from a node's hints, which it cannot find on `functools.partial`.

    Args:
        function: a node's.
        values: keyword arguments of it.
    """

    @wraps(function)
    def run(*given: Any, **named: Any) -> Any:
        return function(*given, **named, **values)

    signature = inspect.signature(function)
    left = [one for name, one in signature.parameters.items() if name not in values]
    run.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
    return run
