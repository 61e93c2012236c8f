"""A node's function with names fixed keeps the hints that Kedro builds parameters from."""

import inspect
import typing

import pandas as pd

from osteon.pipelines.naming import fixed
from osteon.recipes.splitting import SplittingConfig


def node(table: pd.DataFrame, config: SplittingConfig, *, name: str, paper: str = "p") -> str:
    """Says what it was given."""
    return f"{len(table)} {config.folds} {name} {paper}"


def test_fixed_words_reach_the_function_and_others_stay_free() -> None:
    made = fixed(node, name="det")
    table = pd.DataFrame({"a": [1, 2]})
    assert made(table, SplittingConfig(folds=3)) == "2 3 det p"
    assert made(table, config=SplittingConfig(), paper="q") == "2 5 det q"
    assert fixed(node, name="seq", paper="r")(table, SplittingConfig()) == "2 5 seq r"
    assert made(table, SplittingConfig()) == "2 5 det p"


def test_name_and_hints_stay_and_fixed_words_leave_the_signature() -> None:
    made = fixed(node, name="det", paper="q")
    assert list(inspect.signature(made).parameters) == ["table", "config"]
    assert typing.get_type_hints(made)["config"] is SplittingConfig
    assert made.__name__ == "node" and made.__doc__ == node.__doc__
    inspect.signature(made).bind(1, 2)
    assert list(inspect.signature(node).parameters) == ["table", "config", "name", "paper"]


def test_arguments_by_name_alone_are_kept() -> None:
    def gather(*, name: str, **tables: int) -> dict[str, int]:
        return {name: sum(tables.values())}

    made = fixed(gather, name="all")
    assert made(a=1, b=2) == {"all": 3}
    assert [one.kind for one in inspect.signature(made).parameters.values()] == [
        inspect.Parameter.VAR_KEYWORD
    ]
