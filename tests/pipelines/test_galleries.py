"""Galleries: maps and frames lie where the crop lies, what was given is shown, no writing is."""

import base64
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from osteon.explaining.store import Maps, write_maps
from osteon.pipelines.explainability.galleries import FRAMED, draw_galleries
from osteon.reporting.choice import NAMES
from osteon.reporting.gallery import FRAME
from tests.explaining_crops import (
    CONFIG,
    CROPS,
    IN_FIELD,
    SETTINGS,
    SPOTS,
    Originals,
    Spaced,
    write_field_store,
)


def _galleries(
    archive: Originals, samples: pd.DataFrame, predictions: pd.DataFrame, prepared: Path, **changes
) -> tuple[list[dict[str, Any]], list[Any]]:
    """Maps with one hot cell on each sample's spot as it lies in the network's frame."""
    store = np.load(prepared / "images.npy")
    (prepared / "maps").mkdir(exist_ok=True)
    hot = (store == store.max((1, 2), keepdims=True)) & (store > 0)
    write_maps(prepared / "maps", samples["sample_id"].tolist(), {"grad_cam": hot.astype("f2")})
    images = samples[["sample_id"]].assign(burned_in_text=False)
    given = {
        "archive": archive,
        "images": images,
        "samples": samples,
        "prepared": prepared,
        "config": CONFIG,
        "cohort": SimpleNamespace(classes=("giant_cell_tumor", "osteosarcoma")),
        "preprocessing": SETTINGS,
        "reference": predictions.assign(learner="densenet"),
        "headline": predictions,
        "reference_maps": Maps(prepared / "maps"),
        "headline_maps": Maps(prepared / "maps"),
    }
    galleries, *sheets = draw_galleries(**(given | changes))
    return galleries, sheets


def _picture(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))).astype(int)


def test_maps_lie_in_the_crop_s_place_on_the_original(
    archive: Originals, samples: pd.DataFrame, predictions: pd.DataFrame, prepared: Path
) -> None:
    galleries, sheets = _galleries(archive, samples, predictions, prepared)
    assert [one["name"] for one in galleries] == list(NAMES) and len(sheets) == len(NAMES)
    right = {one["name"]: one for one in galleries}["right"]
    assert FRAMED in right["caption"]
    assert len(right["cases"]) == 3  # S2 was misjudged
    texts = [case["text"] for case in right["cases"]]
    for text, (crop, spot) in {
        "0.90": (CROPS[1], SPOTS[1]),
        "0.20": (CROPS[0], SPOTS[0]),
        "0.70": (CROPS[3], SPOTS[3]),
    }.items():
        case = right["cases"][[f"SMSDNet: {text}" in one for one in texts].index(True)]
        captions = [tile["caption"] for tile in case["tiles"]]
        assert captions == ["original", "Grad-CAM, DenseNet", "Grad-CAM, SMSDNet"]
        drawn, plain = (_picture(case["tiles"][2][key]) for key in ("overlay", "image"))
        changed = np.abs(drawn - plain[..., None]).sum(axis=-1)
        rows, columns = np.nonzero(changed > changed.max() / 2)
        y, x = spot
        assert abs(rows.mean() - (y + 1.5)) < 1 and abs(columns.mean() - (x + 1.5)) < 1
        assert changed.max() > 30 and rows.min() >= crop[1] and columns.min() >= crop[0]


def test_maps_of_a_field_lie_in_their_place_on_the_original(
    samples: pd.DataFrame, predictions: pd.DataFrame, tmp_path: Path
) -> None:
    spaced = Spaced(SPOTS[::-1])
    prepared = write_field_store(tmp_path, spaced, samples)
    galleries, _ = _galleries(spaced, samples, predictions, prepared, preprocessing=IN_FIELD)
    right = {one["name"]: one for one in galleries}["right"]
    texts = [case["text"] for case in right["cases"]]
    for text, at in {"0.90": 1, "0.20": 0, "0.70": 3}.items():
        case = right["cases"][[f"SMSDNet: {text}" in one for one in texts].index(True)]
        drawn, plain = (_picture(case["tiles"][2][key]) for key in ("overlay", "image"))
        changed = np.abs(drawn - plain[..., None]).sum(axis=-1)
        rows, columns = np.nonzero(changed > changed.max() / 2)
        y, x = SPOTS[at]
        assert abs(rows.mean() - (y + 1.5)) < 1.5 and abs(columns.mean() - (x + 1.5)) < 1.5


def test_the_first_gallery_shows_what_was_given(
    archive: Originals, samples: pd.DataFrame, predictions: pd.DataFrame, prepared: Path
) -> None:
    galleries, _ = _galleries(archive, samples, predictions, prepared)
    first, store = galleries[0], np.load(prepared / "images.npy")
    assert first["name"] == "prepared" and FRAMED in first["caption"]
    assert len(first["cases"]) == 4
    texts = sorted(case["text"] for case in first["cases"])
    assert texts == [
        "given: around the expert's mask, 20 × 32 of 60 × 40 px",
        "given: found by Otsu's threshold, 20 × 20 of 60 × 40 px",
        "given: found by Otsu's threshold, 56 × 10 of 60 × 40 px",
        "given: the whole image, 60 × 40 px",
    ]
    for case in first["cases"]:
        original, given = case["tiles"]
        assert "overlay" in original and "overlay" not in given
        framed = np.abs(_picture(original["overlay"]) - FRAME).sum(-1) < 120
        assert framed.any() == ("whole" not in case["text"])
        picture = _picture(given["image"])
        assert min(np.abs(picture - one).mean() for one in store.astype(int)) < 6


def test_writing_stays_hidden_everywhere(
    archive: Originals, samples: pd.DataFrame, predictions: pd.DataFrame, prepared: Path
) -> None:
    images = samples[["sample_id"]].assign(burned_in_text=samples["sample_id"] != "S0")
    galleries, _ = _galleries(archive, samples, predictions, prepared, images=images)
    assert all(len(one["cases"]) <= 1 for one in galleries)
    assert all("3 images with suspected writing are not shown" in g["caption"] for g in galleries)
    assert len(galleries[0]["cases"]) == 1 and "frame" not in galleries[0]["caption"]


def test_a_skipped_headline_leaves_the_reference_s_galleries(
    archive: Originals, samples: pd.DataFrame, predictions: pd.DataFrame, prepared: Path
) -> None:
    galleries, _ = _galleries(
        archive, samples, predictions, prepared, headline=predictions.iloc[:0]
    )
    case = galleries[1]["cases"][0]
    assert [tile["caption"] for tile in case["tiles"]] == ["original", "Grad-CAM, DenseNet"]
    neither, _ = _galleries(
        archive,
        samples,
        predictions,
        prepared,
        headline=predictions.iloc[:0],
        reference=predictions.iloc[:0],
    )
    assert neither[0]["cases"] and not any(one["cases"] for one in neither[1:])
