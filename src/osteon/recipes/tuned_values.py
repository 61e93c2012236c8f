"""A trial's values laid into a recipe, by path, as a person would lay them into `conf/`.

A path names a field of the learner's complete recipe, such as `training.lr`. What the learner says
of its own wins over the paper's recipe, so a value goes where that field is said now: into the
learner's block if the block has the path's first part, else into the recipe's.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, RootModel, ValidationError

from osteon.recipes import Learner, Recipe
from osteon.recipes.base import LearnerRecipe
from osteon.recipes.laying import Block, as_plain, found_at, laid_over, lay, stepped, value_at
from osteon.recipes.spinal_penn import SegmentationLearner, SegmentationRecipe
from osteon.recipes.spinal_wff import FusionLearner as RowLearner
from osteon.recipes.spinal_wff import SequenceLearner, WFFRecipe
from osteon.recipes.tuning_space import (
    Choices,
    Range,
    Simplex,
    Space,
    SpaceError,
    drawn_from,
)


def changes(recipe: Recipe, learner: BaseModel, values: Mapping[str, Any]) -> tuple[Block, Block]:
    """The values alone, sorted into the two blocks that a configuration file has.

    Args:
        recipe: the paper's, as it stands in parameters.
        learner: what one learner has of its own: a `Learner`, `SegmentationLearner`, or one of the
            weighted fusion's.
        values: by path.

    Returns:
        (what changes in the recipe's block, what changes in the learner's); networks in them
        are named, so that nobody takes one for another.

    Raises:
        SpaceError: see `lay`.
    """
    ours: Block = {}
    theirs: Block = {}
    for path, value in values.items():
        if _is_the_learners(recipe, learner, path):
            lay(_raw(learner), path, value)  # finds a path that does not fit what stands there
            theirs = lay(_named(theirs, _raw(learner), path), path, value)
        else:
            lay(_raw(recipe), path, value)
            ours = lay(_named(ours, _plain_of(recipe), path), path, value)
    return ours, theirs


def tuned_blocks(
    recipe: Recipe, learner: BaseModel, values: Mapping[str, Any]
) -> tuple[Block, Block]:
    """The recipe's block and the learner's with the values laid in, as a configuration has them.

    Args:
        recipe: the paper's, as it stands in parameters.
        learner: as in `changes`.
        values: by path.

    Returns:
        (recipe, learner), plain values only; `Recipe` and the learner's class read them. The same
        comes of laying `changes` over the two blocks, as an environment does.

    Raises:
        SpaceError: see `lay`.
    """
    ours, theirs = changes(recipe, learner, values)
    return laid_over(_raw(recipe), ours), laid_over(_raw(learner), theirs)


def full_recipe(recipe: Recipe, learner: BaseModel) -> LearnerRecipe | WFFRecipe:
    """The complete recipe of one learner, of whatever row.

    Args:
        recipe: the paper's, as it stands in parameters.
        learner: as in `changes`; a row of the weighted fusion has the paper's recipe as it is.

    Raises:
        ValueError: the learner is of another kind than the recipe.
    """
    own = learner.root if isinstance(learner, RootModel) else learner
    root = recipe.root
    if isinstance(root, SegmentationRecipe) and isinstance(own, SegmentationLearner):
        return root.for_learner(own)
    if isinstance(root, WFFRecipe) and isinstance(own, SequenceLearner):
        own_sequence = root.sequence.for_learner(own)
        return root.model_copy(update={"sequence": own_sequence})
    if isinstance(root, WFFRecipe) and isinstance(own, RowLearner):
        return root
    return recipe.for_learner(
        learner if isinstance(learner, Learner) else Learner.model_validate(own)
    )


def tuned_recipe(
    recipe: Recipe, learner: BaseModel, values: Mapping[str, Any]
) -> LearnerRecipe | WFFRecipe:
    """The complete recipe of one learner with the values laid in.

    Args:
        recipe: the paper's, as it stands in parameters.
        learner: as in `changes`.
        values: by path.

    Raises:
        SpaceError: a path leads nowhere, or a value has no effect, because something else of the
            learner's stands over it.
        ValidationError: the recipe, or the learner, does not take a value.
    """
    _refuse_unknown(recipe, learner, values)
    ours, theirs = tuned_blocks(recipe, learner, values)
    own = type(learner).model_validate(theirs)
    full = full_recipe(Recipe.model_validate(ours), own)
    both = _fields(full, own)
    for path, value in values.items():
        if (found := value_at(both, path)) != as_plain(value):
            raise SpaceError(
                f"{path}: {_shown(value)} laid in, but {found!r} found; allowed are paths that "
                "nothing else of the learner stands over"
            )
    return full


def in_trials(recipe: Recipe, learner: BaseModel, values: Mapping[str, Any]) -> tuple[Recipe, Any]:
    """Recipe and learner as trials have them.

    Args:
        recipe: the paper's, as it stands in parameters.
        learner: as in `changes`.
        values: `tuning.in_trials`, by path.

    Raises:
        SpaceError: names a path that leads nowhere, or a value that the recipe does not take.
    """
    if not values:
        return recipe, learner
    try:
        tuned_recipe(recipe, learner, values)
    except SpaceError as error:  # begins with the path
        raise SpaceError(f"in_trials.{error}") from error
    except ValidationError as error:
        laid = ", ".join(f"{path} {_shown(value)}" for path, value in values.items())
        raise SpaceError(f"in_trials: {laid} found; {_words(error)}") from error
    ours, theirs = tuned_blocks(recipe, learner, values)
    return Recipe.model_validate(ours), type(learner).model_validate(theirs)


def _refuse_unknown(recipe: Recipe, learner: BaseModel, values: Mapping[str, Any]) -> None:
    """Stop at a path that no field has, with the names of those that there are."""
    both = _fields(full_recipe(recipe, learner), learner)
    for path in values:
        found: Any = both
        for part in path.split("."):
            if found is None:
                break  # what a block that is null now may hold, its model says
            found = stepped(found, part, path)


def current_values(recipe: Recipe, learner: BaseModel, space: Space) -> dict[str, Any] | None:
    """What a study draws in its first trial, to begin with the configuration as it is.

    Args:
        recipe: the paper's, as it stands in parameters.
        learner: as in `changes`.
        space: the search space.

    Returns:
        by the study's names; the paths whose values lie in the space, or None if none does.
    """
    full = full_recipe(recipe, learner)
    if isinstance(full, LearnerRecipe):
        # Automatic values as they come out, so that they too can be the first trial's.
        full = full.model_copy(update={"training": full.resolved_training()})
    both = _fields(full, learner)
    values: dict[str, Any] = {}
    for path in space:
        try:
            values[path] = value_at(both, path)
        except SpaceError:
            continue  # a field of a block that is null now
    return drawn_from(space, values) or None


def check_space(make: Callable[[dict[str, Any]], Any], space: Space) -> None:
    """Try the ends of every dimension, and each choice, alone, before anything is trained.

    Args:
        make: a complete recipe of some values by path, such as `tuned_recipe` of a learner; raises
            ValueError where it does not take them.
        space: the search space.

    Raises:
        SpaceError: names path, value and why the recipe does not take it.
    """
    for path, dimension in space.items():
        for value in _tried(dimension):
            try:
                make({path: value})
            except ValidationError as error:
                raise SpaceError(f"{path}: {_shown(value)} found; {_words(error)}") from error
            except ValueError as error:
                shown = "" if str(error).startswith(path) else f"{path}: {_shown(value)} found; "
                raise SpaceError(f"{shown}{error}") from error


def _tried(dimension: Range | Choices | Simplex) -> tuple[Any, ...]:
    if isinstance(dimension, Choices):
        return dimension.choices
    if isinstance(dimension, Simplex):
        return dimension.corners
    low, high = dimension.low, dimension.high
    # A value between shows a range of broken numbers laid over a field of whole ones.
    return (*dimension.ends, dimension.snapped(low + (high - low) / math.pi))


def _words(error: ValidationError) -> str:
    """Why, without the input, which is known, and without the library's address."""
    shown = []
    for one in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in one["loc"])
        shown.append(f"{where}: {one['msg']}" if where else one["msg"])
    return "; ".join(shown)


def _shown(value: Any) -> str:
    return repr(list(value)) if isinstance(value, tuple) else repr(value)


def _is_the_learners(recipe: Recipe, learner: BaseModel, path: str) -> bool:
    """Whether the learner's block is where a path belongs."""
    own: BaseModel = learner.root if isinstance(learner, RootModel) else learner
    first = path.split(".")[0]
    if first not in type(own).model_fields:
        return False
    said = first in own.model_fields_set and getattr(own, first) is not None
    return said or first not in type(recipe.root).model_fields


def _named(block: Block, whole: Mapping[str, Any], path: str) -> Block:
    """`block` with the `name` of every block that a path leads through.

    Of a network the name says which of several it is: without it nothing can be read.
    """
    parts = path.split(".")[:-1]
    for depth in range(1, len(parts) + 1):
        place = ".".join([*parts[:depth], "name"])
        name, there = found_at(whole, place), found_at(block, place)
        if name is not None and there is None:
            block = lay(block, place, name)
    return block


def _raw(model: BaseModel) -> Block:
    """What was said, without defaults, as plain values."""
    found: Block = model.model_dump(mode="json", exclude_unset=True)
    return found


def _plain_of(model: BaseModel) -> Block:
    found: Block = model.model_dump(mode="json")
    return found


def _fields(full: BaseModel, own: BaseModel) -> Block:
    """Fields of a complete recipe, and those that only its learner has."""
    return _plain_of(own) | _plain_of(full)
