"""A whole slice by PENN's convolution beside the loop over its patches, in the same run.

The rival is `patch_by_patch`: cut a patch, classify it, add its probability to its footprint, in
Python. It reads a strip of the slice, the full width of its first `--rows` rows with the edges'
patches, and its time is scaled by the number of patches; on the strip both must agree to 1e-5, or
nothing is printed. It runs on one thread, its best: one patch is too little to share. The two run
turn about; times are medians. Torch builds its threads anew when their number changes, so that each
way reads its image once untimed in each round. Prints one JSON line and ends with 1 where a figure
is missed: at stride 4 under 0.25 s and 20 times the loop, at stride 1 8 times the loop.

    python benchmarks/dense.py [--threads 2] [--rounds 7] [--side 512] [--rows 8]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch

from osteon.networks.patch_network import patch_by_patch
from osteon.networks.penn import Penn

TIMES_WANTED = {4: 20.0, 1: 8.0}
SECONDS_WANTED = {4: 0.25}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--rows", type=int, default=8)
    given = parser.parse_args()
    found = {
        f"stride_{stride}": compare(stride, given.side, given.rows, given.rounds, given.threads)
        for stride in TIMES_WANTED
    }
    met = all(case["met"] for case in found.values())
    print(json.dumps(vars(given) | found | {"met": met}))
    return 0 if met else 1


@torch.inference_mode()
def compare(stride: int, side: int, rows: int, rounds: int, threads: int) -> dict[str, object]:
    """Median seconds of a slice by each way over alternating rounds."""
    torch.manual_seed(0)
    network = Penn(stride=stride).eval()
    slice_ = torch.rand(1, 1, side, side)
    strip = slice_[..., :rows, :]
    # The grid begins with patches that reach (p - 1) // stride steps out of the image.
    down, across = (
        (network.patch - 1) // stride + (length - 1) // stride + 1 for length in (rows, side)
    )
    by_patch = partial(patch_by_patch, network)
    gap = (network.dense(strip).map - by_patch(strip).map).abs().max()
    if gap > 1e-5:
        raise RuntimeError(f"dense and loop differ by {float(gap):.1e} on the strip")
    dense, loop = [], []
    for number in range(rounds):
        ways = [(dense, network.dense, slice_, threads), (loop, by_patch, strip, 1)]
        for times, way, images, shared in ways[:: 1 if number % 2 else -1]:
            torch.set_num_threads(shared)
            way(images)
            times.append(seconds(way, images))
    ours = statistics.median(dense)
    rival = statistics.median(loop) * across / down
    return {
        "patches": across**2,
        "dense_s": ours,
        "loop_s": rival,
        "times": rival / ours,
        "times_wanted": TIMES_WANTED[stride],
        "seconds_wanted": SECONDS_WANTED.get(stride),
        "met": rival / ours >= TIMES_WANTED[stride]
        and ours < SECONDS_WANTED.get(stride, float("inf")),
        "largest_difference": float(gap),
    }


def seconds(way: Callable[[torch.Tensor], object], images: torch.Tensor) -> float:
    started = time.perf_counter()
    way(images)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
