"""Whole images by a patch network: edges, strides, chunks, and the reference loop."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from osteon.imaging.patches import positions
from osteon.networks import patch_network
from osteon.networks.patch_network import Dense, PatchNetwork, patch_by_patch

torch.set_num_threads(1)


class Linear(PatchNetwork):
    """One linear layer, to no two pixels of a patch alike."""

    def __init__(self, *given: int, **options: str) -> None:
        super().__init__(*given, **options)
        self.layer = nn.Linear(self.patch**2, self.classes)

    def classify(self, patches: Tensor) -> Tensor:
        return self.layer(patches.flatten(1))


def linear(seed: int, *given: int, **options: str) -> Linear:
    torch.manual_seed(seed)
    return Linear(*given, **options).double().eval()


def by_hand(network: Linear, image: NDArray[np.float64]) -> NDArray[np.float64]:
    """NumPy alone: every patch of the grid that touches the image, its votes counted by pixel."""
    p, s = network.patch, network.stride
    weight, bias = (value.detach().numpy() for value in network.layer.parameters())
    margin = 3 * p
    padded = np.pad(image, margin, mode="reflect")
    total, votes = np.zeros_like(image), np.zeros_like(image)
    height, width = image.shape
    for y in range(-(p - 1) // s * s, height, s):
        for x in range(-(p - 1) // s * s, width, s):
            cut = padded[margin + y : margin + y + p, margin + x : margin + x + p]
            outputs = 1 / (1 + np.exp(-(weight @ cut.ravel() + bias)))
            rows = slice(max(0, y), max(0, min(height, y + p)))
            columns = slice(max(0, x), max(0, min(width, x + p)))
            total[rows, columns] += outputs[1] / outputs.sum()
            votes[rows, columns] += 1
    return total / votes


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [(5, 5), (13, 8), (9, 21), (3, 11), (2, 2), (1, 6)])
@torch.no_grad()
def test_loop_is_what_numpy_gives(size: tuple[int, int], stride: int) -> None:
    network = linear(stride, 5, stride)
    images = torch.rand(2, 1, *size, dtype=torch.float64)
    found = patch_by_patch(network, images).map
    for image, ours in zip(images[:, 0].numpy(), found.numpy(), strict=True):
        np.testing.assert_allclose(ours, by_hand(network, image), atol=1e-6)


@given(data=st.data())
@torch.no_grad()
def test_dense_is_the_loop(data: st.DataObject) -> None:
    patch = data.draw(st.integers(1, 7), "patch")
    stride = data.draw(st.integers(1, patch), "stride")
    size = data.draw(st.tuples(st.integers(1, 18), st.integers(1, 18)), "size")
    options = {
        "assign": data.draw(st.sampled_from(patch_network.ASSIGN), "assign"),
        "reading": data.draw(st.sampled_from(patch_network.READINGS), "reading"),
    }
    classes = data.draw(st.sampled_from((2, 3)), "classes")
    network = linear(data.draw(st.integers(0, 99), "seed"), patch, stride, classes, **options)
    images = torch.rand(2, 1, *size, dtype=torch.float64)
    dense, loop = network(images), patch_by_patch(network, images)
    torch.testing.assert_close(dense.map.double(), loop.map, rtol=0, atol=1e-5)
    torch.testing.assert_close(dense.patches, loop.patches.float(), rtol=0, atol=1e-5)
    assert dense.map.min() >= 0 and dense.map.max() <= 1


@pytest.mark.parametrize(
    ("size", "stride"), [((13, 9), 1), ((13, 9), 3), ((16, 16), 4), ((4, 7), 4)]
)
@torch.no_grad()
def test_patches_inside_are_those_of_the_grid_of_positions(
    size: tuple[int, int], stride: int
) -> None:
    network = linear(0, 4, stride)
    images = torch.rand(2, 1, *size, dtype=torch.float64)
    cut = [images[..., y : y + 4, x : x + 4] for y, x in positions(*size, 4, stride)]
    wanted = torch.stack([network.target_probability(network.classify(c)) for c in cut], 1)
    found = network.dense(images).patches
    assert found.shape[1:] == ((size[0] - 4) // stride + 1, (size[1] - 4) // stride + 1)
    torch.testing.assert_close(found.flatten(1), wanted)


@torch.no_grad()
def test_an_image_smaller_than_a_patch_has_a_map_and_no_patches() -> None:
    network = linear(0, 6, 2)
    dense = network.dense(torch.rand(3, 1, 4, 9, dtype=torch.float64))
    assert dense.map.shape == (3, 4, 9) and dense.map.isfinite().all()
    assert dense.patches.shape == (3, 0, 2)


@torch.no_grad()
def test_reflection_leaves_the_edge_itself_single() -> None:
    """A patch of three pixels that begins two before the image sees its rows 2, 1, 0."""
    network = linear(0, 3, 1)
    seen: list[Tensor] = []
    network.classify = lambda patches: seen.append(patches) or patches.new_zeros(len(patches), 2)
    network.dense(torch.arange(5.0)[:, None].expand(1, 1, 5, 1))
    rows = torch.cat(seen)[::3, 0, :, 0]
    assert rows.int().tolist() == [
        [2, 1, 0],
        [1, 0, 1],
        [0, 1, 2],
        [1, 2, 3],
        [2, 3, 4],
        [3, 4, 3],
        [4, 3, 2],
    ]


@pytest.mark.parametrize("patch", [4, 5])
@torch.no_grad()
def test_centre_gives_a_pixel_the_patch_around_it(patch: int) -> None:
    network = linear(0, patch, 1, assign="centre")
    dense = network.dense(torch.rand(1, 1, 12, 11, dtype=torch.float64))
    half = patch // 2
    high, wide = dense.patches.shape[1:]
    torch.testing.assert_close(dense.map[:, half : half + high, half : half + wide], dense.patches)


@torch.no_grad()
def test_centre_chooses_the_nearest_of_a_coarser_grid() -> None:
    network = linear(0, 5, 3, assign="centre")
    dense = network.dense(torch.rand(1, 1, 14, 14, dtype=torch.float64))
    # Centres at 2, 5, 8, 11: pixel 1 to 3 belong to the first, 4 to 6 to the second.
    torch.testing.assert_close(dense.map[:, 1:4, 4:7], dense.patches[:, :1, 1:2].expand(-1, 3, 3))


@pytest.mark.parametrize("budget", [1, 60, 700, 1 << 20])
@pytest.mark.parametrize("stride", [1, 3])
@torch.no_grad()
def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch, budget: int, stride: int) -> None:
    network = linear(0, 5, stride)
    images = torch.rand(3, 1, 17, 14, dtype=torch.float64)
    whole = network.dense(images)
    monkeypatch.setattr(patch_network, "BUDGET", budget)
    for ours, wanted in zip(network.dense(images), whole, strict=True):
        torch.testing.assert_close(ours, wanted)


class Largest(TorchDispatchMode):
    """Notes the largest tensor that any operation makes."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, tuple | list) else (found,):
            if isinstance(tensor, Tensor) and func is not torch.ops.aten.as_strided.default:
                own = tensor.untyped_storage().nbytes() // tensor.element_size()
                self.numbers = max(self.numbers, own)
        return found


@pytest.mark.parametrize("tall", [True, False])
@pytest.mark.parametrize("length", [120, 1200])
@torch.no_grad()
def test_what_is_held_does_not_grow_with_the_image(
    monkeypatch: pytest.MonkeyPatch, length: int, tall: bool
) -> None:
    budget = 1 << 16
    monkeypatch.setattr(patch_network, "BUDGET", budget)
    network = Linear(16, 1).eval()
    size = (length, 20) if tall else (20, length)
    with Largest() as largest:
        network.dense(torch.rand(1, 1, *size))
    # The image is smaller than a chunk, and all its patches far larger: chunks are what is seen.
    assert (length + 32) * 52 <= budget < 9 * budget <= length * 20 * 16**2
    assert budget / 2 < largest.numbers <= budget


@torch.no_grad()
def test_several_small_images_go_together() -> None:
    network = linear(0, 4, 2)
    calls: list[int] = []
    plain = network.scores
    network.scores = lambda regions: calls.append(len(regions)) or plain(regions)
    images = torch.rand(9, 1, 10, 10, dtype=torch.float64)
    together = network.dense(images).map
    assert calls == [9]
    alone = torch.cat([network.dense(image[None]).map for image in images])
    torch.testing.assert_close(together, alone)


def test_probability_is_the_share_of_the_targets_sigmoid() -> None:
    logits = torch.tensor([[0.3, -1.2, 0.7], [-200.0, -201.0, -300.0], [90.0, 90.0, -90.0]])
    for classes in (2, 3):
        outputs = torch.sigmoid(logits[:1, :classes].double())
        found = linear(0, 2, 1, classes).target_probability(logits[:, :classes])
        assert found[0].item() == pytest.approx((outputs[:, 1] / outputs.sum()).item())
        # Far out the ratio of two sigmoids is that of two exponentials; float32 has neither.
        assert found[1].item() == pytest.approx(1 / (1 + np.e)), "both sigmoids are 0 in float32"
        assert found[2].item() == pytest.approx(0.5)
    softmax = linear(0, 2, 1, 3, reading="softmax").target_probability(logits)
    torch.testing.assert_close(softmax, logits.softmax(1)[:, 1])


def test_training_reads_patches_and_evaluation_images() -> None:
    network = Linear(4, 2).train()
    assert network(torch.rand(5, 1, 4, 4)).shape == (5, 2)
    assert isinstance(network.eval()(torch.rand(5, 1, 4, 4)), Dense)


def test_a_pixels_gradient_reaches_the_patches_that_cover_it_alone() -> None:
    network = linear(0, 3, 1)
    images = torch.rand(1, 1, 15, 15, dtype=torch.float64, requires_grad=True)
    network.dense(images).map[0, 7, 7].backward()
    touched = images.grad[0, 0].nonzero()
    assert touched.min() == 5 and touched.max() == 9


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, 1), {}, "patch is 0; it must be 1 or more"),
        ((8, 9), {}, "stride is 9; allowed are 1 to 8"),
        ((8, 0), {}, "stride is 0; allowed are 1 to 8"),
        ((8, 4, 4), {}, "classes is 4; allowed are 2 and 3"),
        ((8, 4), {"assign": "corner"}, "assign is 'corner'; allowed are footprint, centre"),
        ((8, 4), {"reading": "tanh"}, "reading is 'tanh'; allowed are sigmoid, softmax"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Linear(*arguments, **options)


@pytest.mark.parametrize("shape", [(8, 8), (1, 3, 8, 8), (1, 1, 0, 8)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    network = Linear(4, 2).eval()
    for read in (network.dense, lambda images: patch_by_patch(network, images)):
        with pytest.raises(ValueError, match=r"images: \(.*\) found; wanted B × 1 × H × W"):
            read(torch.zeros(shape))
