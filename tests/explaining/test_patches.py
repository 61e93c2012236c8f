"""Gradients at patches: against finite differences, laid back where they were cut, and checked."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from osteon.explaining.patches import (
    GRADIENT,
    MOST,
    SHUFFLED,
    OnPatches,
    PatchedSlice,
    cut,
    explain_slices,
    laid_back,
    patch_gradients,
    summary_of,
    thinned,
)
from osteon.networks.penn import Penn

SETTINGS = SimpleNamespace(randomisations=2, seed=0)
SIDE, PATCH = 24, 8


def network(seed=0):
    torch.manual_seed(seed)
    return Penn(PATCH, 4, layers=2, nodes=12).eval()


def slices(count=12, patients=6):
    chance = np.random.default_rng(1)
    corners = np.array([(y, x) for y in range(0, 12, 2) for x in range(4, 16, 2)], np.int32)
    return [
        PatchedSlice(
            f"I{at:02d}", f"P{at % patients}", at % 2,
            chance.integers(0, 256, (SIDE, SIDE), np.uint8), corners[at:],
        )
        for at in range(count)
    ]  # fmt: skip


def test_the_gradient_is_that_of_the_target_s_logit_by_finite_differences():
    made = network().double()
    patches = torch.rand(2, 1, PATCH, PATCH, dtype=torch.float64)
    found = patch_gradients(OnPatches(made), patches)
    step = 1e-5
    for y, x in ((0, 0), (3, 5), (7, 7)):
        moved = torch.zeros_like(patches)
        moved[..., y, x] = step
        ends = [made.classify(patches + sign * moved)[:, 1] for sign in (1, -1)]
        wanted = ((ends[0] - ends[1]) / (2 * step)).abs()
        torch.testing.assert_close(found[:, y, x], wanted.float(), rtol=1e-4, atol=1e-7)
    assert not made.training and all(one.requires_grad for one in made.parameters())


def test_a_pixel_has_the_mean_of_the_patches_over_it():
    gradients = np.stack([np.full((2, 2), 1.0), np.full((2, 2), 3.0)])
    found, covered = laid_back(gradients, np.array([(0, 0), (1, 1)]), (4, 4))
    wanted = np.zeros((4, 4))
    wanted[:2, :2], wanted[1:3, 1:3], wanted[1, 1] = 1, 3, 2
    np.testing.assert_allclose(found, wanted)
    assert covered.sum() == 7 and not covered[3].any()


def test_patches_are_cut_where_they_lie_and_thinned_evenly():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    found = cut(image, np.array([(0, 0), (2, 3)]), 2)
    assert found.shape == (2, 1, 2, 2)
    assert (found[1, 0] * 255).round().tolist() == [[19, 20], [27, 28]]
    many = np.arange(2000).reshape(1000, 2)
    kept = thinned(many)
    assert len(kept) == MOST and kept[0].tolist() == [0, 1] and kept[-1].tolist() == [1998, 1999]
    assert thinned(many[:3]) is not many and len(thinned(many[:3])) == 3


def test_each_slice_is_asked_of_the_fold_that_held_it_out():
    networks = {0: network(0), 1: network(1)}
    given = slices()
    scores, maps = explain_slices("penn", networks, given, SETTINGS)
    assert scores["sample_id"].tolist() == [one.sample for one in given]
    assert maps[GRADIENT].shape == maps[SHUFFLED].shape == (12, SIDE, SIDE)
    for at, one in enumerate(given):
        own = patch_gradients(OnPatches(networks[one.fold]), cut(one.image, one.corners, PATCH))
        wanted, covered = laid_back(own.numpy(), one.corners, (SIDE, SIDE))
        np.testing.assert_allclose(maps[GRADIENT][at], wanted / wanted.max(), atol=1e-3)
        assert scores["cells"][at] == covered.sum() and scores["patches"][at] == len(one.corners)
    assert not scores["empty_map"].any() and not np.allclose(maps[GRADIENT], maps[SHUFFLED])


def test_maps_are_compared_where_both_lie_and_the_verdict_is_by_rule():
    learnt = network()
    with torch.no_grad():  # a first layer with a shape: only the left half of a patch counts
        weights = learnt.first.weight.view(-1, PATCH, PATCH)
        weights[..., PATCH // 2 :] = 0
    scores, _ = explain_slices("penn", {0: learnt, 1: learnt}, slices(), SETTINGS)
    # The common border would make any two maps alike; inside, shuffled weights have no halves.
    assert scores["randomised_correlation"].abs().max() < 0.5
    told = summary_of(scores, 50, 0, 0.5)
    one = told["methods"]["penn"]["gradient"]
    assert one["verdict"] == "follows the weights" and "patches of the target" in one["note"]
    assert "above 0.5" in told["statement"] and one["n_images"] == 12 and one["n_patients"] == 6
    alike = summary_of(scores.assign(randomised_correlation=0.9), 50, 0, 0.5)
    assert alike["methods"]["penn"]["gradient"]["verdict"].startswith("worthless")
    few = summary_of(scores.iloc[:3], 50, 0, 0.5)
    assert few["methods"]["penn"]["gradient"]["verdict"].startswith("not judged: 3 images")


def test_a_network_that_answers_always_the_same_is_not_judged():
    flat = network()
    torch.nn.init.zeros_(flat.first.weight)
    scores, maps = explain_slices("penn", {0: flat, 1: flat}, slices(), SETTINGS)
    assert scores["empty_map"].all() and not maps[GRADIENT].any()
    told = summary_of(scores, 50, 0, 0.5)["methods"]["penn"]["gradient"]
    assert told["verdict"].startswith("not judged: 12 of 12 maps are empty")


def test_without_slices_or_shuffled_networks_nothing_is_claimed():
    scores, maps = explain_slices("penn", {}, [], SETTINGS)
    assert not len(scores) and maps == {}
    assert summary_of(scores, 50, 0, 0.5)["methods"] == {}
    none = SimpleNamespace(randomisations=0, seed=0)
    scores, maps = explain_slices("penn", {0: network(), 1: network()}, slices(), none)
    assert set(maps) == {GRADIENT}
    told = summary_of(scores, 50, 0, 0.5)["methods"]["penn"]["gradient"]["verdict"]
    assert told.startswith("not judged: no map of a network with shuffled weights")


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_check(seed):
    settings = SimpleNamespace(randomisations=1, seed=seed)
    given = {0: network(), 1: network()}
    first, again = (explain_slices("penn", given, slices(), settings)[0] for _ in range(2))
    assert first.equals(again)
