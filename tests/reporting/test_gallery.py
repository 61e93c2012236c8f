import base64
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from osteon.reporting.gallery import choose, data_uri, overlay, tiles


def _predictions(probabilities: list[float], labels: list[int], a_patient: int = 1) -> pd.DataFrame:
    names = [f"S{at}" for at in range(len(labels))]
    return pd.DataFrame(
        {
            "sample_id": names,
            "patient_id": [f"P{at // a_patient}" for at in range(len(labels))],
            "label": labels,
            "prob_other": 1 - np.array(probabilities),
            "prob_tumour": probabilities,
        }
    )


def _by_name(reference: pd.DataFrame, headline: pd.DataFrame, count: int) -> dict[str, tuple]:
    return {one.name: one.samples for one in choose(reference, headline, count)}


def test_galleries_hold_what_their_captions_say() -> None:
    labels = [1, 1, 1, 0, 0, 0]
    before = _predictions([0.9, 0.2, 0.4, 0.1, 0.8, 0.6], labels)
    after = _predictions([0.95, 0.7, 0.3, 0.2, 0.1, 0.9], labels)
    found = _by_name(before, after, 6)
    assert set(found["right"]) == {"S0", "S1", "S3", "S4"}
    assert found["baseline_wrong"] == ("S1", "S4", "S2", "S5")
    assert found["shift"] == ("S4", "S1")
    assert found["best"][:2] == ("S0", "S4")
    assert found["worst"] == ("S2", "S5")


def test_a_patient_stands_in_a_gallery_once() -> None:
    after = _predictions([0.9, 0.8, 0.7, 0.6], [1, 1, 1, 1], a_patient=2)
    assert _by_name(after, after, 4)["best"] == ("S0", "S2")


def test_one_class_fills_what_the_other_lacks() -> None:
    after = _predictions([0.9, 0.8, 0.7, 0.1], [1, 1, 1, 0])
    assert set(_by_name(after, after, 4)["best"]) == {"S0", "S1", "S2", "S3"}


def test_right_is_spread_from_sure_to_unsure() -> None:
    probabilities = [0.99, 0.97, 0.95, 0.6, 0.55]
    after = _predictions(probabilities, [1] * 5)
    assert _by_name(after, after, 2)["right"] == ("S0", "S4")


def test_samples_of_one_learner_only_are_left_out() -> None:
    after = _predictions([0.9, 0.8], [1, 1])
    assert _by_name(after.iloc[:1], after, 4)["best"] == ("S0",)


def test_no_case_gives_an_empty_gallery() -> None:
    after = _predictions([0.9, 0.1], [1, 0])
    assert _by_name(after, after, 4)["worst"] == ()


def test_count_below_one_is_refused() -> None:
    after = _predictions([0.9], [1])
    with pytest.raises(ValueError, match="count: 0 found"):
        choose(after, after, 0)


cases = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 1)), min_size=1)


@given(cases, st.integers(1, 7))
def test_galleries_never_exceed_their_size_or_mix_right_and_wrong(
    rows: list[tuple[float, float, int]], count: int
) -> None:
    before, after, labels = (list(column) for column in zip(*rows, strict=True))
    found = _by_name(_predictions(before, labels), _predictions(after, labels), count)
    assert all(len(names) <= count and len(set(names)) == len(names) for names in found.values())
    assert not set(found["best"]) & set(found["worst"])
    assert set(found["shift"]).isdisjoint(found["worst"])
    total = len(rows)
    assert bool(found["best"]) or len(found["worst"]) == min(count, total)


def test_overlay_leaves_what_is_not_salient_and_colours_what_is() -> None:
    image = np.full((4, 4), 100, np.uint8)
    saliency = np.zeros((4, 4))
    saliency[1, 1] = 1
    found = overlay(image, saliency)
    assert (found[0, 0] == 100).all()
    assert np.ptp(found[1, 1].astype(int)) > 50


def test_overlay_is_warm_for_and_blue_against_the_class() -> None:
    found = overlay(np.full((1, 2), 100, np.uint8), np.array([[0.9, -0.9]])).astype(int)
    red, blue = found[..., 0], found[..., 2]
    assert red[0, 0] > blue[0, 0] and blue[0, 1] > red[0, 1]


def test_hidden_samples_are_never_chosen() -> None:
    after = _predictions([0.9, 0.8, 0.7, 0.1], [1, 1, 1, 0])
    for gallery in choose(after, after, 4, hidden=["S0", "S3"]):
        assert not {"S0", "S3"} & set(gallery.samples)


def test_overlay_refuses_another_shape() -> None:
    with pytest.raises(ValueError, match="saliency"):
        overlay(np.zeros((4, 4), np.uint8), np.zeros((4, 5)))


def test_tiles_keep_the_original_s_shape_and_mark_lesion_and_map() -> None:
    pixels = np.zeros((40, 20), np.uint16)
    mask = np.zeros((40, 20), np.uint8)
    mask[10:20, 5:10] = 3
    made = tiles(pixels, mask, [("all inputs", np.ones((2, 2)))], lambda m, shape: np.ones(shape))
    assert [tile.caption for tile in made] == ["original", "all inputs"]
    assert all(tile.plain.shape == (40, 20) for tile in made)
    assert made[0].marked.any() and not made[0].marked[mask > 0].any()
    assert made[1].marked.any(axis=-1).all()


def test_data_uri_is_a_picture_of_the_same_size() -> None:
    head, _, content = data_uri(np.zeros((5, 7), np.uint8)).partition(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (7, 5)
