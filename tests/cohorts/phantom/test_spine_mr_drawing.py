"""What the spine MR phantom draws: contrasts, one anatomy in all sequences, how hard it is."""

import functools

import numpy as np
import pytest
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from osteon.cohorts.phantom.common import generator
from osteon.cohorts.phantom.spine_mr import CLASSES, SEQUENCES, SpineMrPhantomConfig
from osteon.cohorts.phantom.spine_mr_anatomy import draw_anatomy
from osteon.cohorts.phantom.spine_mr_column import NAMES, REGIONS, straightened
from osteon.cohorts.phantom.spine_mr_export import boxes_of, marks
from osteon.cohorts.phantom.spine_mr_lesions import draw_levels, draw_look, location_of
from osteon.cohorts.phantom.spine_mr_patient import Patient, draw_contrast, draw_patient
from osteon.cohorts.phantom.spine_mr_render import Scene, Stack, build, stored, tilted
from osteon.cohorts.phantom.spine_mr_signal import (
    SCANNERS,
    TISSUES,
    Maps,
    Protocol,
    channels,
    signal,
)

COARSE = SpineMrPhantomConfig(image_size=64, slices=(8, 9))


def tissue_signal(name: str, protocol: Protocol, tesla: float) -> float:
    maps = Maps(channels(TISSUES[name])[:, None, None, None])
    return float(signal(maps, protocol, tesla)[0, 0, 0])


def ways(scanner: int) -> dict[str, Protocol]:
    """A scanner's first protocol of each sequence."""
    return {found.sequence: found for found in SCANNERS[scanner].protocols[::-1]}


def drawn(
    config: SpineMrPhantomConfig, index: int, label: str | None = None
) -> tuple[Patient, Scene]:
    patient = draw_patient(config, index, label)
    return patient, build(patient.anatomy, patient.growths, patient.series[0].stack)


@pytest.mark.parametrize("scanner", range(len(SCANNERS)))
def test_tissues_have_the_contrast_of_their_sequence(scanner: int) -> None:
    tesla = SCANNERS[scanner].tesla
    assert {found.sequence for found in SCANNERS[scanner].protocols} == set(SEQUENCES)
    for protocol in SCANNERS[scanner].protocols:
        found = {name: tissue_signal(name, protocol, tesla) for name in TISSUES}
        assert max(found["cortex"], found["air"], found["flow"]) < found["muscle"]
        if protocol.sequence == "T1WI":
            assert found["fat"] > 1.5 * found["cord"] > 1.5 * found["csf"]
        else:
            assert found["csf"] > 1.5 * found["cord"] > 1.5 * found["muscle"]
            assert (found["fat"] > found["cord"]) == (protocol.sequence == "T2WI")
            assert found["oedema"] > 1.5 * found["muscle"]


def test_protocols_follow_their_sequence() -> None:
    for scanner in SCANNERS:
        for protocol in scanner.protocols:
            assert (protocol.tr < 900 and protocol.te < 20) == (protocol.sequence == "T1WI")
            assert (protocol.kept_fat < 1) == (protocol.sequence == "FS-T2WI")
            assert protocol.ti == 0 or 100 < protocol.ti < 300


def test_a_straightened_column_has_its_levels_in_order() -> None:
    anatomy = draw_anatomy(np.random.default_rng(0), 50, "M", {})
    column = anatomy.column
    assert len(column.middles) == len(NAMES) and (np.diff(column.middles) > 0).all()
    for s in (20.0, 150.0, 400.0, 550.0):
        y, z = column.at(s)
        back, away = straightened(column, np.array([y]), np.array([z]))
        assert back[0] == pytest.approx(s, abs=1.5) and away[0] == pytest.approx(0, abs=0.5)
        _, behind = straightened(column, np.array([y + 5]), np.array([z]))
        assert behind[0] > 2


def test_the_canal_lies_in_the_midline_only() -> None:
    anatomy = draw_anatomy(np.random.default_rng(1), 45, "F", {})
    level = NAMES.index("L2")
    y, z = anatomy.column.at(float(anatomy.column.middles[level]))
    row, column = tilted("sagittal", 0.0, 0.0)
    stack = Stack("sagittal", 9, 64, 4.0, 4.0, 6.0, np.array([0.0, y, z]), row, column)
    picture = signal(build(anatomy, (), stack).maps, ways(0)["FS-T2WI"], 1.5)
    bright = (picture > 0.45).sum(axis=(1, 2))
    assert bright[4] > 40 and bright[[0, -1]].max() < 0.25 * bright[4]


def test_sequences_of_a_patient_agree_in_anatomy() -> None:
    config = COARSE.model_copy(update={"sequences": (3, 3), "off_plane": 0.0})
    patient, scene = drawn(config, 4)
    stacks = {id(series.stack) for series in patient.series}
    assert len(patient.series) == 3 and len(stacks) == 1
    volumes = [
        stored(scene, s.stack, patient.scanner, s.protocol, s.shift, 1.0, generator(0, 4, s.number))
        for s in patient.series
    ]
    other, found = drawn(config, 5)
    alien = stored(
        found,
        other.series[0].stack,
        other.scanner,
        other.series[0].protocol,
        (0, 0),
        1.0,
        generator(0, 5, 2),
    )

    def air(volume: np.ndarray) -> np.ndarray:
        smooth = ndimage.gaussian_filter(volume.astype(float), (0, 1, 1))
        return smooth < 0.06 * np.percentile(smooth, 99)

    def overlap(one: np.ndarray, two: np.ndarray) -> float:
        middle = [mask[len(mask) // 2, :, 40:] for mask in (air(one), air(two))]
        return float((middle[0] & middle[1]).sum() / max((middle[0] | middle[1]).sum(), 1))

    assert overlap(volumes[0], volumes[1]) > 1.3 * overlap(volumes[0], alien)
    for series in patient.series:
        assert max(map(abs, series.shift)) * series.stack.spacing <= 1.5


def test_boxes_lie_around_the_lesion_that_moved_with_the_patient() -> None:
    patient, scene = drawn(COARSE, 2)
    series = patient.series[0]
    found = marks(COARSE, patient, series, scene)
    assert found
    for place, boxes in found.items():
        masks = [mask[place] for mask in scene.masks if mask[place].any()]
        assert len(boxes) <= len(masks)
        for x0, y0, x1, y1 in boxes:
            inner = max(mask[y0:y1, x0:x1].sum() / mask.sum() for mask in masks)
            assert inner > 0.7
    mask = np.zeros((64, 64), bool)
    mask[20:30, 10:18] = True
    x0, y0, x1, y1 = boxes_of(mask, (3.0, -2.0), 1.0, np.random.default_rng(0)) or (0, 0, 0, 0)
    assert 6 <= x0 <= 8 and 16 <= x1 <= 18 and 21 <= y0 <= 23 and 33 <= y1 <= 35
    assert boxes_of(mask & False, (0, 0), 1.0, np.random.default_rng(0)) is None


def test_lesions_span_several_slices_and_multiple_levels_have_boxes_each() -> None:
    spans, several = [], 0
    both = False
    for index in range(24):
        patient, scene = drawn(COARSE, index)
        found = marks(COARSE, patient, patient.series[0], scene).values()
        both |= any(len(boxes) == 2 for boxes in found)
        spans.append(np.any(scene.masks, axis=0).any(axis=(1, 2)).sum())
        several += len(patient.growths) == 2
        assert all(mask.any() for mask in scene.masks)
    assert 4 < np.mean(spans) < 9 and several > 0 and both


def test_locations_come_in_the_papers_shares() -> None:
    rng = np.random.default_rng(0)
    places = [location_of(draw_levels(rng, 0.25)) for _ in range(2000)]
    words = [word for place in places for word in place.split("+")]
    shares = {region: words.count(region) / len(words) for region in REGIONS}
    assert shares["cervical"] > shares["thoracic"] > shares["sacral"]
    assert shares["cervical"] == pytest.approx(297 / 677, abs=0.06)
    assert shares["sacral"] == pytest.approx(24 / 677, abs=0.04)
    assert 1.1 < len(words) / len(places) < 1.25


def test_without_contrast_the_classes_are_the_same_picture() -> None:
    hidden = COARSE.model_copy(update={"lesion_visibility": 0.0, "age_effect": 0.0})
    compared = 0
    for index in range(12):
        one, other = (draw_patient(hidden, index, label) for label in CLASSES)
        if one.series[0].stack.middle.tolist() != other.series[0].stack.middle.tolist():
            continue  # another level or side: the technician follows the tumour
        first, second = (
            build(p.anatomy, p.growths, p.series[0].stack).maps.values for p in (one, other)
        )
        np.testing.assert_array_equal(first, second)
        compared += 1
    assert compared > 2
    plain = build(one.anatomy, (), one.series[0].stack).maps.values
    shown = build(one.anatomy, one.growths, one.series[0].stack).maps.values
    np.testing.assert_array_equal(plain, shown)


@functools.cache
def features(visibility: float) -> tuple[np.ndarray, np.ndarray]:
    """(malignant, lesion's mean signal on T1WI, T2WI, FS-T2WI relative to cord), by patient."""
    config = COARSE.model_copy(update={"lesion_visibility": visibility})
    labels, rows = [], []
    for index in range(90):
        patient, scene = drawn(config, index)
        inside = np.any(scene.masks, axis=0)
        protocols = {found.sequence: found for found in patient.scanner.protocols[::-1]}
        tesla = patient.scanner.tesla
        row = []
        for sequence in SEQUENCES:
            cord = tissue_signal("cord", protocols[sequence], tesla)
            row.append(signal(scene.maps, protocols[sequence], tesla)[inside].mean() / cord)
        rows.append(row)
        labels.append(patient.label == "malignant")
    return np.array(labels), np.array(rows)


def test_the_task_is_neither_trivial_nor_hopeless_and_t2_says_more_than_t1() -> None:
    labels, means = features(1.0)
    model = LogisticRegression()
    scores = cross_val_predict(model, means, labels, cv=5, method="predict_proba")[:, 1]
    assert 0.66 < roc_auc_score(labels, scores) < 0.93
    apart = [abs(roc_auc_score(labels, means[:, place]) - 0.5) for place in range(3)]
    assert apart[1] > apart[0] + 0.05 and apart[2] > apart[0]


def test_visibility_and_hidden_lesions_set_the_contrast() -> None:
    for visibility in (0.0, 0.5, 1.0):
        config = COARSE.model_copy(update={"lesion_visibility": visibility, "occult_fraction": 0.0})
        found = [draw_contrast(generator(0, index, 6), config) for index in range(200)]
        assert np.median(found) == pytest.approx(visibility, rel=0.1)
    hidden = COARSE.model_copy(update={"occult_fraction": 1.0})
    assert max(draw_contrast(generator(0, index, 6), hidden) for index in range(50)) < 0.2


def test_confusing_lesions_look_like_the_other_class() -> None:
    def median(label: str, kind: str, confusing: float) -> float:
        rng = np.random.default_rng(1)
        looks = [draw_look(rng, label, kind, confusing, 1.0) for _ in range(200)]
        return float(np.median([look.t2 for look in looks]))

    assert median("benign", "schwannoma", 0.0) > 1.8 * median("malignant", "metastasis", 0.0)
    assert median("benign", "schwannoma", 1.0) < 0.7 * median("benign", "schwannoma", 0.0)
    assert median("malignant", "metastasis", 1.0) > 1.4 * median("malignant", "metastasis", 0.0)


def test_noise_is_rician_and_follows_its_knob() -> None:
    patient, scene = drawn(COARSE, 3)
    stack, protocol = patient.series[0].stack, patient.series[0].protocol
    rough = [
        stored(scene, stack, patient.scanner, protocol, (0, 0), noise, generator(0, 3, 1))
        for noise in (0.0, 1.0, 3.0)
    ]
    # Air at the right edge, behind the back: zero without noise, raised by its magnitude with.
    air = [float(volume[:, :20, -3:].mean()) for volume in rough]
    assert air[0] < 0.2 * air[1] and 2.5 < air[2] / air[1] < 3.5
    assert all(volume.max() <= 4095 for volume in rough)
