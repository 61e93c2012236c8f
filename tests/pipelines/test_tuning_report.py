"""The report takes a study's result where there is one, and asks for it only if told to."""

import pandas as pd
import pytest
from pydantic import BaseModel

from osteon.pipelines import reporting
from osteon.pipelines.reporting.tuned import configured, tuned_parts
from osteon.recipes import Learner, Recipe
from tests.reporting import tuning_sample as made

STUDY = {"row.tuning_result", "row.tuning_trials", "row.tuning_pictures"}


def page_inputs(**switch: bool) -> set[str]:
    pipeline = reporting.create_pipeline("row", "row.extra", ["net"], "net", **switch)
    (page,) = [one for one in pipeline.nodes if one.short_name == "write_report"]
    return set(page.inputs)


def test_only_a_tuned_report_takes_the_study() -> None:
    assert not STUDY & page_inputs()
    more = page_inputs(tuned=True) - page_inputs()
    assert more == STUDY | {"params:row.recipe", "params:row.net.learner"}


def test_without_a_result_the_page_is_as_before() -> None:
    assert tuned_parts(None, None, None, None, None) == ({}, {})
    # Leftovers of a study that was never judged are not shown.
    assert tuned_parts(None, made.trials(), made.pictures(), None, None) == ({}, {})


def test_a_result_brings_its_trials_its_charts_and_the_values_in_use() -> None:
    parts, charts = tuned_parts(made.result(), made.trials(), made.pictures(), None, None)
    assert parts["tuning"]["best_trial"] == 8 and isinstance(parts["tuning_trials"], pd.DataFrame)
    assert parts["tuning_in_use"] == {}
    assert "tuning_history" in charts


@pytest.fixture
def blocks() -> tuple[BaseModel, BaseModel]:
    recipe = Recipe.model_validate({"kind": "late_fusion", "training": {"lr": 0.02}})
    return recipe, Learner.model_validate({"backbone": "resnet34", "inputs": ["ldh"]})


def test_values_in_use_are_those_of_the_complete_recipe(blocks) -> None:
    found = configured(dict.fromkeys(["training.lr", "backbone", "no.such.path"]), *blocks)
    assert found == {"training.lr": 0.02, "backbone": "resnet34"}
