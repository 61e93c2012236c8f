"""What is drawn: lesions inside their mask, hidden ones hidden, anatomy shared by a patient."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from osteon.cohorts.phantom.common import bounding_box
from osteon.cohorts.phantom.knee import KneePhantomConfig
from osteon.cohorts.phantom.knee_anatomy import (
    Anatomy,
    bone_scale,
    draw_anatomy,
    look_up,
    physis_openness,
)
from osteon.cohorts.phantom.knee_export import draw_contrast, draw_patient
from osteon.cohorts.phantom.knee_lesions import MIMICS, Lesion, draw_mimic, draw_osteosarcoma
from osteon.cohorts.phantom.knee_render import (
    SCANNERS,
    Exam,
    attenuation,
    draw_exam,
    draw_view,
    take_picture,
)

SHAPE = (128, 104)
VIEWS = ["AP", "LAT", "OBL"]


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    return draw_anatomy(np.random.default_rng(5), 16, "M")


EXAM = Exam(0.0, np.full(4, 0.02))


def tumour(bone: str = "femur", contrast: float = 1.0) -> Lesion:
    return draw_osteosarcoma(np.random.default_rng(6), bone, "osteoblastic", contrast)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("bone", ["femur", "tibia"])
def test_a_tumour_changes_the_picture_inside_its_mask_only(
    anatomy: Anatomy, view: str, bone: str
) -> None:
    seen = draw_view(np.random.default_rng(7), view, anatomy, EXAM)
    clean, empty, _ = attenuation(anatomy, (), seen, SHAPE)
    ill, mask, _ = attenuation(anatomy, (tumour(bone),), seen, SHAPE)
    changed = np.abs(ill - clean) > 1e-4
    assert not empty.any() and mask.any()
    assert not (changed & ~mask).any()
    assert (changed & mask).sum() > 0.6 * mask.sum()
    assert (ill - clean)[mask].mean() > 0.05


def test_a_hidden_tumour_keeps_its_mask_but_cannot_be_seen(anatomy: Anatomy) -> None:
    seen = draw_view(np.random.default_rng(7), "AP", anatomy, EXAM)
    clean, _, _ = attenuation(anatomy, (), seen, SHAPE)
    plain, _, _ = attenuation(anatomy, (tumour(),), seen, SHAPE)
    faint, mask, _ = attenuation(anatomy, (replace(tumour(), contrast=0.02),), seen, SHAPE)
    assert mask.any()
    assert np.abs(faint - clean).max() < 0.05 * np.abs(plain - clean).max()
    assert np.abs(faint - clean).mean() < min(scanner.noise for scanner in SCANNERS)


def test_more_contrast_shows_more(anatomy: Anatomy) -> None:
    seen = draw_view(np.random.default_rng(7), "OBL", anatomy, EXAM)
    clean, _, _ = attenuation(anatomy, (), seen, SHAPE)
    changes = [
        np.abs(attenuation(anatomy, (tumour(contrast=each),), seen, SHAPE)[0] - clean).sum()
        for each in (0.1, 0.5, 1.0, 1.5)
    ]
    assert changes == sorted(changes) and changes[0] > 0


@pytest.mark.parametrize("kind", MIMICS)
def test_an_injury_that_imitates_a_lesion_shows_but_has_no_mask(
    anatomy: Anatomy, kind: str
) -> None:
    seen = draw_view(np.random.default_rng(7), "LAT", anatomy, EXAM)
    clean, _, _ = attenuation(anatomy, (), seen, SHAPE)
    lesion = draw_mimic(np.random.default_rng(8), "femur", kind, 1.0)
    odd, mask, _ = attenuation(anatomy, (lesion,), seen, SHAPE)
    assert np.abs(odd - clean).max() > 0.1
    assert not mask.any()


def test_occult_share_is_the_one_asked() -> None:
    config = KneePhantomConfig(occult_fraction=0.3)
    rng = np.random.default_rng(0)
    drawn = np.array([draw_contrast(rng, config) for _ in range(2000)])
    assert (drawn < 0.05).mean() == pytest.approx(0.3, abs=0.04)
    assert np.median(drawn[drawn > 0.05]) == pytest.approx(config.lesion_visibility, rel=0.1)


def test_images_of_one_patient_are_more_alike_than_those_of_two() -> None:
    """The bone's own texture, in the bone's coordinates, is what an image-level split leaks."""
    spot = np.meshgrid(np.linspace(-20, 20, 40), np.linspace(-60, -20, 40))
    config = KneePhantomConfig(views_max=4, confusing_fraction=0, occult_fraction=1, noise=0)
    films = {}
    for index in range(8):
        patient = draw_patient(config, index)
        base = draw_view(np.random.default_rng(0), "AP", patient.anatomy, EXAM)
        for shot in range(2):
            rng = np.random.default_rng([9, index, shot])
            view = replace(
                draw_view(rng, "AP", patient.anatomy, EXAM), shift=base.shift, tilt=base.tilt
            )
            signal, _, _ = attenuation(patient.anatomy, (), view, SHAPE)
            films[index, shot] = signal
        assert look_up(patient.anatomy.fine, *spot, 0.5).std() > 0.3
    mean = np.mean(list(films.values()), axis=0)

    def likeness(first: tuple[int, int], second: tuple[int, int]) -> float:
        pair = (films[first] - mean).ravel(), (films[second] - mean).ravel()
        return float(np.corrcoef(*pair)[0, 1])

    own = [likeness((index, 0), (index, 1)) for index in range(8)]
    other = [likeness((i, 0), (j, 1)) for i in range(8) for j in range(8) if i != j]
    assert np.mean(own) > np.mean(other) + 0.3


def test_the_same_patient_is_never_exposed_twice_alike() -> None:
    patient = draw_patient(KneePhantomConfig(), 0)
    first, second = (
        take_picture(
            np.random.default_rng(seed),
            patient.anatomy,
            patient.lesions,
            draw_view(np.random.default_rng(seed), "AP", patient.anatomy, EXAM),
            patient.scanner,
            SHAPE,
            1.0,
        )
        for seed in (1, 2)
    )
    assert (first.pixels != second.pixels).mean() > 0.5


def test_left_and_right_knees_mirror(anatomy: Anatomy) -> None:
    seen = replace(draw_view(np.random.default_rng(7), "AP", anatomy, EXAM), shift=(0.0, 0.0))
    right, _, _ = attenuation(replace(anatomy, right=True), (), seen, SHAPE)
    left, _, _ = attenuation(replace(anatomy, right=False), (), seen, SHAPE)
    np.testing.assert_allclose(right, left[:, ::-1], atol=1e-3)


def test_knees_grow_and_plates_close() -> None:
    ages = np.arange(4, 30)
    for sex, closed in (("F", 18), ("M", 20)):
        sizes = [bone_scale(age, sex) for age in ages]
        plates = [physis_openness(age, sex, 0) for age in ages]
        assert sizes == sorted(sizes)
        assert plates == sorted(plates, reverse=True)
        assert physis_openness(8, sex, 0) > 0.95
        assert physis_openness(closed, sex, 0) < 0.05
    assert bone_scale(30, "M") > bone_scale(30, "F")


def test_noise_knob_scales_the_grain() -> None:
    patient = draw_patient(KneePhantomConfig(), 1)
    view = draw_view(np.random.default_rng(1), "AP", patient.anatomy, EXAM)
    quiet, loud = (
        take_picture(
            np.random.default_rng(2), patient.anatomy, (), view, SCANNERS[0], SHAPE, noise
        ).pixels.astype(float)
        for noise in (0.0, 2.0)
    )
    grain = np.diff(loud, axis=0).std() - np.diff(quiet, axis=0).std()
    assert grain > 5


def test_bounding_box_ends_one_past_the_last_pixel() -> None:
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[2:5, 3] = 1
    assert bounding_box(mask) == (3, 2, 4, 5)


def test_views_of_one_exam_share_collimation_and_exposure_and_two_exams_do_not() -> None:
    anatomy = draw_patient(KneePhantomConfig(), 0).anatomy
    rng = np.random.default_rng(3)
    exams = [draw_exam(rng) for _ in range(40)]
    pairs = [[draw_view(rng, "AP", anatomy, exam) for _ in range(2)] for exam in exams]
    within = [abs(a.exposure - b.exposure) for a, b in pairs]
    between = [abs(a[0].exposure - b[0].exposure) for a, b in pairwise(pairs)]
    assert np.mean(within) < np.mean(between) / 2
    margins = np.array([[view.collimation for view in pair] for pair in pairs])
    assert np.abs(margins[:, 0] - margins[:, 1]).mean() < margins[:, 0].std(axis=0).mean() / 2
