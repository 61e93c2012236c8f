from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from torch import nn

from osteon.pipelines.explainability.nodes import _subject, lesion
from osteon.recipes.clinical import ClinicalConfig
from osteon.recipes.preprocessing import PreprocessingConfig


class _Network(nn.Module):
    features_layer = "layer4"


@pytest.fixture
def model() -> SimpleNamespace:
    recipe = SimpleNamespace(clinical_columns=("alp_norm", "ldh_norm"), clinical=ClinicalConfig())
    folds = [{"fold": 3}, {"fold": 5}]
    networks = (_Network(), _Network())
    return SimpleNamespace(
        recipe=recipe, networks=networks, card={"folds": folds}, classes=("a", "b")
    )


@pytest.fixture
def judged() -> pd.DataFrame:
    table = {"sample_id": ["s"], "patient_id": ["p"], "learner": ["all"], "label": [1], "row": [7]}
    return pd.DataFrame(table | {"fold": [5], "alp_norm": [0.5], "ldh_norm": [0.5]})


@pytest.mark.parametrize(
    ("asked", "read"), [(None, "layer4"), ("encoder.layer3", "encoder.layer3")]
)
def test_the_layer_is_the_paper_s_unless_the_configuration_names_one(
    judged: pd.DataFrame, model: SimpleNamespace, asked: str | None, read: str
) -> None:
    settings = PreprocessingConfig(size=64)
    subject = _subject(judged, Path("nowhere"), None, model, settings, asked)
    assert subject.layer == read


def test_a_fold_is_explained_by_its_own_network(
    judged: pd.DataFrame, model: SimpleNamespace
) -> None:
    settings = PreprocessingConfig(size=64)
    subject = _subject(judged, Path("nowhere"), None, model, settings, None)
    assert subject.networks == {3: model.networks[0], 5: model.networks[1]}
    assert subject.features == ["alp", "ldh"]


def test_a_mask_wins_over_boxes_and_neither_is_no_lesion() -> None:
    mask, boxes = np.full((4, 6), 2, np.uint8), [[1, 1, 3, 2, "tumour"]]
    pixels = np.zeros((4, 6), np.uint16)

    def archive(mask: np.ndarray | None, boxes: list) -> SimpleNamespace:
        return SimpleNamespace(
            mask=lambda row: mask, boxes=lambda row: boxes, pixels=lambda row: pixels
        )

    assert (lesion(archive(mask, boxes), 0) == 2).all()
    drawn = lesion(archive(None, boxes), 0)
    assert drawn is not None and drawn.shape == (4, 6) and 0 < drawn.sum() < drawn.size
    assert lesion(archive(None, []), 0) is None
