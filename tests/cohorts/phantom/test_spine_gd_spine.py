"""What the Gd-T1 spine phantom draws into one spine: lesions, vertebrae, ribs, what enhances."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.stats import kstest

from osteon.cohorts.phantom.spine_gd_lesions import (
    LOWEST,
    SEAT_WEIGHTS,
    Lesion,
    Plan,
    draw_diameter,
    draw_lesion,
    draw_levels,
)
from osteon.cohorts.phantom.spine_gd_patient import GD_SCANNERS
from osteon.cohorts.phantom.spine_gd_render import (
    build,
    stray,
)
from osteon.cohorts.phantom.spine_gd_uptake import (
    GD_TISSUES,
    draw_distractors,
    enhanced,
    paint_ribs,
)
from osteon.cohorts.phantom.spine_mr_anatomy import SpineMrAnatomy, draw_anatomy
from osteon.cohorts.phantom.spine_mr_column import NAMES, VERTEBRAE, places, sway
from osteon.cohorts.phantom.spine_mr_render import Stack, healthy, points_of, tilted
from osteon.cohorts.phantom.spine_mr_signal import TISSUES, Maps, Tissue, channels, signal

SKYRA = GD_SCANNERS["Phantom University Hospital"]
NOTHING = draw_distractors(
    np.random.default_rng(0), draw_anatomy(np.random.default_rng(4), 30, "M", {}), 0.0
)


def sagittal(anatomy: SpineMrAnatomy, name: str, side: int = 64, spacing: float = 4.0) -> Stack:
    """Nine slices of 3 mm about the middle of a level."""
    y, z = anatomy.column.at(float(anatomy.column.middles[NAMES.index(name)]))
    row, column = tilted("sagittal", 0.0, 0.0)
    return Stack("sagittal", 9, side, spacing, 3.0, 3.3, np.array([0.0, y, z]), row, column)


def _tiny(anatomy: SpineMrAnatomy) -> Lesion:
    """A lesion far from where these tests look."""
    return draw_lesion(np.random.default_rng(0), Plan(NAMES.index("S2"), "body", 8.0), anatomy)


def tissue_signal(tissue: Tissue, saturated: bool) -> float:
    protocol = SKYRA.protocols[0 if saturated else 1]
    maps = Maps(channels(tissue)[:, None, None, None])
    return float(signal(maps, protocol, SKYRA.tesla)[0, 0, 0])


@settings(max_examples=60, deadline=None)
@given(least=st.floats(4, 60), more=st.floats(1, 10), seed=st.integers(0, 2**32 - 1))
def test_diameters_stay_between_their_bounds(least: float, more: float, seed: int) -> None:
    found = draw_diameter(np.random.default_rng(seed), least, least * more)
    assert least * (1 - 1e-9) <= found <= least * more * (1 + 1e-9)


def test_diameters_are_log_uniform() -> None:
    rng = np.random.default_rng(0)
    logs = np.log([draw_diameter(rng, 8, 40) for _ in range(2000)])
    assert kstest((logs - np.log(8)) / np.log(5), "uniform").pvalue > 0.01


@settings(max_examples=60, deadline=None)
@given(
    region=st.sampled_from(["cervical", "thoracic", "lumbar", "sacral"]),
    count=st.integers(1, 3),
    room=st.floats(0, 250),
    seed=st.integers(0, 2**32 - 1),
)
def test_levels_differ_and_fit_into_the_room(
    region: str, count: int, room: float, seed: int
) -> None:
    levels = draw_levels(np.random.default_rng(seed), region, count, room)
    tops = np.cumsum([0.0, *(vertebra.height + vertebra.disc for vertebra in VERTEBRAE)])
    assert 1 <= len(set(levels)) == len(levels) <= count and max(levels) <= LOWEST
    assert VERTEBRAE[levels[0]].region == region
    assert all(abs(tops[level] - tops[levels[0]]) < max(0.5 * room, 1e-9) for level in levels[1:])


@pytest.mark.parametrize("seat", sorted(SEAT_WEIGHTS))
@pytest.mark.parametrize("name", ["C5", "T6", "L3"])
def test_lesions_sit_in_or_at_their_vertebra_and_spare_its_neighbours(seat: str, name: str) -> None:
    anatomy = draw_anatomy(np.random.default_rng(2), 30, "M", {})
    level = NAMES.index(name)
    stack = sagittal(anatomy, name, side=96, spacing=1.5)
    at = places(anatomy.column, points_of(anatomy, stack).s)
    for seed in range(2):
        rng = np.random.default_rng(seed)
        lesion = draw_lesion(rng, Plan(level, seat, (9.0, 30.0)[seed]), anatomy)
        stack = replace(stack, middle=np.array([lesion.centre[2], *stack.middle[1:]]))
        scene = build(anatomy, (lesion,), draw_distractors(rng, anatomy, 0.0), 1.0, stack)
        inside, bone = scene.tumours[0] >= 0.5, scene.bone >= 0.5
        away = ndimage.distance_transform_edt(~bone, sampling=(3.3, 1.5, 1.5))
        assert inside.any() and away[inside].min() <= (9 if seat == "canal" else 3.3)
        if seat == "canal":
            assert (inside & bone).sum() <= 0.02 * inside.sum()
        if seat == "body":
            middle = np.abs(points_of(anatomy, stack).d + 0.5 * at.depth) < 0.3 * at.depth
            middle = np.broadcast_to(middle & (at.level != level), inside.shape)
            assert (inside & bone).any() and (inside & middle).sum() <= 0.03 * inside.sum()


def test_vertebrae_grow_from_the_neck_to_the_loins() -> None:
    anatomy = draw_anatomy(np.random.default_rng(4), 30, "M", {})
    areas = []
    for name in ("C4", "T2", "T7", "T12", "L4"):
        stack = sagittal(anatomy, name, side=96, spacing=1.5)
        bone = build(anatomy, (_tiny(anatomy),), NOTHING, 1.0, stack).bone[4] >= 0.5
        points = points_of(anatomy, stack)
        own = places(anatomy.column, points.s).level == NAMES.index(name)
        areas.append((bone & (own & (points.d < 0))[0]).sum() * 1.5**2)
    assert all(np.diff(areas) > 20) and areas[-1] > 3 * areas[0]


def test_contrast_agent_brightens_what_takes_it_up_and_saturation_darkens_fat() -> None:
    for name, tissue in GD_TISSUES.items():
        before, after = (tissue_signal(found[name], True) for found in (TISSUES, GD_TISSUES))
        taken = tissue.t1 < TISSUES[name].t1
        assert after > before if taken else after == before
    assert GD_TISSUES["csf"] == TISSUES["csf"] and GD_TISSUES["cord"] == TISSUES["cord"]
    fat = [tissue_signal(GD_TISSUES["fat"], saturated) for saturated in (True, False)]
    assert fat[0] < 0.3 * fat[1]
    # 1/T1 rises by the uptake: 1 / (1/1000 + 1.0/1000) ms.
    assert enhanced(Tissue(1, 1000, 80), 1.0).t1 == pytest.approx(500)


def test_a_rim_encloses_a_dark_middle_and_patches_are_uneven() -> None:
    anatomy = draw_anatomy(np.random.default_rng(4), 30, "M", {})
    stack = sagittal(anatomy, "L3", side=96, spacing=1.0)
    plain = draw_lesion(np.random.default_rng(1), Plan(NAMES.index("L3"), "body", 28.0), anatomy)
    spread = {}
    for pattern in ("solid", "patchy", "rim"):
        lesion = replace(plain, pattern=pattern, centre=(0.0, *plain.centre[1:]))
        scene = build(anatomy, (lesion,), NOTHING, 1.0, stack)
        picture = signal(scene.maps, SKYRA.protocols[0], 3.0)
        depth = ndimage.distance_transform_edt(scene.tumours[0] >= 0.5, sampling=(3.3, 1, 1))
        core, wall = picture[depth > 8].mean(), picture[(depth > 1.5) & (depth < 3)].mean()
        spread[pattern] = picture[depth > 2].std()
        assert core < 0.75 * wall if pattern == "rim" else core > 0.8 * wall
    assert spread["patchy"] > 1.3 * spread["solid"]


def test_voxels_at_the_edge_are_shared_and_thick_slices_keep_the_volume() -> None:
    anatomy = draw_anatomy(np.random.default_rng(4), 30, "M", {})
    plain = draw_lesion(np.random.default_rng(1), Plan(NAMES.index("L3"), "body", 20.0), anatomy)
    lesion = replace(plain, centre=(0.0, plain.centre[1], 0.0))
    volumes = []
    for thickness, slices in ((1.0, 41), (4.0, 11)):
        stack = replace(
            sagittal(anatomy, "L3"), slices=slices, thickness=thickness, between=thickness
        )
        share = build(anatomy, (lesion,), NOTHING, 1.0, stack).tumours[0]
        volumes.append(float(share.sum()) * stack.spacing**2 * thickness)
        partial = (share > 0.05) & (share < 0.95)
        assert partial.sum() > 0.2 * (share > 0).sum()
        assert share.min() >= 0 and share.max() <= 1
    assert volumes[0] == pytest.approx(volumes[1], rel=0.08)


def test_ribs_lie_beside_the_chest_only() -> None:
    anatomy = draw_anatomy(np.random.default_rng(4), 30, "M", {})
    changed = {}
    for name in ("T2", "T7", "L4"):
        stack = sagittal(anatomy, name, spacing=1.5)
        aside = replace(stack, middle=stack.middle + np.array([24.0, 0, 0]))
        for place, where in (("middle", stack), ("side", aside)):
            canvas = healthy(anatomy, where, GD_TISSUES)
            before = canvas.values.copy()
            paint_ribs(canvas, anatomy)
            moved = np.abs(canvas.values - before).max(axis=0) > 0.05
            changed[name, place] = moved[4].mean()
    assert changed["T7", "side"] > 0.03 and changed["T2", "side"] > 1.3 * changed["T7", "side"]
    assert changed["L4", "side"] == 0
    assert max(changed[name, "middle"] for name in ("T2", "T7", "L4")) == 0


def test_a_slice_along_a_side_wall_shows_marrow_too() -> None:
    anatomy = draw_anatomy(np.random.default_rng(4), 30, "M", {})
    level = NAMES.index("L3")
    middle = sagittal(anatomy, "L3", side=96, spacing=1.5)
    half = float(anatomy.column.halves[level])
    drift = float(sway(anatomy.column, float(anatomy.column.middles[level])))
    aside = replace(middle, middle=middle.middle + np.array([drift + 0.93 * half, 0, 0]))
    means = []
    for stack in (middle, aside):
        scene = build(anatomy, (_tiny(anatomy),), NOTHING, 1.0, stack)
        points = points_of(anatomy, stack)
        own = (places(anatomy.column, points.s).level == level) & (points.d < -5)
        inside = (scene.bone[4] > 0.9) & own[0]
        means.append(signal(scene.maps, SKYRA.protocols[1], 3.0)[4][inside].mean())
    assert means[1] > 0.6 * means[0]


def test_distractors_come_by_their_knob() -> None:
    anatomy = draw_anatomy(np.random.default_rng(4), 30, "M", {})
    counts = []
    for amount in (0.0, 1.0, 2.0):
        found = [draw_distractors(np.random.default_rng(i), anatomy, amount) for i in range(60)]
        counts.append(np.mean([len(one.blobs) for one in found]))
        assert all((one.plexus > 0) == (one.vessels > 0) == (amount > 0) for one in found)
    assert counts[0] == 0 and counts[2] == pytest.approx(2 * counts[1], rel=0.2)


def test_the_hand_strays_by_its_standard_deviation_and_by_nothing_at_zero() -> None:
    anatomy = draw_anatomy(np.random.default_rng(4), 30, "M", {})
    stack = sagittal(anatomy, "L3", side=128, spacing=2.0)
    found = stray(stack, 1.5, np.random.default_rng(0))
    assert found.shape == (2, 9, 128, 128)
    assert found.std() * stack.spacing == pytest.approx(1.5, rel=0.06)
    steps = np.abs(np.diff(found, axis=-1)).max()
    assert steps < 1.0 and not stray(stack, 0.0, np.random.default_rng(0)).any()
