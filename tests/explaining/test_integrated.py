import torch
from torch import Tensor, nn

from osteon.explaining.calls import logit_of
from osteon.explaining.integrated import absence, evidence, integrated_gradients
from osteon.learning.batches import normalise, unit
from osteon.networks.late_fusion import LateFusion
from osteon.networks.standardise import Standardise
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
    few, some, many = (
        integrated_gradients(blob_net, inputs, start, 1, batch=b) for b in (1, 40, 1000)
    )
    torch.testing.assert_close(few, many, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(some, many, atol=1e-6, rtol=1e-4)


def test_no_pass_is_larger_than_asked(blob_net: BlobNet, blobs: Blobs) -> None:
    rows: list[int] = []
    inputs = blobs.image[:3], blobs.clinical[:3]
    handle = blob_net.features.register_forward_hook(lambda m, i, out: rows.append(len(out)))
    for batch in (4, 32):
        rows.clear()
        integrated_gradients(blob_net, inputs, absence(inputs[0]), 1, steps=16, batch=batch)
        assert max(rows) <= batch and sum(rows) >= 3 * 16
    handle.remove()


def test_absence_is_the_same_picture_in_every_scaling() -> None:
    torch.manual_seed(0)
    stored = torch.randint(0, 256, (2, 40, 40, 3), dtype=torch.uint8)
    plain, scaled = unit(stored), normalise(stored)
    blurred = absence(plain)
    torch.testing.assert_close(absence(scaled), normalise(blurred * 255), atol=1e-5, rtol=1e-4)
    assert blurred.min() >= 0 and blurred.max() <= 1  # a picture, as the network knows them
    torch.testing.assert_close(blurred.mean((2, 3)), plain.mean((2, 3)), atol=0.01, rtol=0)
    standardise = Standardise("imagenet")
    torch.testing.assert_close(standardise(plain), scaled, atol=1e-5, rtol=1e-4)


def test_attributions_do_not_depend_on_where_the_image_is_scaled() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2)).eval()
    stored = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8)
    plain, scaled = unit(stored), normalise(stored)
    network(scaled)
    inside = nn.Sequential(Standardise("imagenet"), network).eval()
    outside = integrated_gradients(network, (scaled,), absence(scaled), 1)
    found = integrated_gradients(inside, (plain,), absence(plain), 1)
    torch.testing.assert_close(found, outside, atol=1e-6, rtol=1e-3)


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
