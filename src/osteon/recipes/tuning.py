"""Configuration of tuning: the search space, its study, its folds; see `tuning_space`.

A study looks for the best values of some paths of a recipe, judged by folds of the training part.
How long: trials x inner folds x one training; a quick study takes 20 to 30 s on two cores, the look
at the outer part 10 to 35 s.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from osteon.recipes.base import Strict
from osteon.recipes.best_values import best_yaml
from osteon.recipes.tuned_values import (
    changes,
    check_space,
    current_values,
    full_recipe,
    in_trials,
    lay,
    tuned_blocks,
    tuned_recipe,
    value_at,
)
from osteon.recipes.tuning_space import (
    Choices,
    Dimension,
    Range,
    Simplex,
    Space,
    SpaceError,
    drawn_from,
    flat_dimensions,
    flat_names,
    values_of,
)

__all__ = [
    "Choices",
    "Dimension",
    "InnerConfig",
    "PrunerConfig",
    "Range",
    "Simplex",
    "Space",
    "SpaceError",
    "TuningConfig",
    "best_yaml",
    "changes",
    "check_space",
    "current_values",
    "drawn_from",
    "flat_dimensions",
    "flat_names",
    "full_recipe",
    "in_trials",
    "lay",
    "tuned_blocks",
    "tuned_recipe",
    "value_at",
    "values_of",
]

Path = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]\w*(\.[A-Za-z]\w*)*$")]
PASSWORD = re.compile(r"://[^:/]*:[^@]*@|[?&]\w*(password|passwd|pwd)=", re.IGNORECASE)
"""As SQLAlchemy reads a URL: a password ends at the last @, or stands among the options."""


class PasswordFound(Exception):
    """A password stands in the parameters; no ValueError, as pydantic would print it with it."""


class InnerConfig(Strict):
    """Folds of the training part, by patient; trials see no other patients.

    Attributes:
        folds: their number.
        seed: of the shuffle.
    """

    folds: int = Field(default=2, ge=2, le=50)
    seed: int = Field(default=0, ge=0, lt=2**32)


class PrunerConfig(Strict):
    """When a trial that falls behind is given up.

    Attributes:
        kind: `median`, below the median of earlier trials at the same epoch; `hyperband`, in
            successive halvings; `none`.
        startup: of `median`, trials that have run to their end before any is given up.
        warmup: steps, epochs of all inner folds one after the other, before which none is; of
            `hyperband`, the steps that the shortest of its rounds lasts, at least 1.
    """

    kind: Literal["median", "hyperband", "none"] = "median"
    startup: int = Field(default=5, ge=0, le=10_000)
    warmup: int = Field(default=2, ge=0, le=1_000_000)


class TuningConfig(Strict):
    """One study: the outer part of the splits is looked at once, by the setting that it chose.

    Attributes:
        trials: of the study, failed and given-up ones included.
        space: what is tried, by its path in the recipe, such as `training.lr`.
        in_trials: what trials have otherwise than the row, by path, such as fewer
            `training.epochs`: cheaper, so that more settings can be tried; null = as the row, for
            an environment that lies over another. The one look at the outer part is trained as
            the row is.
        held_out: fold of the row's own splits that no trial sees; a hold-out has only 0.
        inner: folds of the rest.
        objective: what is maximised, over patients.
        sampler: `tpe` learns from earlier trials, `random` does not.
        startup: trials drawn at random before TPE begins.
        pruner: when a trial is given up.
        seed: of the draws.
        seeds: seeds that the chosen setting is trained with, for its spread; 1 = no spread.
        first: the configuration's own values are the first trial, those of them that lie in the
            space.
        storage: None, an SQLite file in the row's own folder; `journal`, a journal file there;
            `journal:<path>`; or an SQLAlchemy URL, without a password.
        heartbeat: seconds between signs of life of a running trial.
        retries: times that a trial is begun again whose process died without having come further.
    """

    trials: int = Field(ge=1, le=100_000)
    space: dict[Path, Dimension] = Field(min_length=1)
    in_trials: dict[Path, Any] = Field(default_factory=dict)
    held_out: int = Field(default=0, ge=0, le=1000)
    inner: InnerConfig = InnerConfig()
    objective: Literal["auroc", "f1", "accuracy", "balanced_accuracy", "dice"] = "auroc"
    sampler: Literal["tpe", "random"] = "tpe"
    startup: int = Field(default=10, ge=0, le=10_000)
    pruner: PrunerConfig = PrunerConfig()
    seed: int = Field(default=0, ge=0, lt=2**32)
    seeds: int = Field(default=3, ge=1, le=100)
    first: bool = True
    storage: str | None = None
    heartbeat: int = Field(default=10, ge=1, le=3600)
    retries: int = Field(default=2, ge=0, le=100)

    @field_validator("space")
    @classmethod
    def _paths_stand_apart(cls, space: dict[str, Dimension]) -> dict[str, Dimension]:
        for path in space:
            inside = [other for other in space if other.startswith(f"{path}.")]
            if inside:
                raise ValueError(f"space.{path} holds space.{inside[0]}; allowed is one of them")
        return space

    @field_validator("in_trials")
    @classmethod
    def _without_null(cls, laid: dict[str, Any]) -> dict[str, Any]:
        return {path: value for path, value in laid.items() if value is not None}

    @model_validator(mode="after")
    def _tried_or_laid(self) -> "TuningConfig":
        for path in self.in_trials:
            for other in self.space:
                if f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}."):
                    raise ValueError(
                        f"in_trials.{path} found beside space.{other}; allowed is one of them"
                    )
        return self

    @field_validator("storage")
    @classmethod
    def _known_storage(cls, storage: str | None) -> str | None:
        if storage is None or storage == "journal" or re.match(r"journal:.", storage):
            return storage
        if "://" not in storage:
            raise ValueError(
                f"storage: {storage!r} found; allowed are null, journal, journal:<path> and an "
                "SQLAlchemy URL such as sqlite:///study.db or postgresql://user@host/osteon"
            )
        if PASSWORD.search(storage):
            # Parameters are written into the tracking store, which is no place for it.
            raise PasswordFound(
                "storage: a password found in the URL; allowed is a URL without one: PostgreSQL "
                "reads it from PGPASSWORD or ~/.pgpass"
            )
        return storage
