"""Matching, AP and FROC by hand, against a plain loop over rounds, and by law."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.measures.detection import (
    RATES,
    RECALLS,
    DetectionError,
    Found,
    average_precision,
    box_iou,
    curve,
    froc,
    match,
    measure,
    sensitivity_at,
)

laws = settings(max_examples=60, deadline=None)


@st.composite
def founds(draw):
    """Detections of 1 to 5 patients, scores with ties, no more hits than lesions."""
    generator = np.random.default_rng(draw(st.integers(0, 10_000)))
    patients = draw(st.integers(1, 5))
    unit = np.sort(generator.integers(0, patients, draw(st.integers(0, 25))))
    hit = generator.random(len(unit)) < 0.5
    hits = np.bincount(unit[hit], minlength=patients)
    return Found(
        np.round(generator.random(len(unit)), draw(st.sampled_from([1, 6]))),
        hit,
        unit,
        hits + generator.integers(0, 3, patients),
        1 + generator.integers(0, 4, patients),
    )


def slow(score, hit, lesions, images):
    """AP and sensitivities, one threshold after the other."""
    points = []
    for threshold in sorted(set(score), reverse=True):
        kept = score >= threshold
        points.append((hit[kept].sum() / lesions, hit[kept].mean(), (~hit[kept]).sum() / images))
    best = [max((p for r, p, _ in points if r >= recall), default=0.0) for recall in RECALLS]
    at = [max((r for r, _, rate in points if rate <= allowed), default=0.0) for allowed in RATES]
    return np.mean(best), at


def test_overlap_of_boxes_by_hand():
    first = [[0, 0, 2, 2], [0, 0, 4, 1]]
    second = [[1, 1, 3, 3], [0, 0, 2, 2], [2, 0, 3, 1]]
    expected = [[1 / 7, 1.0, 0.0], [0.0, 2 / 6, 1 / 4]]
    np.testing.assert_allclose(box_iou(first, second), expected)
    assert box_iou([], second).shape == (0, 3) and box_iou(first, []).shape == (2, 0)


@laws
@given(st.integers(0, 1000), st.floats(-50, 50), st.floats(0.1, 10))
def test_overlap_is_symmetric_and_ignores_place_and_scale(seed, by, factor):
    generator = np.random.default_rng(seed)
    corner = generator.uniform(0, 5, (2, 4, 2))
    first, second = np.concatenate([corner, corner + generator.uniform(1, 5, (2, 4, 2))], 2)
    iou = box_iou(first, second)
    np.testing.assert_allclose(iou, box_iou(second, first).T)
    np.testing.assert_allclose(iou, box_iou(factor * first + by, factor * second + by), atol=1e-9)
    np.testing.assert_allclose(np.diag(box_iou(first, first)), 1.0)


def test_the_surest_detection_takes_the_lesion_and_a_second_is_false():
    lesion = [[0, 0, 10, 10]]
    near, nearer = [0, 0, 10, 8], [0, 0, 10, 9]
    assert match([near, nearer], [0.9, 0.8], lesion).tolist() == [0, -1]
    assert match([near, nearer], [0.8, 0.9], lesion).tolist() == [-1, 0]
    # Two lesions: the surer one takes the closer lesion, the other what is left.
    lesions = [[0, 0, 10, 10], [0, 2, 10, 12]]
    boxes = [[0, 2, 10, 11], [0, 1, 10, 11]]
    assert match(boxes, [0.9, 0.8], lesions).tolist() == [1, 0]
    # At the threshold itself a lesion is found.
    assert match([[0, 0, 10, 5]], [1.0], lesion, 0.5).tolist() == [0]
    assert match([[0, 0, 10, 4.9]], [1.0], lesion, 0.5).tolist() == [-1]


def test_average_precision_by_hand():
    # By falling score hit, miss, hit, miss of 4 lesions: precision 1 up to recall 1/4 (26 of the
    # 101 recalls), 2/3 up to 1/2 (25 more), then 0.
    found = Found(
        np.array([0.9, 0.8, 0.7, 0.6]),
        np.array([True, False, True, False]),
        np.zeros(4, dtype=np.int64),
        np.array([4]),
        np.array([2]),
    )
    points = curve(found, np.ones((1, 1)))
    assert average_precision(points)[0] == pytest.approx((26 + 25 * 2 / 3) / 101)
    assert froc(found) == {
        "threshold": [0.9, 0.8, 0.7, 0.6],
        "false_positives": [0.0, 0.5, 0.5, 1.0],
        "sensitivity": [0.25, 0.25, 0.5, 0.5],
    }
    # No more than 0.49 per image leaves the first working point only: nothing is interpolated.
    assert sensitivity_at(points, 0.49)[0] == 0.25 and sensitivity_at(points, 0.5)[0] == 0.5


@laws
@given(founds(), st.integers(0, 100))
def test_rounds_equal_the_rows_written_out_as_often_as_drawn(found, seed):
    weights = np.random.default_rng(seed).integers(0, 4, (6, len(found.lesions)))
    values = measure(found, weights)
    for k, row in enumerate(weights):
        times = row[found.unit]
        lesions, images = int(row @ found.lesions), int(row @ found.images)
        if not lesions:
            assert all(np.isnan(value[k]) for value in values.values())
            continue
        score, hit = np.repeat(found.score, times), np.repeat(found.hit, times)
        ap, at = slow(score, hit, lesions, images)
        assert values["ap"][k] == pytest.approx(ap, abs=1e-12)
        ours = [values[f"sensitivity_at_{rate:g}"][k] for rate in RATES]
        np.testing.assert_allclose(ours, at, atol=1e-12)
        assert values["froc_mean"][k] == pytest.approx(np.mean(at))
        assert values["recall"][k] == pytest.approx(hit.sum() / lesions)


@laws
@given(founds(), st.randoms())
def test_neither_the_order_of_rows_nor_a_rising_map_of_scores_matters(found, random):
    order = list(range(len(found.score)))
    random.shuffle(order)
    mixed = Found(
        np.exp(3 * found.score[order]),
        found.hit[order],
        found.unit[order],
        found.lesions,
        found.images,
    )
    weights = np.ones((1, len(found.lesions)))
    here, there = measure(found, weights), measure(mixed, weights)
    for name in here:
        np.testing.assert_allclose(here[name], there[name])


@laws
@given(founds())
def test_sensitivity_rises_with_the_false_positives_allowed(found):
    if found.lesions.sum():
        values = measure(found, np.ones((1, len(found.lesions))))
        rising = [values[f"sensitivity_at_{rate:g}"][0] for rate in RATES] + [values["recall"][0]]
        assert rising == sorted(rising) and 0 <= values["ap"][0] <= 1


def test_nothing_found_is_0_and_no_lesion_is_not_defined():
    nobody, none = np.empty(0), np.empty(0, dtype=np.int64)
    for lesions, expected in ((3, 0.0), (0, np.nan)):
        found = Found(nobody, none.astype(bool), none, np.array([lesions]), np.array([2]))
        values = measure(found, np.ones((1, 1)))
        np.testing.assert_equal([float(value[0]) for value in values.values()], [expected] * 10)
        assert froc(found)["threshold"] == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: box_iou([[0, 0, 1]], []), r"first: shape \(1, 3\) found, \(n, 4\) allowed"),
        (lambda: box_iou([[0, 0, 1, 1]], [[2, 0, 1, 1]]), r"second: \[2.0, 0.0, 1.0, 1.0\] found"),
        (lambda: box_iou([[0, 0, 1, np.nan]], []), "first: .*nan.* found, finite x0 < x1"),
        (lambda: match([[0, 0, 1, 1]], [], []), r"scores: shape \(0,\) found, 1 finite"),
        (lambda: match([[0, 0, 1, 1]], [np.nan], []), "scores"),
        (lambda: match([], [], [], 0.0), "threshold: 0.0 found, above 0 to 1 allowed"),
        (lambda: match([], [], [], 1.1), "threshold: 1.1"),
    ],
)
def test_what_cannot_be_judged_is_named(call, said):
    with pytest.raises(DetectionError, match=said):
        call()
