"""Grad-CAM of 1,000 images beside a forward and a backward pass of the same network.

The rival runs the network with gradients of all parameters, as training does without the step. Bare
captum (parameters left to want gradients) runs in the same turns. All see the same images in one
process, turn about. Prints JSON: per case the median images per second of each, the ratio to the
rival (wanted: 0.9 or more), the ratio to bare captum, and the largest difference of its maps.

    python benchmarks/gradcam.py [--threads 2] [--rounds 5] [--images 1000] [--side 64]
"""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from osteon.explaining.gradcam import grad_cam
from osteon.networks.late_fusion import LateFusion

BATCH = 64
WANTED = 0.9
Batches = list[tuple[Tensor, Tensor]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--side", type=int, default=64)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    warnings.filterwarnings("ignore", module="captum")
    found = {
        f"resnet18_width{width:g}": compare(width, given.images, given.side, given.rounds)
        for width in (0.25, 1.0)
    }
    worst = min(case["ratio"] for case in found.values())
    facts = {"wanted": WANTED, "ratio": worst, "threads": given.threads, "images": given.images}
    print(json.dumps(facts | {"side": given.side, "batch": BATCH} | found, indent=2))


def compare(width: float, images: int, side: int, rounds: int) -> dict[str, float]:
    """Median images per second over alternating rounds; the first round only warms up."""
    torch.manual_seed(0)
    network = LateFusion("resnet18", 4, width=width).eval()
    everything = torch.randn(images, 3, side, side).contiguous(memory_format=torch.channels_last)
    clinical = torch.randn(images, 4)
    batches = list(zip(everything.split(BATCH), clinical.split(BATCH), strict=True))
    ways = {"grad_cam": ours, "forward_backward": forward_backward, "bare_captum": bare_captum}
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name in list(ways)[:: 1 if number % 2 else -1]:
            speeds[name].append(images / seconds(ways[name], network, batches))
    median = {name: statistics.median(found[1:]) for name, found in speeds.items()}
    first = batches[:1]
    gap = (ours(network, first)[0] - bare_captum(network, first)[0]).abs().max()
    return median | {
        "ratio": median["grad_cam"] / median["forward_backward"],
        "ratio_to_bare_captum": median["grad_cam"] / median["bare_captum"],
        "largest_difference": float(gap),
    }


def seconds(way: Callable[[LateFusion, Batches], object], *given: object) -> float:
    started = time.perf_counter()
    way(*given)
    return time.perf_counter() - started


def ours(network: LateFusion, batches: Batches) -> list[Tensor]:
    return [grad_cam(network, network.features_layer, inputs, 1) for inputs in batches]


def forward_backward(network: LateFusion, batches: Batches) -> None:
    for inputs in batches:
        network.zero_grad()
        network(*inputs)[:, 1].sum().backward()


def bare_captum(network: LateFusion, batches: Batches) -> list[Tensor]:
    from captum.attr import LayerGradCam

    method = LayerGradCam(network, network.layer4)
    return [
        method.attribute(image.detach(), 1, clinical, relu_attributions=True)[:, 0].detach()
        for image, clinical in batches
    ]


if __name__ == "__main__":
    main()
