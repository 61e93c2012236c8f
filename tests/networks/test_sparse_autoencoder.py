"""The cost of a sparse autoencoder against formulas, hand sums and finite differences."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy
from torch import Tensor, nn

from osteon.networks.sparse_autoencoder import (
    SparseAutoencoder,
    Sparsity,
    TiedLinear,
    glorot,
    kl_divergence,
    stacked,
)

torch.set_num_threads(1)
SHARES = st.floats(0.001, 0.999)
WEIGHTS = torch.tensor([1.0, 0.01, 0.7], dtype=torch.float64)


def autoencoder(sparsity: Sparsity | None = None, layers: int = 1) -> SparseAutoencoder:
    """Nine pixels, then four units a layer; the last layer's stage, in double precision."""
    torch.manual_seed(0)
    sizes = [9] + [4] * layers
    hidden = [
        nn.Sequential(glorot(nn.Linear(sizes[i], sizes[i + 1])), nn.Sigmoid())
        for i in range(layers)
    ]
    stage = stacked(hidden, sparsity or Sparsity())[-1].double()
    for value in stage.parameters():
        # Biases begin at zero, where nothing that they do would be seen.
        if value.ndim == 1:
            nn.init.normal_(value, std=0.5)
    return stage


def patches(count: int = 6, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 1, 3, 3, generator=generator, dtype=torch.float64)


def cost(stage: SparseAutoencoder, given: Tensor) -> Tensor:
    return stage(given).mean(0) @ WEIGHTS


@given(rho=SHARES, means=st.lists(SHARES, min_size=1, max_size=5))
def test_divergence_is_that_of_bernoulli_variables(rho: float, means: list[float]) -> None:
    found = float(kl_divergence(rho, torch.tensor(means, dtype=torch.float64)))
    assert found == pytest.approx(sum(entropy([rho, 1 - rho], [m, 1 - m]) for m in means), abs=1e-9)
    assert found >= -1e-12


def test_divergence_is_zero_where_wanted_and_finite_at_the_ends() -> None:
    assert kl_divergence(0.05, torch.full((7,), 0.05, dtype=torch.float64)) == pytest.approx(0)
    ends = kl_divergence(0.05, torch.tensor([0.0, 1.0], dtype=torch.float64))
    by_hand = sum(entropy([0.05, 0.95], [m, 1 - m]) for m in (1e-6, 1 - 1e-6))
    assert float(ends) == pytest.approx(by_hand, rel=1e-9)
    assert kl_divergence(0.05, torch.tensor([0.0, 1.0])).isfinite()


@given(rho=SHARES, mean=SHARES)
def test_gradient_of_the_divergence(rho: float, mean: float) -> None:
    value = torch.tensor([mean], dtype=torch.float64, requires_grad=True)
    kl_divergence(rho, value).backward()
    assert float(value.grad) == pytest.approx(-rho / mean + (1 - rho) / (1 - mean), rel=1e-9)
    assert torch.autograd.gradcheck(lambda m: kl_divergence(rho, m), value, eps=1e-7, rtol=1e-2)


def test_terms_by_hand() -> None:
    stage, given = autoencoder(Sparsity(rho=0.1)), patches()
    encoder, decoder = stage.encoder[0], stage.decoder[0]
    weight, bias, back, shift = (
        value.detach().numpy()
        for value in (encoder.weight, encoder.bias, decoder.weight, decoder.bias)
    )
    x = given.flatten(1).numpy()
    code = 1 / (1 + np.exp(-(x @ weight.T + bias)))
    z = 1 / (1 + np.exp(-(code @ back.T + shift)))
    found = stage.eval()(given).detach().numpy()
    assert found.shape == (6, 3) and found.dtype == np.float64
    np.testing.assert_allclose(found[:, 0], ((x - z) ** 2).sum(1))
    np.testing.assert_allclose(found[:, 1], (weight**2).sum() / 2)
    divergence = sum(entropy([0.1, 0.9], [m, 1 - m]) for m in code.mean(0))
    np.testing.assert_allclose(found[:, 2], divergence)


def test_options_of_the_terms() -> None:
    given = patches()
    plain = autoencoder()(given)
    mean = autoencoder(Sparsity(mse_reduction="mean"))(given)
    torch.testing.assert_close(mean[:, 0] * 9, plain[:, 0])
    torch.testing.assert_close(mean[:, 1:], plain[:, 1:])
    stage = autoencoder(Sparsity(l2_on="both"))
    weights = (stage.encoder[0].weight, stage.decoder[0].weight)
    wanted = sum(float(w.detach().square().sum()) for w in weights) / 2
    assert stage.eval()(given)[0, 1].item() == pytest.approx(wanted)
    assert wanted > plain[0, 1].item()


@pytest.mark.parametrize(
    "sparsity",
    [
        Sparsity(decay=0),
        Sparsity(decay=0, mse_reduction="mean", l2_on="both"),
        Sparsity(decay=0, tied_weights=True),
        Sparsity(decay=0, decoder="linear"),
    ],
)
@pytest.mark.parametrize("layers", [1, 2])
def test_gradient_is_that_of_finite_differences(sparsity: Sparsity, layers: int) -> None:
    stage = autoencoder(sparsity, layers).train()
    parameters = tuple(stage.parameters())
    assert torch.autograd.gradcheck(lambda *_: cost(stage, patches()), parameters)


@pytest.mark.parametrize("term", [0, 1, 2])
def test_each_terms_gradient_along_a_direction(term: int) -> None:
    """Central differences by hand, without autograd's own checker."""
    stage = autoencoder(Sparsity(decay=0)).train()
    parameters = list(stage.parameters())
    stage(patches()).mean(0)[term].backward()
    torch.manual_seed(1)
    along = [torch.randn_like(value) for value in parameters]
    slope = sum(
        float((value.grad * way).sum())
        for value, way in zip(parameters, along, strict=True)
        if value.grad is not None
    )
    ends = []
    with torch.no_grad():
        for step in (1e-5, -2e-5):
            for value, way in zip(parameters, along, strict=True):
                value += step * way
            ends.append(stage(patches()).mean(0)[term].item())
    assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-9)


def test_running_mean_is_freed_of_its_start() -> None:
    stage = autoencoder(Sparsity(decay=0.9)).train()
    codes, terms = [], []
    for seed in range(4):
        terms.append(stage(patches(seed=seed))[0, 2].item())
        codes.append(stage.encoder(stage.inputs(patches(seed=seed))).mean(0).detach())
        weights = [0.9 ** (len(codes) - 1 - i) for i in range(len(codes))]
        mean = sum(w * c for w, c in zip(weights, codes, strict=True)) / sum(weights)
        assert terms[-1] == pytest.approx(float(kl_divergence(0.05, mean)))
    stage.eval()
    state = {name: value.clone() for name, value in stage.state_dict().items()}
    assert stage(patches(seed=9))[0, 2].item() == pytest.approx(
        kl_divergence(0.05, stage.encoder(patches(seed=9).flatten(1)).mean(0)).item()
    ), "in evaluation the batch's own"
    assert all(torch.equal(value, state[name]) for name, value in stage.state_dict().items())
    assert float(state["weight"]) == pytest.approx(1 - 0.9**4)


def test_gradient_of_the_running_mean_is_that_of_the_batch() -> None:
    """d KL / d ρ_j is taken at the running mean, d ρ_j / d W is the batch's, not a tenth of it."""
    stage = autoencoder(Sparsity(rho=0.05, decay=0.9)).train()
    stage(patches(seed=1))
    stage(patches(seed=2))[0, 2].backward()
    own = stage.encoder(patches(seed=2).flatten(1)).mean(0)
    hat = stage.mean / (1 - 0.9**2)
    slope = (-0.05 / hat + 0.95 / (1 - hat)).detach()
    wanted = torch.autograd.grad((slope * own).sum(), stage.encoder[0].weight)[0]
    torch.testing.assert_close(stage.encoder[0].weight.grad, wanted)


def test_tied_weights_are_one_matrix() -> None:
    stage = autoencoder(Sparsity(tied_weights=True, l2_on="both"))
    assert sorted(tuple(value.shape) for value in stage.parameters()) == [(4,), (4, 9), (9,)]
    layer, code = stage.encoder[0], torch.rand(2, 4, dtype=torch.float64)
    torch.testing.assert_close(
        stage.decoder(code), torch.sigmoid(code @ layer.weight + stage.decoder[0].bias)
    )
    assert stage.l2().item() == pytest.approx(layer.weight.square().sum().item() / 2)


def test_layers_before_are_neither_trained_nor_saved_but_move_along() -> None:
    first = nn.Sequential(nn.Linear(9, 4), nn.Sigmoid())
    stage = stacked([first, nn.Sequential(nn.Linear(4, 3), nn.Sigmoid())], Sparsity())[1]
    assert not {id(v) for v in first.parameters()} & {id(v) for v in stage.parameters()}
    assert not [name for name in stage.state_dict() if name.startswith("before")]
    assert stage.double()(patches()).dtype == torch.float64
    assert first[0].weight.dtype == torch.float64
    stage(patches()).sum().backward()
    assert first[0].weight.grad is None
    assert all(value.grad is not None for value in stage.parameters())


def test_what_it_learns_is_sparse_where_that_is_asked() -> None:
    activation = {}
    for beta in (0.0, 3.0):
        stage = autoencoder(Sparsity(rho=0.1)).train()
        optimiser = torch.optim.Adam(stage.parameters(), 0.02)
        for _ in range(300):
            optimiser.zero_grad()
            terms = stage(patches(32)).mean(0)
            (terms[0] + beta * terms[2]).backward()
            optimiser.step()
        activation[beta] = stage.encoder(patches(32).flatten(1)).mean(0)
    assert (activation[3.0] - 0.1).abs().max() < 0.05 < (activation[0.0] - 0.1).abs().max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rho": 0.0}, r"rho is 0\.0; it must lie between 0 and 1"),
        ({"rho": 1.0}, r"rho is 1\.0"),
        ({"decay": 1.0}, r"decay is 1\.0; it must be 0 or more and below 1"),
        ({"mse_reduction": "sum"}, "mse_reduction is 'sum'; allowed are sum_pixels, mean"),
        ({"l2_on": "decoder"}, "l2_on is 'decoder'; allowed are encoder, both"),
        ({"decoder": "tanh"}, "decoder is 'tanh'; allowed are sigmoid, linear"),
    ],
)
def test_wrong_arguments_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sparsity(**options)


def test_a_stack_is_of_linear_layers() -> None:
    with pytest.raises(TypeError, match="hidden: Conv2d found"):
        stacked([nn.Sequential(nn.Conv2d(1, 1, 3))], Sparsity())
    assert TiedLinear(nn.Linear(3, 2))(torch.zeros(1, 2)).shape == (1, 3)
