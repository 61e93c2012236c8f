"""What is drawn: MR contrast, tumours inside their mask, signs that fade, classes that overlap."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from osteon.cohorts.phantom.common import generator
from osteon.cohorts.phantom.femur import FemurPhantomConfig
from osteon.cohorts.phantom.femur_anatomy import draw_anatomy, femur
from osteon.cohorts.phantom.femur_export import Patient, draw_patient
from osteon.cohorts.phantom.femur_lesions import KINDS, Signs, draw_lesion, faded
from osteon.cohorts.phantom.femur_render import (
    Picture,
    draw_stack,
    sample,
    signal,
    take_picture,
    to_bone,
    to_patient,
)
from osteon.cohorts.phantom.femur_signal import SCANNERS, signals
from osteon.cohorts.phantom.femur_tumour import window_of

SIZE = 96
MANY = 160


def picture(config: FemurPhantomConfig, index: int, noise: float = 1.0) -> Picture:
    patient = draw_patient(config, index)
    return take_picture(
        generator(config.seed, index, 11),
        patient.anatomy,
        patient.lesion,
        patient.scanner,
        patient.protocol,
        patient.stack,
        0.0,
        SIZE,
        noise,
    )


def drawn(patient: Patient, **changes: object) -> tuple[np.ndarray, np.ndarray]:
    """Noise-free signal and tumour share, with the patient's lesion or another."""
    lesion = changes.get("lesion", patient.lesion)
    points, _, spacing = sample(patient.anatomy, patient.stack, 0.0, SIZE)
    value, share, _ = signal(
        patient.anatomy, lesion, patient.protocol, 1.5, patient.stack, points, spacing
    )
    return value, share


def test_protocols_show_what_they_are_named_for() -> None:
    for scanner in SCANNERS:
        for protocol in scanner.protocols:
            level = {
                name: water + fat * protocol.kept_fat
                for name, (water, fat) in signals(protocol, scanner.tesla).items()
            }
            assert level["cortex"] < 0.3 * level["muscle"]
            if protocol.sequence == "T1WI":
                assert level["fat"] > 2 * level["muscle"] and level["fluid"] < level["muscle"]
                assert level["tumour"] < 0.7 * level["marrow"]
            else:
                assert level["fluid"] > 3 * level["muscle"] and level["tumour"] > level["muscle"]
            if protocol.sequence == "FS-T2WI":
                assert level["fat"] < level["muscle"] and level["tumour"] > 3 * level["marrow"]


@given(st.tuples(*[st.floats(-80, 80)] * 3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_bone_and_patient_coordinates_are_each_others_inverse(
    spot: tuple[float, float, float], right: bool
) -> None:
    anatomy = replace(draw_anatomy(np.random.default_rng(1), "distal", 60, "F"), right=right)
    found = to_bone(anatomy, to_patient(anatomy, spot), [])
    np.testing.assert_allclose(np.array(found, dtype=float), spot, atol=1e-3)


@pytest.mark.parametrize("index", range(6))
def test_a_tumour_without_contrast_leaves_the_image_untouched(index: int) -> None:
    patient = draw_patient(FemurPhantomConfig(), index)
    clean, nothing = drawn(patient, lesion=None)
    hidden, share = drawn(patient, lesion=faded(patient.lesion, 0.0))
    np.testing.assert_array_equal(clean, hidden)
    assert not nothing.any() and (share > 0.5).any()


@pytest.mark.parametrize("index", range(6))
def test_a_tumour_changes_the_image_in_its_window_only(index: int) -> None:
    patient = draw_patient(FemurPhantomConfig(lesion_visibility=2.0), index)
    clean, _ = drawn(patient, lesion=None)
    ill, share = drawn(patient)
    changed = np.abs(ill - clean) > 1e-6
    points, _, _ = sample(patient.anatomy, patient.stack, 0.0, SIZE)
    outside = np.ones_like(changed)
    outside[window_of(patient.lesion, points)] = False
    assert not (changed & outside).any()
    assert changed[share > 0.5].mean() > 0.9


def test_a_benign_tumour_stays_in_the_bone_and_a_sarcoma_leaves_it() -> None:
    outside = {"fibrous_dysplasia": [], "osteosarcoma": []}
    for index in range(12):
        patient = draw_patient(FemurPhantomConfig(), index)
        for kind, found in outside.items():
            lesion = draw_lesion(
                np.random.default_rng(index),
                patient.anatomy,
                patient.stack.view,
                kind,
                kind,
                1.0,
                0.0,
            )
            stack = draw_stack(
                np.random.default_rng(index), patient.stack.view, patient.anatomy, lesion
            )
            points, _, spacing = sample(patient.anatomy, stack, 0.0, SIZE)
            _, share, depth = signal(
                patient.anatomy, lesion, patient.protocol, 1.5, stack, points, spacing
            )
            found.append(float(((share > 0.5) & (depth < -1)).sum() * spacing**2))
    assert np.median(outside["fibrous_dysplasia"]) < 20
    assert np.median(outside["osteosarcoma"]) > 40


def test_signs_and_masks_do_not_depend_on_the_class_when_nothing_shows() -> None:
    config = FemurPhantomConfig(lesion_visibility=0)
    for index in range(20):
        lesion = draw_patient(config, index).lesion
        assert lesion.contrast == 0 and lesion.signs == Signs()


def test_every_class_has_tumours_and_weights_that_add_up() -> None:
    for label in ("benign", "intermediate", "malignant"):
        kinds = [kind for kind in KINDS.values() if kind.label == label]
        assert len(kinds) >= 3
        assert sum(kind.weight for kind in kinds) == pytest.approx(1)
        for kind in kinds:
            assert all(0 <= getattr(kind.signs, each.name) <= 1 for each in fields(Signs))


def features(config: FemurPhantomConfig, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, SD, edge gradient, area beyond the bone (mm2); malignant or not; diameters, mm."""
    rows, labels, sizes = [], [], []
    for index in range(count):
        made = picture(config, index)
        low, high = np.percentile(made.pixels, (2, 99.3))
        shown, mask = np.clip((made.pixels - low) / (high - low), 0, 1), made.mask > 0
        if not mask.any():
            continue
        edge = ndimage.binary_dilation(mask) ^ ndimage.binary_erosion(mask)
        steep = ndimage.gaussian_gradient_magnitude(shown, 1)
        beyond = (mask & ~made.bone).sum() * made.spacing**2
        rows.append([shown[mask].mean(), shown[mask].std(), steep[edge].mean(), beyond])
        labels.append(draw_patient(config, index).row["label"] == "malignant")
        spots = np.argwhere(mask) * made.spacing
        sizes.append(max(np.ptp(spots @ [np.cos(a), np.sin(a)]) for a in np.linspace(0, np.pi, 9)))
    return np.array(rows), np.array(labels), np.array(sizes)


def auroc(rows: np.ndarray, labels: np.ndarray) -> float:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    said = cross_val_predict(model, rows, labels, cv=5, method="predict_proba")[:, 1]
    return float(roc_auc_score(labels, said))


@pytest.fixture(scope="module")
def usual() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return features(FemurPhantomConfig(), MANY)


def test_a_few_features_of_the_true_mask_tell_the_class_but_not_always(usual: tuple) -> None:
    assert 0.75 < auroc(*usual[:2]) < 0.97


def test_when_nothing_shows_neither_grey_nor_shape_nor_size_tells_the_class() -> None:
    rows, labels, sizes = features(FemurPhantomConfig(lesion_visibility=0), MANY)
    assert 0.3 < auroc(rows, labels) < 0.65
    assert abs(roc_auc_score(labels, sizes) - 0.5) < 0.15


def test_diameters_are_those_of_the_paper(usual: tuple) -> None:
    sizes = usual[2] / 10
    assert sizes.mean() == pytest.approx(3.2, abs=0.35) and 0.3 < sizes.std() < 1.0
    assert np.mean((sizes > 0.7) & (sizes < 4.2)) > 0.93


def test_background_is_black_and_noise_follows_its_knob() -> None:
    config = FemurPhantomConfig(noise=1)
    clean, noisy = (picture(config, 1, noise).pixels.astype(float) for noise in (0.0, 2.0))
    assert np.diff(noisy, axis=0).std() > np.diff(clean, axis=0).std() + 2
    dark = clean == 0
    assert dark.mean() > 0.02
    assert 0 < noisy[dark].mean() < 0.15 * np.percentile(noisy, 99)  # Rician: never below 0


def test_neighbouring_slices_show_the_same_thigh() -> None:
    alike, other = [], []
    for index in range(5):
        patient = draw_patient(FemurPhantomConfig(), index)
        depths = []
        for shift in (0.0, 4.0):
            points, _, _ = sample(patient.anatomy, patient.stack, shift, SIZE)
            depths.append(femur(patient.anatomy, points) > 0)
        alike.append((depths[0] & depths[1]).sum() / (depths[0] | depths[1]).sum())
        other.append((depths[0] != depths[1]).any())
    assert np.mean(alike) > 0.7 and any(other)


def test_on_fat_saturated_images_the_tumour_is_mostly_brighter_than_the_bone_around_it() -> None:
    brighter = []
    for index in range(60):
        patient = draw_patient(FemurPhantomConfig(), index)
        if patient.protocol.sequence == "FS-T2WI":
            made = picture(FemurPhantomConfig(), index)
            mask = made.mask > 0
            rest = made.bone & ~mask
            if rest.any():
                brighter.append(made.pixels[mask].mean() > 2 * made.pixels[rest].mean())
    assert 0.7 < np.mean(brighter) < 1 and len(brighter) > 20
