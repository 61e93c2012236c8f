import copy

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from osteon.explaining.gradcam import grad_cam
from osteon.explaining.localisation import localise
from osteon.explaining.maps import upsample
from osteon.explaining.randomisation import map_correlation, randomised
from osteon.networks.late_fusion import LateFusion
from tests.explaining_blobs import BlobNet, Blobs


def _pointing(network: torch.nn.Module, blobs: Blobs) -> tuple[float, float]:
    maps = upsample(grad_cam(network, "features", (blobs.image, blobs.clinical), 1), 32).numpy()
    ill = np.flatnonzero(blobs.label.numpy())
    found = [localise(maps[i], blobs.mask[i]) for i in ill]
    return float(np.mean([f.pointing for f in found])), float(np.mean([f.energy for f in found]))


def test_weight_randomised_maps_lose_their_pointing_score(blob_net: BlobNet, blobs: Blobs) -> None:
    inputs = (blobs.image, blobs.clinical)
    pointing, energy = _pointing(blob_net, blobs)
    assert pointing > 0.9 and energy > 0.3
    lost = [_pointing(randomised(blob_net, seed, inputs), blobs) for seed in range(20)]
    chance = blobs.mask[blobs.label.numpy() == 1].mean()
    assert np.mean([one[0] for one in lost]) < pointing / 2
    assert np.mean([one[1] for one in lost]) < energy / 2
    assert chance < 0.1


def test_the_copy_has_the_same_values_in_other_places_and_the_original_stays() -> None:
    torch.manual_seed(0)
    network = LateFusion("resnet18", 2, width=0.125, hidden=8).eval()
    before = copy.deepcopy(network.state_dict())
    inputs = torch.randn(4, 3, 64, 64), torch.randn(4, 2)
    shuffled = randomised(network, 3, inputs)
    for (name, old), new in zip(network.named_parameters(), shuffled.parameters(), strict=True):
        assert torch.equal(old, before[name])
        assert torch.equal(old.flatten().sort()[0], new.flatten().sort()[0])
        assert old.numel() < 8 or old.unique().numel() < 2 or not torch.equal(old, new), name
    again = randomised(network, 3, inputs)
    assert all(
        torch.equal(a, b) for a, b in zip(shuffled.parameters(), again.parameters(), strict=True)
    )
    assert not shuffled.training and shuffled.encoder.bn1.momentum == network.encoder.bn1.momentum


def test_normalisation_fits_the_shuffled_weights() -> None:
    torch.manual_seed(0)
    network = LateFusion("resnet18", 0, width=0.125, hidden=8).eval()
    inputs = torch.randn(8, 3, 64, 64), torch.zeros(8, 0)
    shuffled = randomised(network, 0, inputs)
    seen: list[torch.Tensor] = []
    norm = shuffled.encoder.layer4[1].bn1
    norm.register_forward_hook(lambda _m, _i, out: seen.append(out.clone()))
    shuffled(*inputs)
    assert seen[0].mean((0, 2, 3)).abs().max() < 0.1
    assert (seen[0].std((0, 2, 3)) - 1).abs().max() < 0.2


def test_one_case_alone_is_enough() -> None:
    network = LateFusion("resnet18", 0, width=0.125, hidden=8)
    inputs = torch.randn(1, 3, 32, 32), torch.zeros(1, 0)
    assert torch.isfinite(randomised(network, 0, inputs)(*inputs)).all()


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_correlation_is_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 5, (2, 3, 4, 5))
    for i, found in enumerate(map_correlation(first, second)):
        np.testing.assert_allclose(found, spearmanr(first[i].ravel(), second[i].ravel())[0])


def test_constant_maps_have_a_rule() -> None:
    rising, flat = np.arange(4.0).reshape(1, 2, 2), np.ones((1, 2, 2))
    assert map_correlation(rising, 3 * rising) == 1 and map_correlation(rising, -rising) == -1
    for pair in ((rising, flat), (flat, rising), (flat, flat)):
        assert np.isnan(map_correlation(*pair)).all()
