"""Scaled conjugate gradients: the minima of known functions, never uphill, resumable."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor, nn

from osteon.learning.scg import LARGEST_SCALE, SCG

Loss = Callable[[], Tensor]


def closed(optimiser: torch.optim.Optimizer, loss: Loss) -> Loss:
    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value.detach()

    return closure


def descend(optimiser: SCG, loss: Loss, steps: int) -> list[float]:
    closure = closed(optimiser, loss)
    return [float(optimiser.step(closure)) for _ in range(steps)]


def quadratic(size: int, seed: int) -> tuple[nn.Parameter, Loss, Tensor]:
    """A start at 0, ½ wᵀAw - bᵀw with a condition of 30, and where its minimum lies."""
    chance = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(size, size, dtype=torch.double, generator=chance))[0]
    matrix = basis @ torch.diag(torch.linspace(1, 30, size, dtype=torch.double)) @ basis.T
    target = torch.randn(size, dtype=torch.double, generator=chance)
    weights = nn.Parameter(torch.zeros(size, dtype=torch.double))
    return (
        weights,
        lambda: 0.5 * weights @ matrix @ weights - target @ weights,
        torch.linalg.solve(matrix, target),
    )


@given(size=st.integers(1, 12), seed=st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_a_quadratic_s_minimum_is_reached_in_about_as_many_steps_as_weights(size, seed) -> None:
    weights, loss, minimum = quadratic(size, seed)
    descend(SCG([weights]), loss, size + 3)
    torch.testing.assert_close(weights.detach(), minimum, rtol=0, atol=1e-5)


def test_rosenbrock_s_valley_is_followed_to_its_end() -> None:
    weights = nn.Parameter(torch.tensor([-1.2, 1.0], dtype=torch.double))
    descend(SCG([weights]), lambda: rosenbrock(weights), 120)
    torch.testing.assert_close(weights.detach(), torch.ones(2, dtype=torch.double))


def rosenbrock(weights: Tensor) -> Tensor:
    return 100 * (weights[1] - weights[0] ** 2) ** 2 + (1 - weights[0]) ** 2


def perceptron(
    dtype: torch.dtype = torch.double, seed: int = 0, decay: float = 0.0
) -> tuple[nn.Module, Loss]:
    """A small network and its mean squared error, with an L2 penalty if asked."""
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(80, 3, dtype=dtype, generator=chance)
    y = torch.sin(x[:, :1]) + x[:, 1:2] * x[:, 2:]
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, 5), nn.Sigmoid(), nn.Linear(5, 1)).to(dtype)

    def loss() -> Tensor:
        error = (network(x) - y).square().mean()
        return error + decay * torch.stack([p.square().sum() for p in network.parameters()]).sum()

    return network, loss


def by_scipy(network: nn.Module, loss: Loss, steps: int) -> float:
    """The loss that SciPy's conjugate gradients reach; the weights are put back."""
    parameters = list(network.parameters())
    start = nn.utils.parameters_to_vector(parameters).detach().clone()

    def value(vector: np.ndarray) -> tuple[float, np.ndarray]:
        nn.utils.vector_to_parameters(torch.tensor(vector), parameters)
        network.zero_grad()
        found = loss()
        found.backward()
        return found.item(), torch.cat([one.grad.flatten() for one in parameters]).numpy()

    found = minimize(value, start.numpy(), jac=True, method="CG", options={"maxiter": steps}).fun
    nn.utils.vector_to_parameters(start, parameters)
    return float(found)


@pytest.mark.parametrize("seed", range(3))
def test_logistic_regression_ends_where_scipy_s_conjugate_gradients_end(seed) -> None:
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(60, 5, dtype=torch.double, generator=chance)
    y = (x[:, 0] + torch.randn(60, dtype=torch.double, generator=chance) > 0).double()
    network = nn.Linear(5, 1).double()

    def loss() -> Tensor:  # one minimum, which the penalty makes strict
        error = nn.functional.binary_cross_entropy_with_logits(network(x)[:, 0], y)
        return error + 1e-3 * network.weight.square().sum()

    theirs = by_scipy(network, loss, 300)
    assert descend(SCG(network.parameters()), loss, 60)[-1] == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_a_network_learns_as_well_as_by_scipy_s_conjugate_gradients(seed) -> None:
    network, loss = perceptron(seed=seed, decay=1e-3)
    theirs = by_scipy(network, loss, 300)
    # Each may find another valley; ours must not be a worse one.
    assert descend(SCG(network.parameters()), loss, 300)[-1] < 1.15 * theirs


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_never_goes_uphill(dtype, seed) -> None:
    network, loss = perceptron(dtype, seed)
    losses = descend(SCG(network.parameters()), loss, 150)
    assert (np.diff(losses) <= 0).all()
    assert losses[-1] < 0.2 * losses[0]


def test_negative_curvature_is_left_downhill() -> None:
    weights = nn.Parameter(torch.tensor([0.1, 0.5], dtype=torch.double))
    losses = descend(SCG([weights]), lambda: torch.cos(weights).sum(), 40)
    assert (np.diff(losses) <= 0).all()
    torch.testing.assert_close(torch.cos(weights.detach()), -torch.ones(2, dtype=torch.double))


def test_a_refused_step_leaves_the_weights_and_the_next_is_shorter() -> None:
    weights = nn.Parameter(torch.tensor([1.0], dtype=torch.double))
    optimiser, seen = SCG([weights]), []

    def loss() -> Tensor:  # nearly flat where its curvature is measured, with a wall at 0
        seen.append(weights.item())
        return weights.sum() + torch.relu(-weights * 1e6).sum()

    closure = closed(optimiser, loss)
    optimiser.step(closure)
    assert weights.item() == 1 and seen[-1] < 0
    refused = [1 - seen[-1]]
    while weights.item() == 1:
        optimiser.step(closure)
        refused.append(1 - seen[-1])
    assert 0 <= weights.item() < 1
    assert (np.diff(refused) < 0).all()


def test_a_loss_that_is_no_number_is_refused() -> None:
    weights = nn.Parameter(torch.tensor([1.0], dtype=torch.double))
    losses = descend(SCG([weights]), lambda: weights.sum() - torch.log(weights).sum() * 0.5, 60)
    assert np.isfinite(losses).all() and weights.item() == pytest.approx(0.5, abs=1e-5)


def test_at_a_minimum_it_stands_still_for_ever() -> None:
    weights = nn.Parameter(torch.zeros(3))
    optimiser = SCG([weights])
    assert descend(optimiser, lambda: weights.square().sum(), 5) == [0] * 5
    assert not weights.detach().any()
    network, loss = perceptron(torch.float32)
    optimiser = SCG(network.parameters())
    losses = descend(optimiser, loss, 1000)
    assert np.isfinite(losses).all() and (np.diff(losses) <= 0).all()
    assert optimiser.state[next(network.parameters())]["scale"] <= 2 * LARGEST_SCALE


def test_each_step_asks_two_or_three_times_first_where_the_weights_stand() -> None:
    network, loss = perceptron()
    optimiser, calls = SCG(network.parameters()), []
    closure = closed(optimiser, loss)

    def counted() -> Tensor:
        calls.append(float(closure()))
        return torch.tensor(calls[-1], dtype=torch.double)

    for _ in range(20):
        calls.clear()
        before = loss().item()
        assert float(optimiser.step(counted)) == calls[0] == before
        assert len(calls) in (2, 3)


def test_its_state_takes_up_where_it_stood() -> None:
    network, loss = perceptron()
    optimiser = SCG(network.parameters())
    descend(optimiser, loss, 7)
    other, its_loss = perceptron()
    other.load_state_dict(network.state_dict())
    resumed = SCG(other.parameters())
    resumed.load_state_dict(optimiser.state_dict())
    assert descend(optimiser, loss, 9) == descend(resumed, its_loss, 9)


def test_frozen_weights_stay() -> None:
    network, loss = perceptron()
    network[0].requires_grad_(False)
    before = network[0].weight.clone()
    losses = descend(SCG(network.parameters()), loss, 20)
    assert torch.equal(network[0].weight, before) and losses[-1] < losses[0]


def test_weights_of_any_layout_move_in_place() -> None:
    weight = nn.Parameter(torch.ones(2, 3, 2, 2).to(memory_format=torch.channels_last))
    place = weight.data_ptr()
    descend(SCG([weight]), lambda: (weight - torch.arange(24).view(2, 3, 2, 2)).square().sum(), 6)
    torch.testing.assert_close(weight.detach(), torch.arange(24.0).view(2, 3, 2, 2))
    assert weight.data_ptr() == place
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_arguments_out_of_range_are_named() -> None:
    weight = nn.Parameter(torch.ones(1))
    for name in ("sigma", "scale"):
        with pytest.raises(ValueError, match=f"{name} is 0; allowed is 0 < {name} < 1"):
            SCG([weight], **{name: 0})
    with pytest.raises(ValueError, match="params has 2 groups; allowed is one"):
        SCG([{"params": [weight]}, {"params": [nn.Parameter(torch.ones(1))]}])


def by_the_book(value, slope, start: np.ndarray, steps: int) -> list[np.ndarray]:
    """Møller's steps 1 to 9 as printed (with σ 1e-4, λ 1e-6): the weights after each iteration."""
    weights, scale, raised, success, places = start, 1e-6, 0.0, True, []
    residual = direction = -slope(weights)
    for count in range(1, steps + 1):
        length = direction @ direction
        if success:
            sigma = 1e-4 / np.sqrt(length)
            rise = slope(weights + sigma * direction) - slope(weights)
            curvature = direction @ rise / sigma
        curvature += (scale - raised) * length
        if curvature <= 0:
            raised = 2 * (scale - curvature / length)
            curvature, scale = scale * length - curvature, raised
        descent = direction @ residual
        moved = weights + descent / curvature * direction
        share = 2 * curvature * (value(weights) - value(moved)) / descent**2
        success = share >= 0
        if success:
            new = -slope(moved)
            turn = (new @ new - new @ residual) / descent
            direction = new if count % len(start) == 0 else new + turn * direction
            weights, residual, raised = moved, new, 0.0
        else:
            raised = scale
        if share >= 0.75:
            scale /= 4
        elif share < 0.25:
            scale += curvature * (1 - share) / length
        places.append(weights)
    return places


@pytest.mark.parametrize("start", [(-1.2, 1.0), (0.0, 3.0), (2.0, -2.0)])
def test_every_step_is_the_one_that_the_paper_prints(start) -> None:
    """Rosenbrock's valley, from where curvature is negative or steps are refused as well."""
    weights = nn.Parameter(torch.tensor(start, dtype=torch.double))
    optimiser, found = SCG([weights]), []
    for _ in range(25):
        descend(optimiser, lambda: rosenbrock(weights), 1)
        found.append(weights.detach().clone().numpy())

    def value(at: np.ndarray) -> float:
        return float(rosenbrock(torch.from_numpy(at)))

    def slope(at: np.ndarray) -> np.ndarray:
        point = torch.from_numpy(at.copy()).requires_grad_()
        rosenbrock(point).backward()
        return point.grad.numpy()

    wanted = by_the_book(value, slope, np.array(start), 25)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)
