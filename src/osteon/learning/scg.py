"""Scaled conjugate gradients: full-batch training without a learning rate or a line search.

Møller, "A scaled conjugate gradient algorithm for fast supervised learning", Neural Networks 6
(1993) 525-533; steps as numbered there. MATLAB's `trainscg` is the same method.

Ours differs in three points. The loss and its gradient at the present weights are computed anew in
each step, also after one that was refused: nothing stale is kept if the loss has changed. A
direction that does not descend, which rounding can give, is replaced by the steepest descent. The
scale stays finite, so that a converged network stands still.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

LARGEST_SCALE = 1e20


class SCG(Optimizer):
    """Møller's scaled conjugate gradients; each `step` is one iteration.

    Args:
        params: one group, as of `torch.optim.LBFGS`.
        sigma: length in weight space over which curvature is measured, at most 1e-4 in the paper.
        scale: first lambda, which makes the curvature positive, at most 1e-6 in the paper.

    Raises:
        ValueError: a value is out of range, or there is more than one group.
    """

    def __init__(self, params: Iterable[Tensor], sigma: float = 1e-4, scale: float = 1e-6) -> None:
        for name, value in (("sigma", sigma), ("scale", scale)):
            if not 0 < value < 1:
                raise ValueError(f"{name} is {value}; allowed is 0 < {name} < 1")
        super().__init__(params, {"sigma": sigma, "scale": scale})
        if len(self.param_groups) != 1:
            raise ValueError(f"params has {len(self.param_groups)} groups; allowed is one")
        self._params: list[Tensor] = self.param_groups[0]["params"]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """One iteration: the weights move to a place of lower loss, or stay.

        Args:
            closure: clears the gradients, computes the loss of all cases, calls `backward` and
                returns the loss, a scalar; called two or three times, first at the present weights.

        Returns:
            the loss before the step.
        """
        evaluate = torch.enable_grad()(closure)
        weights = _flat(self._params)
        loss, residual = evaluate(), -self._gradient()
        state = self.state[self._params[0]]
        if not state:
            state |= {"scale": self.param_groups[0]["scale"], "count": 0, "curved": False}
            state["direction"] = residual
        direction, descent = state["direction"], _dot(state["direction"], residual)
        if descent <= 0:
            direction, descent, state["curved"] = residual, _dot(residual, residual), False
        if descent == 0:  # step 9: a stationary point
            return loss
        length = _dot(direction, direction)
        if not state["curved"]:  # step 2; after a refused one the curvature is still known
            sigma = self.param_groups[0]["sigma"] / math.sqrt(length)
            self._move(weights + sigma * direction)
            evaluate()
            rise = self._gradient() + residual
            state |= {"curvature": _dot(direction, rise) / sigma, "raised": 0.0}
        curvature = _made_positive(state, length)
        self._move(weights + descent / curvature * direction)
        # Step 6: how far the loss fell, as a share of what the quadratic model foretold.
        share = 2 * curvature * (loss.item() - evaluate().item()) / descent**2
        state["curved"] = not share >= 0  # also where the loss is no number
        if state["curved"]:
            self._move(weights)
            state["raised"] = state["scale"]
        else:
            direction = self._next_direction(direction, residual, descent, state["count"] + 1)
        _rescale(state, share, curvature / length)
        state |= {"direction": direction, "count": state["count"] + 1}
        return loss

    def _next_direction(
        self, direction: Tensor, before: Tensor, descent: float, count: int
    ) -> Tensor:
        """Step 7: conjugate to the last one; steepest descent after as many as there are weights.

        Args:
            direction: that the weights have gone along; before: the negative gradient where they
                stood; descent: the product of both; count: iterations so far.
        """
        residual = -self._gradient()
        if count % len(residual) == 0:
            return residual
        share = (_dot(residual, residual) - _dot(residual, before)) / descent
        return residual + share * direction

    def _gradient(self) -> Tensor:
        """All gradients as one vector; 0 where there is none."""
        return _flat([torch.zeros_like(p) if p.grad is None else p.grad for p in self._params])

    def _move(self, weights: Tensor) -> None:
        """Put a vector into the parameters, in place."""
        parts = weights.split([one.numel() for one in self._params])
        for one, part in zip(self._params, parts, strict=True):
            one.copy_(part.view_as(one))


def _made_positive(state: dict[str, Any], length: float) -> float:
    """Steps 3 and 4: curvature along the direction with the scale added, and more if it is not > 0.

    Args:
        state: of the optimiser, changed in place; length: squared norm of the direction.
    """
    curvature = state["curvature"] + (state["scale"] - state["raised"]) * length
    if curvature <= 0:
        scale = state["scale"]
        state["scale"] = 2 * (scale - curvature / length)
        curvature = scale * length - curvature
    state["curvature"] = curvature
    return curvature


def _rescale(state: dict[str, Any], share: float, curvature: float) -> None:
    """Steps 7 and 8: trust the quadratic model more where it foretold well, less where it did not.

    Args:
        state: of the optimiser, changed in place; share: of the foretold fall that came true;
        curvature: along the direction, for one of length 1.
    """
    if share >= 0.75:
        state["scale"] /= 4
    elif not share >= 0.25:
        trusted = share if math.isfinite(share) else -1.0
        state["scale"] = min(state["scale"] + curvature * (1 - trusted), LARGEST_SCALE)


def _flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([one.reshape(-1) for one in tensors])


def _dot(one: Tensor, other: Tensor) -> float:
    """In double precision: differences of products decide what is accepted."""
    return float(one.double() @ other.double())
