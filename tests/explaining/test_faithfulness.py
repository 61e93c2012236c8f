import numpy as np
import pytest
import torch
from torch import Tensor, nn

from osteon.explaining.faithfulness import deletion_insertion, random_orders, salient_order
from osteon.explaining.gradcam import grad_cam
from osteon.explaining.maps import upsample
from tests.explaining_blobs import BlobNet, Blobs


class Sum(nn.Module):
    """The odds of class 1 are exp(Σ weight · pixel)."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, image: Tensor) -> Tensor:
        return (image * self.weight).sum((1, 2, 3))[:, None]


def test_curves_of_a_linear_model_are_the_known_ones() -> None:
    weight = torch.tensor([[3.0, 1.0], [0.5, -2.0]])
    image, black = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    order = salient_order(weight.numpy(), np.array([3, 1, 0, 2]))
    assert order.tolist() == [0, 1, 2, 3]
    deletion, insertion = deletion_insertion(
        Sum(weight), (image,), order[None], 1, steps=4, reference=black
    )

    def area(logits: list[float]) -> float:
        p = 1 / (1 + np.exp(-np.array(logits)))
        return float((p[1:] + p[:-1]).sum() / 8)

    assert deletion[0] == pytest.approx(area([2.5, -0.5, -1.5, -2, 0]))
    assert insertion[0] == pytest.approx(area([0, 3, 4, 4.5, 2.5]))
    against, _ = deletion_insertion(Sum(weight), (image,), order[None], 0, steps=4, reference=black)
    assert against[0] == pytest.approx(1 - deletion[0])


def test_equal_pixels_go_in_random_order() -> None:
    orders = random_orders(3, 64, seed=5)
    for order in orders:
        np.testing.assert_array_equal(salient_order(np.ones((8, 8)), order), order)
    assert len({tuple(order) for order in orders.tolist()}) == 3
    assert all(sorted(order) == list(range(64)) for order in orders.tolist())


def test_the_random_order_of_an_image_does_not_depend_on_its_batch() -> None:
    np.testing.assert_array_equal(random_orders(4, 30, 1)[3], random_orders(1, 30, 1, first=3)[0])


def test_the_map_of_a_trained_network_beats_a_random_order(blob_net: BlobNet, blobs: Blobs) -> None:
    ill = np.flatnonzero(blobs.label.numpy())[:16]
    inputs = blobs.image[ill], blobs.clinical[ill]
    maps = upsample(grad_cam(blob_net, "features", inputs, 1), 32).numpy()
    random = random_orders(16, 32 * 32, seed=0)
    salient = np.stack([salient_order(m, o) for m, o in zip(maps, random, strict=True)])
    ours = deletion_insertion(blob_net, inputs, salient, 1)
    theirs = deletion_insertion(blob_net, inputs, random, 1)
    assert ours[0].mean() < theirs[0].mean() - 0.1
    assert ours[1].mean() > theirs[1].mean() + 0.1


def test_orders_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"wanted \(1, 4\)"):
        deletion_insertion(
            Sum(torch.ones(2, 2)), (torch.ones(1, 1, 2, 2),), np.zeros((1, 3), int), 1
        )
