import torch
from torch import Tensor, nn

from osteon.explaining.calls import logit_of
from osteon.explaining.integrated import absence, evidence, integrated_gradients
from osteon.networks.late_fusion import LateFusion
from tests.explaining_blobs import BlobNet, Blobs


class Curved(nn.Module):
    """Logit 1 is x₀² · y₀ + 3 x₁: integrals are known."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        logit = x[:, 0] ** 2 * y[:, 0] + 3 * x[:, 1]
        return torch.stack([-logit, logit], dim=1)


def test_attributions_of_a_polynomial_are_the_known_integrals() -> None:
    x, y = torch.tensor([[2.0, 1.0], [-1.0, 4.0]]), torch.tensor([[1.0], [5.0]])
    found = integrated_gradients(Curved(), (x, y), torch.zeros(1, 2), 1, steps=4)
    torch.testing.assert_close(found, torch.stack([x[:, 0] ** 2 * y[:, 0], 3 * x[:, 1]], dim=1))
    of_y = integrated_gradients(Curved(), (x, y), torch.zeros(1, 1), 1, which=1, steps=4)
    torch.testing.assert_close(of_y, x[:, :1] ** 2 * y)
    against = integrated_gradients(Curved(), (x, y), torch.zeros(1, 2), 0, steps=4)
    torch.testing.assert_close(against, -found)


def test_attributions_of_an_image_add_up_to_the_change_of_the_logit() -> None:
    torch.manual_seed(0)
    network = LateFusion("resnet18", 2, width=0.125, hidden=16).eval()
    inputs = torch.randn(3, 3, 64, 64), torch.randn(3, 2)
    start, logit = absence(inputs[0]), logit_of(network, 1)
    with torch.no_grad():
        change = logit(*inputs) - logit(start, inputs[1])
    for steps, allowed in ((16, 0.15), (128, 0.02)):
        found = integrated_gradients(network, inputs, start, 1, steps=steps)
        gap = (found.sum((1, 2, 3)) - change).abs()
        assert (gap <= allowed * change.abs().max()).all(), (steps, gap, change)


def test_the_size_of_a_pass_changes_nothing(blob_net: BlobNet, blobs: Blobs) -> None:
    inputs = blobs.image[:5], blobs.clinical[:5]
    start = absence(inputs[0])
    few, many = (integrated_gradients(blob_net, inputs, start, 1, batch=b) for b in (1, 1000))
    torch.testing.assert_close(few, many, atol=1e-6, rtol=1e-4)


def test_absence_keeps_the_brightness_of_blocks_and_drops_detail() -> None:
    torch.manual_seed(0)
    constant = torch.full((1, 1, 32, 48), 3.0)
    torch.testing.assert_close(absence(constant), constant)
    noise = torch.randn(1, 3, 64, 64)
    assert absence(noise).shape == noise.shape
    assert absence(noise).std() < noise.std() / 4


def test_evidence_adds_channels_before_it_drops_what_speaks_against() -> None:
    attribution = torch.tensor([[[[2.0, -3.0]], [[-1.0, 1.0]]]])
    assert evidence(attribution).tolist() == [[[1.0, 0.0]]]
