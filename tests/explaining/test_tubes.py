"""Explanations of networks on tubes, against networks whose evidence is known."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from osteon.explaining.faithfulness import random_orders
from osteon.explaining.integrated import absence
from osteon.explaining.subject import Explained, Subject
from osteon.explaining.summary import FOLLOWS, summarise
from osteon.explaining.tubes import (
    compact_tubes,
    lesion_mask,
    score_tubes,
    tube_grad_cam,
    tube_maps,
    upsample_tubes,
)
from osteon.networks.resnext3d import ResNeXt3D
from osteon.networks.sequence_networks import ResNet3D18, SliceStack
from osteon.recipes.explainability import ExplainabilityConfig

torch.set_num_threads(1)
N, SIDE, CUBE = 6, 16, 6
CONFIG = ExplainabilityConfig(
    methods=("grad_cam",), randomisations=3, checked_images=12, deletion_steps=8, batch=16
)


class Corner(nn.Module):
    """Class 1 is what is bright at the top left of slice 2; all else is not looked at."""

    features_layer = "features"

    def __init__(self, seen: tuple[slice, ...]) -> None:
        super().__init__()
        self.features = nn.ReLU()
        self.register_buffer("mask", torch.zeros(N, SIDE, SIDE))
        self.mask[seen] = 1

    def forward(self, tubes: Tensor) -> Tensor:
        bright = self.features(tubes * self.mask - 0.6).mean((1, 2, 3, 4))
        return torch.stack([torch.zeros_like(bright), 500 * bright], dim=1)


class Cubes(nn.Module):
    """Small 3D network with batch normalisation, to be trained."""

    features_layer = "features"

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv3d(1, 8, (1, 5, 5), padding=(0, 2, 2)),
            nn.BatchNorm3d(8),
            nn.ReLU(),
            nn.MaxPool3d((1, 2, 2)),
            nn.Conv3d(8, 8, 3, padding=1),
            nn.ReLU(),
        )
        self.head = nn.Linear(8, 2)

    def forward(self, tubes: Tensor) -> Tensor:
        return self.head(self.features(tubes).mean((2, 3, 4)))


def make_cubes(count: int, seed: int) -> tuple[Tensor, Tensor, np.ndarray]:
    """Noise with two cubes of horizontal stripes; every other tube has one of vertical stripes."""
    rng = np.random.default_rng(seed)
    tubes, lesions = 0.3 * rng.normal(size=(count, N, SIDE, SIDE)), []
    rows, columns = np.mgrid[:SIDE, :SIDE]
    labels = np.arange(count) % 2
    for tube, label in zip(tubes, labels, strict=True):
        lesion = np.zeros(tube.shape, bool)
        for stripes in (rows, rows, columns)[: 2 + label]:
            z, y, x = (int(rng.integers(0, end)) for end in (N - 1, SIDE - CUBE, SIDE - CUBE))
            lesion[:] = False
            lesion[z : z + 2, y : y + CUBE, x : x + CUBE] = True
            tube[lesion] = np.broadcast_to(1.5 - 3 * (stripes // 2 % 2), tube.shape)[lesion]
        lesions.append(lesion)
    return torch.from_numpy(tubes[:, None]).float(), torch.from_numpy(labels), np.stack(lesions)


def subject_of(
    network: nn.Module, tubes: Tensor, labels: Tensor, lesions: list | np.ndarray, **changes
) -> Subject:
    count = len(tubes)
    samples = pd.DataFrame(
        {
            "sample_id": [f"q{i}" for i in range(count)],
            "patient_id": [f"p{i // 2 * 2 + i % 2}" for i in range(count)],
            "label": labels.numpy(),
            "fold": np.arange(count) // 4 % 2,
        }
    )
    given = {
        "learner": "sequence",
        "networks": {0: network, 1: network},
        "read": lambda index: (tubes[index],),
        "samples": samples,
        "layer": "features",
        "lesion": lambda i: lesions[i] if labels[i] else None,
    }
    return Subject(**(given | changes))


@pytest.fixture(scope="module")
def trained() -> Cubes:
    torch.manual_seed(0)
    network, (tubes, labels, _) = Cubes(), make_cubes(96, 0)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(tubes), labels).backward()
        optimiser.step()
    return network.eval()


@pytest.fixture(scope="module")
def explained(trained: Cubes) -> Explained:
    return score_tubes(subject_of(trained, *make_cubes(48, 7)), CONFIG)


def by_autograd(network: nn.Module, layer: str, tubes: Tensor, target: int) -> Tensor:
    kept: list[Tensor] = []
    handle = network.get_submodule(layer).register_forward_hook(lambda _m, _i, o: kept.append(o))
    logits = network.eval()(tubes)
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[:, target].sum(), kept[0])
    axes = tuple(range(2, gradient.ndim))
    return (gradient.mean(axes, keepdim=True) * kept[0]).sum(1).detach()


@pytest.mark.parametrize(
    ("network", "layer", "shape"),
    [
        (ResNeXt3D(2, width=0.125, blocks=(1, 1, 1, 1), cardinality=4), "layer4", (1, 2, 2)),
        (ResNeXt3D(2, width=0.125, blocks=(1, 1, 1, 1), cardinality=4), "layer2", (2, 6, 6)),
        (ResNet3D18(2), "encoder.layer3", (2, 6, 6)),
        (SliceStack(8, 2, trunk="resnet18", width=0.125), "encoder.layer4", (2, 2)),
    ],
)
def test_equals_plain_autograd_on_the_papers_networks(
    network: nn.Module, layer: str, shape: tuple[int, ...]
) -> None:
    tubes = torch.randn(2, 1, 8, 48, 48, generator=torch.Generator().manual_seed(0))
    wanted = by_autograd(network, layer, tubes, 1)
    assert wanted.shape == (2, *shape)
    wanted = wanted if wanted.ndim == 4 else wanted[:, None]
    signed = tube_grad_cam(network, layer, tubes, 1, signed=True)
    torch.testing.assert_close(signed, wanted, rtol=1e-4, atol=1e-5)
    positive = tube_grad_cam(network.train(), layer, tubes, 1)
    torch.testing.assert_close(positive, wanted.clamp(min=0), rtol=1e-4, atol=1e-5)
    assert network.training


def test_maps_lie_on_every_pixel_between_minus_one_and_one() -> None:
    torch.manual_seed(0)
    network = ResNeXt3D(2, width=0.125, blocks=(1, 1, 1, 1), cardinality=4).eval()
    tubes = torch.randn(3, 1, 8, 48, 48)
    maps = tube_maps(network, tubes, 1)
    assert maps.shape == (3, 8, 48, 48) and maps.dtype == torch.float32
    torch.testing.assert_close(maps.abs().amax((1, 2, 3)), torch.ones(3))
    other = tube_maps(network, tubes, 1, "layer3")
    assert other.shape == maps.shape and not torch.allclose(other, maps)


def test_a_stack_of_slices_has_one_map_for_all_of_them() -> None:
    torch.manual_seed(0)
    network = SliceStack(4, 2, trunk="resnet18", width=0.125).eval()
    maps = tube_maps(network, torch.randn(2, 1, 4, 64, 64), 1)
    assert maps.shape == (2, 4, 64, 64)
    torch.testing.assert_close(maps, maps[:, :1].expand_as(maps))
    assert maps[:, 0].std() > 0


def test_between_the_cells_maps_are_interpolated_over_slices_too() -> None:
    maps = torch.zeros(1, 2, 2, 2)
    maps[0, 1] = 4
    found = upsample_tubes(maps, (4, 6, 6))
    torch.testing.assert_close(found[0, :, 3, 3], torch.tensor([0.0, 1.0, 3.0, 4.0]))


def test_maps_to_keep_are_scaled_and_no_larger_than_asked() -> None:
    maps = torch.randn(3, 4, 12, 12, generator=torch.Generator().manual_seed(0))
    maps[2] = 0
    found = compact_tubes(maps, 6)
    assert found.shape == (3, 4, 6, 6) and not found[2].any()
    torch.testing.assert_close(found[:2].abs().amax((1, 2, 3)), torch.ones(2))
    means = maps[:1].view(1, 4, 6, 2, 6, 2).mean((3, 5))
    torch.testing.assert_close(found[:1], means / means.abs().max())
    assert compact_tubes(maps, 12).shape == maps.shape


SEEN = (slice(2, 3), slice(0, 6), slice(0, 6))


@pytest.mark.parametrize(
    ("lesion", "pointing"),
    [
        (SEEN, 1.0),
        ((slice(4, 5), slice(0, 6), slice(0, 6)), 0.0),  # the place, another slice
        ((slice(2, 3), slice(8, 16), slice(8, 16)), 0.0),  # the slice, another place
    ],
)
def test_planted_evidence_is_found_on_its_slice_and_at_its_place(
    lesion: tuple[slice, ...], pointing: float
) -> None:
    tubes, mask = torch.rand(8, 1, N, SIDE, SIDE), np.zeros((N, SIDE, SIDE), bool)
    mask[lesion] = True
    subject = subject_of(Corner(SEEN), tubes, torch.ones(8).long(), [mask] * 8)
    scores = score_tubes(subject, CONFIG).scores
    assert (scores["pointing"] == pointing).all() and (scores["energy"] == pointing).all()
    np.testing.assert_allclose(scores["lesion_share"], mask.mean())
    assert scores["has_lesion"].all() and not scores["lesion_outside"].any()


def test_what_follows_the_evidence_is_taken_away_first() -> None:
    tubes = torch.rand(8, 1, N, SIDE, SIDE)
    none = [None] * 8
    scores = score_tubes(subject_of(Corner(SEEN), tubes, torch.ones(8).long(), none), CONFIG).scores
    assert (scores["deletion"] < scores["deletion_random"]).all()
    assert (scores["insertion"] > scores["insertion_random"]).all()
    # In random order, by hand: the sixth part of all pixels at a time.
    network, order = Corner(SEEN), random_orders(1, N * SIDE * SIDE, CONFIG.seed, 3)[0]
    without = absence(tubes[3]).reshape(-1)
    curve = []
    for step in range(CONFIG.deletion_steps + 1):
        tube = tubes[3].reshape(-1).clone()
        gone = order[: round(step / CONFIG.deletion_steps * len(order))]
        tube[gone] = without[gone]
        logits = network(tube.view(1, 1, N, SIDE, SIDE)).double()
        curve.append(float(logits.softmax(1)[0, 1]))
    wanted = np.trapezoid(curve, np.linspace(0, 1, len(curve)))
    assert scores["deletion_random"][3] == pytest.approx(wanted, rel=1e-5)


def test_every_tube_has_one_row_with_the_columns_of_all_explanations(
    explained: Explained, trained: Cubes
) -> None:
    tubes, labels, _ = make_cubes(48, 7)
    scores = explained.scores
    assert scores["sample_id"].tolist() == [f"q{i}" for i in range(48)]
    assert scores.columns.tolist() == [
        *("sample_id", "patient_id", "learner", "fold", "method", "label", "target"),
        *("probability", "has_lesion", "lesion_outside", "pointing", "energy", "iou"),
        *("lesion_share", "deletion", "insertion", "deletion_random", "insertion_random"),
        *("randomised_correlation", "randomised_pointing", "randomised_energy"),
        *("empty_map", "cells"),
    ]
    with torch.no_grad():
        wanted = trained(tubes).softmax(1)[:, 1].numpy()
    np.testing.assert_allclose(scores["probability"], wanted, atol=1e-5)
    assert (scores["label"].to_numpy() == labels.numpy()).all()
    assert scores["method"].eq("grad_cam").all() and scores["cells"].eq(N * 8 * 8).all()
    assert scores["has_lesion"].dtype == bool and scores["has_lesion"].sum() == 24
    assert scores.loc[~scores["has_lesion"], "pointing"].isna().all()
    assert scores["deletion"].notna().sum() == 12
    assert explained.maps["grad_cam"].shape == (48, N, 8, 8)
    assert explained.maps["grad_cam"].dtype == np.float16
    signed = tube_grad_cam(trained, "features", tubes, 1, signed=True)
    kept = explained.maps["grad_cam"].astype(np.float32)
    np.testing.assert_allclose(kept, compact_tubes(signed).numpy(), atol=2e-3)


def test_maps_of_a_trained_network_find_the_lesion_and_shuffled_ones_do_not(
    explained: Explained,
) -> None:
    found = summarise(explained.scores, explained.attributions, rounds=200)
    figures = found["methods"]["sequence"]["grad_cam"]
    assert figures["verdict"] == FOLLOWS
    assert figures["pointing"]["value"] > 0.8 > figures["randomised_pointing"]["value"] + 0.3
    assert figures["energy"]["value"] > 3 * figures["chance"]["value"]
    assert figures["deletion"]["value"] < figures["deletion_random"]["value"]
    assert found["clinical"] == {} and figures["n_with_lesion"] == 24


def test_each_tube_is_explained_by_the_network_that_did_not_see_it(trained: Cubes) -> None:
    torch.manual_seed(1)
    other, (tubes, labels, lesions) = Cubes().eval(), make_cubes(12, 3)
    config = CONFIG.model_copy(update={"randomisations": 0, "checked_images": 0})
    mixed = subject_of(trained, tubes, labels, lesions, networks={0: trained, 1: other})
    scores = score_tubes(mixed, config).scores
    with torch.no_grad():
        first, second = (net(tubes).softmax(1)[:, 1].numpy() for net in (trained, other))
    wanted = np.where(scores["fold"] == 0, first, second)
    np.testing.assert_allclose(scores["probability"], wanted, atol=1e-5)
    assert scores[["randomised_correlation", "deletion"]].isna().all(None)


def test_lesions_are_laid_on_their_slices_and_those_outside_are_said_to_be() -> None:
    boxes = [[], [(20, 30, 40, 50)], [(0, 0, 9, 9)]]
    mask = lesion_mask(boxes, (10, 20, 50, 60), 8)
    assert mask.shape == (3, 8, 8) and not mask[0].any() and not mask[2].any()
    assert mask[1, 2:6, 2:6].all() and mask.sum() == 16
    outside = lesion_mask([[(0, 0, 9, 9)]] * N, (10, 20, 50, 60), SIDE)
    tubes, labels = torch.rand(4, 1, N, SIDE, SIDE), torch.ones(4).long()
    scores = score_tubes(subject_of(Corner(SEEN), tubes, labels, [outside] * 4), CONFIG).scores
    assert scores["lesion_outside"].all() and not scores["has_lesion"].any()
    assert scores["pointing"].isna().all()


def test_wrong_arguments_are_named(trained: Cubes) -> None:
    tubes = torch.rand(2, 1, N, SIDE, SIDE)
    with pytest.raises(ValueError, match="no module 'nothing'"):
        tube_grad_cam(trained, "nothing", tubes, 1)
    with pytest.raises(ValueError, match="output has 2 axes"):
        tube_grad_cam(trained, "head", tubes, 1)
    with pytest.raises(ValueError, match="features_layer"):
        tube_maps(nn.Flatten(), tubes, 1)
    nobody = subject_of(trained, tubes[:0], torch.zeros(0).long(), [])
    with pytest.raises(ValueError, match="samples: no row"):
        score_tubes(nobody, CONFIG)
