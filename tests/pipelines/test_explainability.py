from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from osteon.explaining.store import Maps
from osteon.pipelines.explainability import create_pipeline
from osteon.pipelines.explainability.nodes import (
    _subject,
    explain_learner,
    given_lesion,
    lesion,
    map_attention,
)
from osteon.recipes.artefact import SkippedLearner
from osteon.recipes.clinical import ClinicalConfig
from osteon.reporting.choice import NAMES
from tests.explaining_crops import (
    CONFIG,
    CROPS,
    IN_FIELD,
    SETTINGS,
    SIDE,
    SPOTS,
    Originals,
    Spaced,
    write_field_store,
)


class Bright(nn.Module):
    """Its evidence is the brightness itself; K logits, or a single one for the last class."""

    features_layer = "seen"
    gradcam_layers = {"short": "seen"}  # noqa: RUF012

    def __init__(self, logits: int = 2) -> None:
        super().__init__()
        self.seen, self.logits = nn.Identity(), logits
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        assert image.shape[1:] == (3, SIDE, SIDE) and image.min() >= 0 and image.max() <= 1
        logit = self.weight * self.seen(image).mean((1, 2, 3))[:, None]
        return logit if self.logits == 1 else torch.cat([0 * logit, logit], dim=1)

    def forward_with_weights(self, image: torch.Tensor) -> Any:
        share = image.mean((1, 2, 3))[:, None]
        return self(image), [[torch.ones_like(share), torch.cat([share, 1 - share], dim=1)]]


def make_model(**recipe: Any) -> SimpleNamespace:
    """Folds 3 and 5 of a network of the image alone."""
    given = {"clinical_columns": None, "normalisation": "unit"} | recipe
    return SimpleNamespace(
        recipe=SimpleNamespace(**given),
        networks=(Bright(), Bright()),
        card={"folds": [{"fold": 3}, {"fold": 5}], "data_hash": "d", "split_hash": "s"},
        classes=("giant_cell_tumor", "osteosarcoma"),
    )


def _made(model: Any, samples: pd.DataFrame, predictions: pd.DataFrame, layer: str | None = None):
    judged = predictions[["sample_id", "fold", "learner"]].merge(samples, on="sample_id")
    return _subject(judged, Path("nowhere"), Originals(SPOTS[::-1]), model, SETTINGS, layer)


@pytest.mark.parametrize(
    ("asked", "read"), [(None, "seen"), ("encoder.layer3", "encoder.layer3"), ("short", "seen")]
)
def test_the_layer_is_the_paper_s_unless_the_configuration_names_one(
    samples: pd.DataFrame, predictions: pd.DataFrame, asked: str | None, read: str
) -> None:
    assert _made(make_model(), samples, predictions, asked).layer == read


def test_a_fold_is_explained_by_its_own_network(
    samples: pd.DataFrame, predictions: pd.DataFrame
) -> None:
    model = make_model()
    subject = _made(model, samples, predictions)
    assert subject.networks == {3: model.networks[0], 5: model.networks[1]}
    assert subject.mode == "letterbox" and subject.target == 1


def test_clinical_values_start_at_neutral_and_images_alone_have_none(
    samples: pd.DataFrame, predictions: pd.DataFrame
) -> None:
    alone = _made(make_model(), samples, predictions)
    assert list(alone.features) == [] and len(alone.baseline) == 0
    columns = ("alp_norm", "ldh_norm")
    model = make_model(
        clinical_columns=columns, clinical=ClinicalConfig(), normalisation="imagenet"
    )
    both = _made(model, samples.assign(alp_norm=0.5, ldh_norm=0.5), predictions)
    assert both.features == ["alp", "ldh"] and len(both.baseline) == 2
    none = _made(make_model(clinical_columns=(), clinical=ClinicalConfig()), samples, predictions)
    assert none.features == [] and len(none.baseline) == 0


@pytest.mark.parametrize(("positive", "target"), [(None, 1), (1, 1), (0, 0)])
def test_a_logit_of_the_first_class_is_turned_round(
    samples: pd.DataFrame, predictions: pd.DataFrame, positive: int | None, target: int
) -> None:
    assert _made(make_model(positive=positive), samples, predictions).target == target


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
    # A mask without any label says nothing: the box is what is drawn.
    np.testing.assert_array_equal(lesion(archive(0 * mask, boxes), 0), drawn)
    assert lesion(archive(0 * mask, []), 0) is None


def test_a_lesion_is_cut_to_the_crop_and_is_0_where_it_lies_elsewhere(
    archive: Originals, samples: pd.DataFrame
) -> None:
    found = [
        given_lesion(archive, row, crop) for row, crop in zip((3, 2, 1, 0), CROPS, strict=True)
    ]
    assert [part.shape for part in found] == [(40, 60), (32, 20), (20, 20), (10, 56)]
    assert [int((part > 0).sum()) for part in found] == [16, 16, 0, 16]
    assert (found[1][2:6, 10:14] == 2).all()
    boxed = SimpleNamespace(
        mask=lambda row: None, boxes=lambda row: [[50, 10, 54, 14, "x"]], pixels=archive.pixels
    )
    np.testing.assert_array_equal(given_lesion(boxed, 2, CROPS[1]) > 0, found[1] > 0)


def test_crops_are_scored_in_their_own_frame(
    archive: Originals, samples: pd.DataFrame, predictions: pd.DataFrame, prepared: Path
) -> None:
    """The map is the image, so that it lies on the lesion exactly if both are cut alike."""
    build, scores, attributions = explain_learner(
        samples, predictions, prepared, archive, make_model(), SETTINGS, CONFIG
    )
    one = scores[scores["method"] == "grad_cam"].set_index("sample_id")
    assert one["has_lesion"].tolist() == [True, True, False, True]
    assert one["lesion_outside"].tolist() == [False, False, True, False]
    assert one.loc["S2", ["pointing", "energy", "iou", "lesion_share"]].isna().all()
    seen = one.drop("S2")
    assert (seen["pointing"] == 1).all() and (seen["energy"] > 0.6).all()
    assert seen.loc["S1", "lesion_share"] == pytest.approx(16 / (32 * 20), abs=0.002)
    assert one["fold"].tolist() == [3, 5, 3, 5] and attributions.empty
    (prepared / "maps").mkdir()
    build.write(prepared / "maps")
    assert Maps(prepared / "maps").get("grad_cam", "S1").shape == (SIDE, SIDE)


def test_crops_in_a_field_are_scored_in_their_own_frame(
    samples: pd.DataFrame, predictions: pd.DataFrame, tmp_path: Path
) -> None:
    spaced = Spaced(SPOTS[::-1])
    prepared = write_field_store(tmp_path, spaced, samples)
    _, scores, _ = explain_learner(
        samples, predictions, prepared, spaced, make_model(), IN_FIELD, CONFIG
    )
    one = scores[scores["method"] == "grad_cam"].set_index("sample_id")
    assert one["lesion_outside"].tolist() == [False, False, True, False]
    seen = one.drop("S2")
    assert (seen["pointing"] == 1).all() and (seen["energy"] > 0.5).all()
    # 16 of 20 x 32 px of the second crop, whatever the field around it.
    assert seen.loc["S1", "lesion_share"] == pytest.approx(16 / (32 * 20), abs=0.015)


def test_a_skipped_learner_has_neither_maps_nor_attention(
    archive: Originals, samples: pd.DataFrame, predictions: pd.DataFrame, prepared: Path
) -> None:
    skipped = SkippedLearner("no patient has a value of: alp")
    _, scores, attributions = explain_learner(
        samples, predictions.iloc[:0], prepared, archive, skipped, SETTINGS, CONFIG
    )
    assert scores.empty and attributions.empty
    assert map_attention(samples, predictions.iloc[:0], prepared, skipped) == []


def test_attention_is_that_of_the_judged_images(
    samples: pd.DataFrame, predictions: pd.DataFrame, prepared: Path
) -> None:
    found = map_attention(samples, predictions.iloc[1:], prepared, make_model())
    assert [one["name"] for one in found] == [
        "attention_block_1",
        "attention_block_1_giant_cell_tumor",
        "attention_block_1_osteosarcoma",
    ]
    means = np.load(prepared / "images.npy").mean((1, 2)) / 255
    for one, rows in zip(found, ([1, 2, 3], [2], [1, 3]), strict=True):
        assert one["values"][1][0] == pytest.approx(means[rows].mean(), rel=1e-5)


def test_every_gallery_has_its_sheet_and_the_store_is_wired() -> None:
    made = create_pipeline("paper", "paper.report", "one", "two")
    assert {f"paper.report.gallery_{name}" for name in NAMES} <= made.outputs()
    assert {"paper.prepared", "paper.samples", "paper.archive", "paper.images"} <= made.inputs()
