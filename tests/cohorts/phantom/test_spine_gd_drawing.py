"""What a cohort of the Gd-T1 spine phantom shows: sizes, contrast, knobs, the reader's edge."""

import functools

import numpy as np
import pytest
from scipy import ndimage

from osteon.cohorts.phantom.common import generator
from osteon.cohorts.phantom.spine_gd import SpineGdPhantomConfig
from osteon.cohorts.phantom.spine_gd_lesions import (
    SEAT_WEIGHTS,
    draw_plan,
)
from osteon.cohorts.phantom.spine_gd_patient import GD_SCANNERS, Patient, draw_patient
from osteon.cohorts.phantom.spine_gd_render import (
    TUMOUR,
    VERTEBRA,
    Scene,
    build,
    label_maps,
    pixels_of,
)
from osteon.cohorts.phantom.spine_mr_column import NAMES, VERTEBRAE
from osteon.cohorts.phantom.spine_mr_signal import signal

COARSE = SpineGdPhantomConfig(image_size=64)
FINE = SpineGdPhantomConfig(image_size=96, field_of_view=200.0)
COHORT = 22
SKYRA = GD_SCANNERS["Phantom University Hospital"]


def drawn(config: SpineGdPhantomConfig, index: int) -> tuple[Patient, Scene]:
    return _drawn(config.model_dump_json(), index)


@functools.cache
def _drawn(text: str, index: int) -> tuple[Patient, Scene]:
    config = SpineGdPhantomConfig.model_validate_json(text)
    patient = draw_patient(config, index)
    return patient, scene_of(config, patient)


def scene_of(config: SpineGdPhantomConfig, patient: Patient, series: int = 0) -> Scene:
    found = patient.series[series]
    return build(
        patient.anatomy, found.lesions, patient.distractors, config.enhancement, found.stack
    )


def labels_of(config: SpineGdPhantomConfig, index: int) -> np.ndarray:
    patient, scene = drawn(config, index)
    series = patient.series[0]
    reader = generator(config.seed, index, 202)
    return label_maps(scene, series.stack, series.shift, config.label_noise, reader)


def test_lesions_of_all_sizes_measure_what_was_drawn() -> None:
    asked, found = [], []
    for index in range(COHORT):
        patient, scene = drawn(FINE, index)
        spacing = patient.series[0].stack.spacing
        for lesion, share in zip(patient.series[0].lesions, scene.tumours, strict=True):
            inside = share >= 0.5
            edges = inside[:, [0, -1]].any() or inside[:, :, [0, -1]].any()
            if inside.any() and not edges:
                asked.append(lesion.plan.diameter)
                found.append(max(_extent(image) for image in inside) * spacing)
    relative = np.array(found) / np.array(asked)
    assert np.corrcoef(asked, found)[0, 1] > 0.93 and 0.85 < np.median(relative) < 1.1
    assert max(found) < 40 * 1.1 and min(found) > 8 * 0.75
    sizes = np.histogram(asked, bins=(8, 14, 23, 40))[0]
    assert (sizes >= 4).all()


def _extent(inside: np.ndarray) -> float:
    """The longer side of the bounding box of a slice's mask, px."""
    spots = np.argwhere(inside)
    return float(np.ptp(spots, axis=0).max() + 1) if len(spots) else 0.0


def test_enhancement_moves_the_contrast_of_the_lesion_alone() -> None:
    for index in (0, 3, 7):
        patient, _ = drawn(COARSE, index)
        scenes = [
            scene_of(COARSE.model_copy(update={"enhancement": amount}), patient)
            for amount in (0.0, 1.0, 2.0)
        ]
        inside = scenes[0].tumours.max(axis=0)
        pictures = [signal(s.maps, patient.series[0].protocol, 3.0) for s in scenes]
        means = [picture[inside > 0.5].mean() for picture in pictures]
        assert means[0] * 1.1 < means[1] < means[2]
        untouched = ndimage.binary_dilation(inside > 0, iterations=4)
        np.testing.assert_array_equal(pictures[0][~untouched], pictures[2][~untouched])
        np.testing.assert_array_equal(scenes[0].tumours, scenes[2].tumours)


def test_brightness_alone_finds_some_of_the_tumour_and_not_all() -> None:
    bright, truth = [], []
    for index in range(12):
        patient, scene = drawn(COARSE, index)
        series = patient.series[0]
        volume = pixels_of(
            scene,
            series.stack,
            patient.scanner,
            series.protocol,
            (0, 0),
            (1, 1),
            generator(0, 0, 0),
        )
        bright.append(volume / np.percentile(volume, 99.5))
        truth.append(labels_of(COARSE, index) == TUMOUR)
    values, target = np.concatenate(bright), np.concatenate(truth)
    cuts = np.linspace(0.2, 1.5, 40)
    dice = [
        2 * (target & (values > cut)).sum() / (target.sum() + (values > cut).sum()) for cut in cuts
    ]
    inside, outside = values[target], values[~target]
    higher = (np.searchsorted(np.sort(outside), inside) / outside.size).mean()
    assert 0.8 < higher < 0.99 and max(dice) < 0.5


def test_many_slices_are_empty_of_tumour_and_every_patient_shows_one() -> None:
    shown = [(labels_of(COARSE, index) == TUMOUR).any(axis=(1, 2)) for index in range(COHORT)]
    assert all(slices.any() for slices in shown)
    assert 0.15 < np.mean(shown) < 0.6
    vertebra = np.mean([(labels_of(COARSE, index) == VERTEBRA).mean() for index in range(6)])
    assert 0.02 < vertebra < 0.25


def test_however_coarse_the_voxels_the_reader_finds_the_tumour() -> None:
    config = SpineGdPhantomConfig(
        image_size=48, slices=5, slice_mm=10.0, lesion_mm=(4.0, 6.0), label_noise=4.0
    )
    for index in range(12):
        assert (labels_of(config, index) == TUMOUR).any()


def test_some_lesions_are_cut_by_the_border() -> None:
    always, never = (FINE.model_copy(update={"border_share": share}) for share in (1.0, 0.0))

    def cut(config: SpineGdPhantomConfig, index: int) -> bool:
        _, scene = drawn(config, index)
        return bool((scene.tumours[0][:, [0, -1]] >= 0.5).any())

    assert sum(cut(always, index) for index in range(8)) >= 7
    assert sum(cut(never, index) for index in range(8)) == 0


def test_labels_without_noise_are_the_true_halves_and_noise_moves_their_edge() -> None:
    patient, scene = drawn(FINE, 12)
    stack = patient.series[0].stack
    exact = label_maps(scene, stack, (0.0, 0.0), 0.0, np.random.default_rng(0))
    tumour = scene.tumours.max(axis=0) >= 0.5
    np.testing.assert_array_equal(exact == TUMOUR, tumour)
    np.testing.assert_array_equal(exact == VERTEBRA, (scene.bone >= 0.5) & ~tumour)
    overlaps = []
    for spread in (0.5, 1.5, 4.0):
        found = label_maps(scene, stack, (0.0, 0.0), spread, np.random.default_rng(0))
        both = ((found > 0) & (exact > 0)).sum()
        overlaps.append(2 * both / ((found > 0).sum() + (exact > 0).sum()))
    assert 0.99 > overlaps[0] > overlaps[1] > overlaps[2] > 0.4


def test_labels_and_pixels_move_together_when_the_patient_stirs() -> None:
    patient, scene = drawn(FINE, 12)
    stack, protocol = patient.series[0].stack, patient.series[0].protocol
    still, moved = (
        (
            label_maps(scene, stack, shift, 0.0, np.random.default_rng(0)),
            pixels_of(scene, stack, SKYRA, protocol, shift, (0.0, 0.0), np.random.default_rng(0)),
        )
        for shift in ((0.0, 0.0), (3.0, -2.0))
    )
    inner = (slice(None), slice(8, -8), slice(8, -8))
    back = [np.roll(volume, (-3, 2), axis=(1, 2)) for volume in moved]
    np.testing.assert_array_equal(back[0][inner], still[0][inner])
    np.testing.assert_allclose(back[1][inner].astype(int), still[1][inner].astype(int), atol=1)


def test_a_second_series_is_of_another_region_or_of_the_same_place_with_other_fat() -> None:
    config = COARSE.model_copy(update={"second_series": 1.0})
    kinds = set()
    for index in range(12):
        patient = draw_patient(config, index)
        first, second = patient.series
        assert {id(lesion) for lesion in second.lesions} == {id(lesion) for lesion in first.lesions}
        if first.stack is second.stack:
            kinds.add("fat")
            assert {first.protocol, second.protocol} == set(patient.scanner.protocols)
        else:
            kinds.add("region")
            levels = [series.lesions[0].plan.level for series in patient.series]
            assert VERTEBRAE[levels[0]].region != VERTEBRAE[levels[1]].region
            reader = np.random.default_rng(0)
            labels = label_maps(scene_of(config, patient, 1), second.stack, (0, 0), 0.5, reader)
            assert (labels == TUMOUR).any()
    assert kinds == {"fat", "region"}
    alone = COARSE.model_copy(update={"second_series": 0.0})
    assert {len(draw_patient(alone, index).series) for index in range(12)} == {1}


def test_shading_and_noise_follow_their_knobs() -> None:
    patient, scene = drawn(COARSE, 5)
    series = patient.series[0]

    def taken(noise: float, bias: float) -> np.ndarray:
        return pixels_of(
            scene, series.stack, SKYRA, series.protocol, (0, 0), (noise, bias), generator(0, 5, 1)
        ).astype(float)

    flat, usual, strong = (taken(0.0, bias) for bias in (0.0, 1.0, 2.0))
    where = flat > 0.2 * flat.max()
    ratios = [np.log(np.maximum(volume[where], 1) / flat[where]) for volume in (usual, strong)]
    assert ratios[0].std() > 0.2 and ratios[1].std() == pytest.approx(2 * ratios[0].std(), rel=0.15)
    air = [taken(noise, 1.0)[:, :20, -3:].mean() for noise in (0.0, 1.0, 3.0)]
    assert air[0] < 0.2 * air[1] and 2.5 < air[2] / air[1] < 3.5


def test_seats_and_fat_saturation_come_in_their_shares() -> None:
    rng = np.random.default_rng(0)
    plans = [draw_plan(rng, NAMES.index("L3"), (8, 40)) for _ in range(1500)]
    for seat, share in SEAT_WEIGHTS.items():
        found = np.mean([plan.seat == seat for plan in plans])
        assert found == pytest.approx(share, abs=0.05)
    assert {draw_plan(rng, NAMES.index("S1"), (8, 40)).seat for _ in range(60)} == {"body", "flank"}
    for share, count in ((0.0, 0), (1.0, 10)):
        config = COARSE.model_copy(update={"fat_saturated": share, "second_series": 0.0})
        kept = [draw_patient(config, index).series[0].protocol.kept_fat for index in range(10)]
        assert sum(value < 1 for value in kept) == count
