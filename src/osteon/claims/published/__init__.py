"""The papers' printed numbers: read and checked."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

PAPERS = (
    "osteosarcoma_fusion",
    "femoral_alexnet",
    "spinal_smsdnet",
    "spinal_wff",
    "spinal_penn",
)
Unit = Literal["fraction", "percent", "percentage points", "ratio", "seconds"]
# What a printed result can be at all, by its unit.
RANGES: dict[str, tuple[float, float]] = {
    "fraction": (0, 1),
    "percent": (0, 100),
    "percentage points": (-100, 100),
    "ratio": (0, float("inf")),
    "seconds": (0, float("inf")),
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Strict):
    """Where the paper stands; None = not in the text at hand."""

    authors: str
    journal: str | None
    year: int | None
    doi: str | None


class Result(_Strict):
    """A block of printed results: its place, its unit and the decimals it is printed with."""

    where: str
    unit: Unit
    decimals: int = Field(ge=0, le=6)


class Compared(_Strict):
    """One line of the comparison of protocols.

    Attributes:
        item: its name.
        printed: dotted path to the printed setting.
        ours: path into what a run says of itself (see `osteon.claims.paths`), or several of which
            the first counts that leads to something.
        default: ours where the run has no such setting because it knows one way only.
    """

    item: str
    printed: str
    ours: str | tuple[str, ...]
    default: str | int | float | bool | None = None


class Claim(_Strict):
    """One printed number, or a table of them, that a run of ours can be set beside.

    Attributes:
        id: start of the rows' names.
        what: text; `{row}` and `{column}` are filled in for a table.
        value: dotted path to one printed number, or
        table: name of a block row → column → number.
        columns: printed column → our metric; empty = all, under their own names.
        rows: printed row → our learner; empty = all, under their own names.
        ours: path into metrics or explanations, or several of which the first counts that leads to
            a figure; None = we have no such figure.
        pick: `max` takes the best of several found.
    """

    id: str
    what: str
    value: str | None = None
    table: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    rows: dict[str, str] = Field(default_factory=dict)
    ours: str | tuple[str, ...] | None = None
    pick: Literal["max"] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Claim":
        if (self.value is None) == (self.table is None):
            raise ValueError(
                f"claim {self.id}: one of value and table is needed, found both or none"
            )
        return self


class Published(BaseModel):
    """A paper's printed numbers; the blocks that `results` names stand beside these keys.

    Attributes:
        paper: name of the row.
        title: of the paper.
        place: where it stands.
        cohort: its patients and images.
        protocol: its settings; null where it states none.
        results: name of each block of printed results → place, unit, decimals.
        compared: lines of the comparison of protocols.
        claims: printed numbers that ours are set beside.
        names: how rows and columns of the blocks are called in texts.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    paper: str
    title: str = Field(min_length=1)
    place: Place
    cohort: dict[str, Any] = Field(min_length=1)
    protocol: dict[str, Any] = Field(min_length=1)
    results: dict[str, Result] = Field(min_length=1)
    compared: list[Compared] = Field(default_factory=list)
    claims: list[Claim] = Field(default_factory=list)
    names: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _holds_together(self) -> "Published":
        for name, result in self.results.items():
            for where, value in numbers(self.at(name), name):
                lo, hi = RANGES[result.unit]
                if not lo <= value <= hi:
                    raise ValueError(
                        f"{where}: {value} found, {lo} to {hi} allowed ({result.unit})"
                    )
        for line in self.compared:
            self.at(line.printed)
        for claim in self.claims:
            source = claim.value or claim.table or ""
            self.at(source)
            if source.partition(".")[0] not in self.results:
                raise ValueError(f"claim {claim.id}: {source} is no block that `results` names")
        return self

    def at(self, path: str) -> Any:
        """The printed thing at a dotted path, such as `table1.penn.dice`."""
        found: Any = {name: getattr(self, name) for name in ("cohort", "protocol")}
        found |= self.__pydantic_extra__ or {}
        for part in path.split("."):
            if not isinstance(found, dict) or part not in found:
                raise ValueError(f"{path}: no {part!r} found in the file")
            found = found[part]
        return found


def numbers(tree: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a tree of mappings and lists, with its dotted path; null is left out."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from numbers(value, f"{where}.{key}" if where else str(key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from numbers(value, f"{where}[{index}]")
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool):
        yield where, tree


def read_published(paper: str) -> dict[str, Any]:
    """The checked `published` block of one of the five papers, as plain mappings.

    Args:
        paper: name of the row, see `PAPERS`.

    Raises:
        ValueError: unknown paper, or a file that does not hold together (file and key named).
    """
    if paper not in PAPERS:
        raise ValueError(f"paper: found {paper!r}; allowed are {', '.join(PAPERS)}")
    name = f"{paper}.yml"
    text = (files("osteon.claims.published") / name).read_text(encoding="utf-8")
    return parse(text, name)


def read_file(path: Path) -> dict[str, Any]:
    """The same from a file of one's own; raises as `read_published`."""
    return parse(path.read_text(encoding="utf-8"), path.name)


def parse(text: str, name: str) -> dict[str, Any]:
    """The checked `published` block of a YAML text; `name` stands in errors."""
    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{name}: not readable as YAML: {error}") from None
    if not isinstance(read, dict) or not isinstance(read.get("published"), dict):
        raise ValueError(f"{name}: no block `published` found, one needed")
    try:
        Published.model_validate(read["published"])
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(["published", *map(str, first["loc"])])
        raise ValueError(f"{name}: {key}: {first['msg']}") from None
    return dict(read["published"])
