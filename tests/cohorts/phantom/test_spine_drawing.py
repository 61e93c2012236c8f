"""What the spine phantom draws: HU of tissues, signs of each class, and how hard it is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from osteon.cohorts.phantom.spine import CLASSES, SpinePhantomConfig
from osteon.cohorts.phantom.spine_anatomy import LEVELS
from osteon.cohorts.phantom.spine_export import (
    draw_age,
    draw_patient,
    draw_volume,
    is_osteosarcoma,
)
from osteon.cohorts.phantom.spine_lesions import LOOKS, SUBTYPES, TYPICAL, draw_look
from osteon.cohorts.phantom.spine_render import SCANNERS, Volume, scout
from osteon.cohorts.phantom.spine_shapes import Plane, bar, ellipse, fill

COARSE = SpinePhantomConfig(image_size=64, slices=6, slice_mm=6, age_effect=0)
HIDDEN = COARSE.model_copy(update={"lesion_visibility": 0.0})
GIANT, OSTEO = CLASSES


def drawn(config: SpinePhantomConfig, index: int, label: str | None = None) -> Volume:
    return draw_volume(config, draw_patient(config, index, label))


def plain(index: int, label: str) -> tuple[Volume, Volume]:
    """A plain, typical lesion without noise, and the same patient without it."""
    config = COARSE.model_copy(update={"noise": 0.0})
    patient = draw_patient(config, index, label)
    typical = {GIANT: LOOKS["conventional"], OSTEO: LOOKS["osteoblastic"]}[label]
    patient = replace(patient, look=typical, contrast=1.2)
    well = draw_volume(config, replace(patient, contrast=0.0))
    return draw_volume(config, patient), well


@settings(max_examples=6, deadline=None)
@given(index=st.integers(0, 10_000))
def test_without_contrast_the_classes_are_the_same_picture(index: int) -> None:
    one, other = drawn(HIDDEN, index, GIANT), drawn(HIDDEN, index, OSTEO)
    np.testing.assert_array_equal(one.hu, other.hu)
    np.testing.assert_array_equal(one.mask, other.mask)


@settings(max_examples=6, deadline=None)
@given(index=st.integers(0, 10_000))
def test_with_contrast_only_the_surroundings_of_the_lesion_differ(index: int) -> None:
    one, other = drawn(COARSE, index, GIANT), drawn(COARSE, index, OSTEO)
    np.testing.assert_array_equal(one.mask, other.mask)
    changed = one.hu != other.hu
    assert changed[one.mask > 0].mean() > 0.5
    assert changed.mean() < 0.4


def features(config: SpinePhantomConfig, patients: int) -> np.ndarray:
    """Mean and standard deviation of HU in each patient's lesion mask."""
    found = []
    for index in range(patients):
        volume = drawn(config, index)
        inside = volume.hu[volume.mask > 0]
        found.append((inside.mean(), inside.std()))
    return np.array(found)


def test_the_task_is_neither_trivial_nor_hopeless() -> None:
    labels = [is_osteosarcoma(COARSE, index) for index in range(60)]
    mean, spread = features(COARSE, 60).T
    assert 0.7 < roc_auc_score(labels, mean) < 0.99
    assert 0.65 < roc_auc_score(labels, spread) < 0.99
    # 3 standard errors of an AUROC of a half with 40 and 20 patients are 0.24
    assert 0.26 < roc_auc_score(labels, features(HIDDEN, 60)[:, 0]) < 0.74


def test_more_visibility_parts_the_classes_further() -> None:
    faint = COARSE.model_copy(update={"lesion_visibility": 0.3})
    florid = COARSE.model_copy(update={"lesion_visibility": 2.0})
    labels = np.array([is_osteosarcoma(COARSE, index) for index in range(24)])
    gaps = []
    for config in (faint, COARSE, florid):
        mean = features(config, 24)[:, 0]
        gaps.append(mean[labels].mean() - mean[~labels].mean())
    assert gaps[0] < gaps[1] < gaps[2]


@pytest.mark.parametrize("index", range(3))
def test_each_class_shows_its_signs(index: int) -> None:
    giant, well = plain(index, GIANT)
    osteo, same = plain(index, OSTEO)
    np.testing.assert_array_equal(well.hu, same.hu)
    bone = (well.hu > 130) & (well.mask > 0)
    assert giant.hu[bone].mean() < 0.75 * well.hu[bone].mean()  # lysis
    assert osteo.hu[bone].mean() > 1.2 * well.hu[bone].mean()  # new bone
    far = np.asarray(well.mask == 0) & (giant.hu == well.hu)
    assert far.mean() > 0.5


@pytest.mark.parametrize("level", LEVELS)
def test_tissues_have_their_hounsfield_units(level: str) -> None:
    config = SpinePhantomConfig(image_size=96, slices=10, noise=0, lesion_visibility=0)
    index = next(i for i in range(200) if draw_patient(config, i).row["location"] == level)
    hu = drawn(config, index).hu
    assert hu.dtype == np.int16 and hu.min() >= -1024 and hu.max() <= 3071
    assert hu.min() < -900  # air
    assert 550 < np.percentile(hu, 99.9) < 1500  # cortex
    for low, high in ((-140, -60), (15, 90), (120, 400)):  # fat, water to muscle, spongy bone
        assert ((hu > low) & (hu < high)).mean() > 0.004


def test_noise_and_kernel_follow_the_scanner() -> None:
    patient = draw_patient(HIDDEN, 0)
    quiet = HIDDEN.model_copy(update={"noise": 0.0})
    grain = {}
    for scanner in SCANNERS:
        one = replace(patient, scanner=scanner)
        grain[scanner.model] = float(
            (draw_volume(HIDDEN, one).hu.astype(float) - draw_volume(quiet, one).hu).std()
        )
    assert grain["Ingenuity"] < grain["Brilliance 64"] < grain["Somatom"]


def test_the_same_patient_is_drawn_at_any_resolution() -> None:
    config = HIDDEN.model_copy(update={"noise": 0.0})
    coarse = drawn(config, 1)
    fine = drawn(config.model_copy(update={"image_size": 128}), 1)
    pooled = fine.hu.reshape(6, 64, 2, 64, 2).mean(axis=(2, 4))
    assert np.corrcoef(coarse.hu.ravel(), pooled.ravel())[0, 1] > 0.97
    assert fine.mask.mean() == pytest.approx(coarse.mask.mean(), rel=0.1)


def test_confusing_lesions_go_towards_the_other_class() -> None:
    rng = np.random.default_rng(0)
    for label, subtype in ((GIANT, "conventional"), (OSTEO, "osteoblastic")):
        own, other = LOOKS[subtype].matrix, LOOKS[TYPICAL[label]].matrix
        plainly = np.mean([draw_look(rng, label, subtype, False).matrix for _ in range(60)])
        confused = np.mean([draw_look(rng, label, subtype, True).matrix for _ in range(60)])
        assert abs(plainly - own) < abs(confused - own)
        assert abs(confused - other) < abs(plainly - other)
    assert set(LOOKS) == {name for shares in SUBTYPES.values() for name in shares}


def test_ages_are_the_papers_and_tell_little() -> None:
    rng = np.random.default_rng(0)
    ages = {label: np.array([draw_age(rng, label, 0.1) for _ in range(800)]) for label in CLASSES}
    for found in ages.values():
        assert found.min() >= 41 and found.max() <= 90 and 58 < found.mean() < 64
    labels = np.repeat([0, 1], 800)
    assert 0.45 < roc_auc_score(labels, np.concatenate([ages[GIANT], ages[OSTEO]])) < 0.6
    young = np.mean([draw_age(rng, GIANT, 1.0) for _ in range(400)])
    assert young < ages[OSTEO].mean() - 6


def test_a_scout_looks_from_the_front_with_the_head_up() -> None:
    volume = drawn(COARSE, 0)
    picture = scout(volume)
    assert picture.shape == (4 * 6, 64) and picture.dtype == np.int16
    np.testing.assert_allclose(picture[0], volume.hu[-1].mean(axis=0), atol=0.5)


@settings(deadline=None)
@given(st.floats(2, 20), st.floats(2, 20), st.floats(-5, 5))
def test_distances_are_exact_on_the_axes(a: float, b: float, x: float) -> None:
    line = np.array([[x - a, x + a, x + a + 3]], dtype=np.float32)
    plane = Plane(line, np.zeros_like(line), 1.0)
    np.testing.assert_allclose(ellipse(plane, (x, 0), (a, b)), [[0, 0, 3]], atol=2e-2)
    round_end = bar(plane, (x - 1, 0), (x, 0), (a, a), mirrored=False)
    np.testing.assert_allclose(round_end[0, 1:], [0, 3], atol=1e-3)
    np.testing.assert_allclose(fill(np.array([-9, 0, 9], np.float32), 1.0), [1, 0.5, 0])
