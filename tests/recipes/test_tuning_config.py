"""Studies of every environment fit their recipes; a wrong word stops before the first trial."""

import math
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf
from pydantic import BaseModel, ValidationError

from osteon.recipes import Learner, Recipe
from osteon.recipes.best_values import best_yaml
from osteon.recipes.parallel import ParallelConfig
from osteon.recipes.spinal_penn import SegmentationLearner
from osteon.recipes.spinal_wff import FusionLearner
from osteon.recipes.tuned_values import (
    changes,
    check_space,
    current_values,
    full_recipe,
    tuned_blocks,
    tuned_recipe,
    value_at,
)
from osteon.recipes.tuning import PasswordFound, TuningConfig
from osteon.recipes.tuning_space import Choices, Range, as_plain, flat_dimensions, values_of
from tests.project import ROOT

HEADLINES: dict[str, tuple[str, type[BaseModel]]] = {
    "osteosarcoma_fusion": ("resnet18_all", Learner),
    "spinal_smsdnet": ("smsdnet", Learner),
    "femoral_alexnet": ("alexnet_bn", Learner),
    "spinal_penn": ("penn", SegmentationLearner),
    "spinal_wff": ("det_seq_age", FusionLearner),
}
ROWS = [
    (env, paper)
    for env in ("base", "paper", "smoke", "three_class", "vertebral_bodies", "medpix")
    for paper in HEADLINES
    if (ROOT / "conf" / env / f"parameters_{paper}.yml").is_file()
]
FACTS = {
    "study": "resnet18_all",
    "objective": "auroc",
    "trials": 8,
    "inner": {"value": 0.91},
    "outer": {"value": 0.8321, "lo": 0.7, "hi": 0.9},
    "patients": 40,
    "statement": "a phantom cohort; the values say nothing of real images.",
}


@cache
def parameters(env: str) -> dict:
    """What `kedro run --env` reads; nobody may change it."""
    loader = OmegaConfigLoader(
        str(ROOT / "conf"),
        base_env="base",
        default_run_env=env,
        merge_strategy={"parameters": "soft"},
    )
    return loader["parameters"]


@pytest.fixture(scope="module", params=ROWS, ids="-".join)
def row(request) -> tuple[TuningConfig, Recipe, BaseModel]:
    env, paper = request.param
    said = parameters(env)[paper]
    name, kind = HEADLINES[paper]
    recipe = Recipe.model_validate(said["recipe"])
    return (
        TuningConfig.model_validate(said["tuning"]),
        recipe,
        kind.model_validate(said[name]["learner"]),
    )


def drawn_by(draw, space) -> dict:
    """One point of a space, drawn by hypothesis."""
    found = {}
    for name, dimension in flat_dimensions(space).items():
        if isinstance(dimension, Choices):
            found[name] = draw(st.sampled_from(dimension.labels))
        elif dimension.whole:
            found[name] = draw(st.integers(*dimension.ends))
        else:
            found[name] = draw(st.floats(dimension.low, dimension.high))
    return found


def test_every_study_s_space_is_the_recipe_s(row) -> None:
    tuning, recipe, learner = row
    check_space(lambda values: tuned_recipe(recipe, learner, values), tuning.space)


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_full_recipe_has_exactly_what_was_tried(row, data) -> None:
    tuning, recipe, learner = row
    values = values_of(tuning.space, drawn_by(data.draw, tuning.space))
    ours, theirs = tuned_blocks(recipe, learner, values)
    own = type(learner).model_validate(theirs)
    full = full_recipe(Recipe.model_validate(ours), own)
    both = own.model_dump(mode="json") | full.model_dump(mode="json")
    for path, value in values.items():
        assert value_at(both, path) == as_plain(value), path
    # Nothing else moved: laid back, the recipe is as it was.
    was = learner.model_dump(mode="json") | full_recipe(recipe, learner).model_dump(mode="json")
    before = {path: value_at(was, path) for path in values if path != "weights"}
    back = tuned_recipe(Recipe.model_validate(ours), own, before)
    assert back == tuned_recipe(recipe, learner, before)


def test_configured_values_begin_a_study_that_is_not_for_tests(row) -> None:
    tuning, recipe, learner = row
    found = current_values(recipe, learner, tuning.space)
    assert found and set(found) <= set(flat_dimensions(tuning.space))


@pytest.mark.parametrize("paper", HEADLINES)
def test_the_three_profiles_are_as_long_as_they_say(paper: str) -> None:
    base, smoke, full = (
        TuningConfig.model_validate(parameters(env)[paper]["tuning"])
        for env in ("base", "smoke", "paper")
    )
    assert (smoke.trials, smoke.seeds, smoke.inner.folds) == (2, 1, 2)
    assert base.inner.folds == 2 and base.trials <= full.trials
    assert 60 <= full.trials <= 200 and set(base.space) <= set(full.space)


def test_work_is_parallel_by_default_and_one_after_the_other_in_tests() -> None:
    assert ParallelConfig.model_validate(parameters("base")["parallel"]) == ParallelConfig()
    assert ParallelConfig.model_validate(parameters("smoke")["parallel"]).jobs == 1


@pytest.mark.parametrize("paper", HEADLINES)
def test_the_best_file_laid_over_the_base_is_the_chosen_trial(paper: str, tmp_path: Path) -> None:
    said = parameters("base")[paper]
    name, kind = HEADLINES[paper]
    recipe = Recipe.model_validate(said["recipe"])
    learner = kind.model_validate(said[name]["learner"])
    space = TuningConfig.model_validate(said["tuning"]).space
    flat = flat_dimensions(space).items()
    drawn = {k: d.high if isinstance(d, Range) else d.labels[-1] for k, d in flat}
    drawn |= {k: 0.3 for k in drawn if k.endswith(".u0")}
    values = values_of(space, drawn)
    text = best_yaml(paper, name, *changes(recipe, learner, values), FACTS)
    (tmp_path / "best.yml").write_text(text)
    merged = OmegaConf.to_container(
        OmegaConf.merge(OmegaConf.create(parameters("base")), OmegaConf.load(tmp_path / "best.yml"))
    )[paper]
    ours, theirs = tuned_blocks(recipe, learner, values)
    assert (merged["recipe"], merged[name]["learner"]) == (ours, theirs)
    rest = set(said) - {"recipe", name}
    assert {key: merged[key] for key in rest} == {key: said[key] for key in rest}


def test_the_best_file_says_what_it_is_and_how_to_use_it() -> None:
    recipe = {"training": {"lr": 1e-05}}
    text = best_yaml("spinal_wff", ["a", "b"], recipe, {"weights": [0.5, 0.5, 0.0]}, FACTS,
                     {"sequence": {"slices": 8}})  # fmt: skip
    head = " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))
    for words in (
        "a phantom cohort",
        "8 trials, chosen by auroc",
        "Inner folds: 0.910",
        "0.832 (0.700 to 0.900), looked at once",
        "conf/tuned/parameters_spinal_wff.yml",
        "`kedro run --env=tuned --pipelines=spinal_wff`",
        "Only the 40 patients of fold 0 stayed untouched",
    ):
        assert words in head
    assert max(map(len, text.splitlines())) <= 100 and "&" not in text
    weights = {"learner": {"weights": [0.5, 0.5, 0.0]}}
    assert yaml.safe_load(text) == {
        "spinal_wff": {
            "recipe": recipe, "a": weights, "b": weights, "sequence": {"learner": {"slices": 8}}
        }
    }  # fmt: skip


def test_an_outer_part_that_nobody_looked_at_is_said_to_be_so() -> None:
    text = best_yaml("spinal_penn", "penn", {"hflip": 0.1}, {}, FACTS | {"outer": None})
    assert "Outer part: not looked at" in text
    with pytest.raises(ValidationError, match="statement"):
        best_yaml("spinal_penn", "penn", {}, {}, {"study": "s"})


def test_the_best_file_tells_further_looks_cheaper_trials_and_scores_that_are_not_defined() -> None:
    def head(**facts) -> str:
        text = best_yaml("spinal_penn", "penn", {"hflip": 0.1}, {}, FACTS | facts)
        return " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))

    assert "looked at once" not in head(looks=3)
    assert "(0.700 to 0.900); 3 settings have judged it by now" in head(looks=3)
    found = head(in_trials={"training.epochs": 8})
    assert "Trials had training.epochs 8; the look at the outer part did not." in found
    found = head(outer={"value": None, "lo": None, "hi": None})
    assert "Outer part: not defined on these patients, looked at once" in found


def test_reading_a_study_s_configuration_costs_no_heavy_library() -> None:
    program = (
        "import sys, osteon.recipes.tuning, osteon.recipes.parallel;"
        "print([m for m in ('torch', 'optuna', 'joblib', 'numpy', 'kedro') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


SPACE = {"training.lr": {"low": 0.001, "high": 0.1, "log": True}}


def test_defaults_are_a_study_of_tpe_on_two_inner_folds() -> None:
    found = TuningConfig.model_validate({"trials": 5, "space": SPACE})
    assert (found.sampler, found.startup, found.objective) == ("tpe", 10, "auroc")
    assert (found.inner.folds, found.held_out, found.seeds, found.first) == (2, 0, 3, True)
    assert (found.pruner.kind, found.storage, found.heartbeat, found.retries) == (
        "median", None, 10, 2,
    )  # fmt: skip
    assert TuningConfig.model_validate(found.model_dump()) == found
    assert TuningConfig.model_validate(found.model_dump(mode="json")) == found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trials": 0}, "trials"),
        ({"trails": 3}, "trails"),
        ({"space": {}}, "space"),
        ({"space": {"training..lr": {"low": 0, "high": 1}}}, r"space.`training\.\.lr`"),
        ({"space": {"a": {"choices": [1]}, "a.b": {"choices": [1]}}}, "space.a holds space.a.b"),
        ({"space": {"training.lr": {"low": 1, "high": 0}}}, r"space.`training.lr`.range\s.*low: 1"),
        ({"in_trials": {"training.lr": 1}}, "in_trials.training.lr found beside space.training.lr"),
        ({"in_trials": {"training": {}}}, "in_trials.training found beside space.training.lr"),
        ({"inner": {"folds": 1}}, "inner.folds"),
        ({"pruner": {"kind": "best"}}, "pruner.kind"),
        ({"objective": "loss"}, "objective"),
        ({"storage": "studies.db"}, "storage: 'studies.db' found; allowed are null, journal"),
        ({"storage": "journal:"}, "storage: 'journal:' found"),
    ],
)
def test_a_wrong_word_is_named(change: dict, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TuningConfig.model_validate({"trials": 5, "space": SPACE} | change)


@pytest.mark.parametrize(
    "storage",
    [
        "postgresql://me:secret@host/osteon",
        "postgresql://me:sec/ret@host/osteon",
        "postgresql://:secret@host/osteon",
        "postgresql://me@host/osteon?sslmode=require&password=secret",
        "postgresql://me@host/osteon?sslPassword=secret",
    ],
)
def test_a_password_is_refused_and_not_printed(storage: str) -> None:
    # Without `trials` too, where pydantic would print all that was given.
    for rest in ({"trials": 5, "space": SPACE}, {}):
        with pytest.raises(PasswordFound, match="storage: a password found") as found:
            TuningConfig.model_validate(rest | {"storage": storage})
        assert "sec" not in str(found.value)


@pytest.mark.parametrize(
    "storage",
    [
        "journal",
        "journal:/shared/study.log",
        "sqlite:///s.db",
        "postgresql://me@host:5432/osteon",
        "postgresql://me@host/osteon?sslmode=require",
    ],
)
def test_storages_that_are_known(storage: str) -> None:
    found = TuningConfig.model_validate({"trials": 5, "space": SPACE, "storage": storage})
    assert found.storage == storage


def test_log_ranges_of_the_spaces_are_drawn_to_their_ends() -> None:
    space = TuningConfig.model_validate({"trials": 1, "space": SPACE}).space
    for end in (0.001, 0.1):
        assert math.isclose(values_of(space, {"training.lr": end})["training.lr"], end)


def test_null_takes_back_what_another_environment_made_cheaper() -> None:
    laid = {"training.epochs": None, "hidden": 64}
    found = TuningConfig.model_validate({"trials": 5, "space": SPACE, "in_trials": laid})
    assert found.in_trials == {"hidden": 64}
