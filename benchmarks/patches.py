"""Patches cut from the memory-mapped store as they are met, against patches held in memory.

Both run the same fit loop: one epoch of a perceptron like PENN (32 × 32 px, 200, 200, 200, 2; batch
64) over the same patches in the same order, turn about. Ours keeps five bytes a patch and reads its
pixels from slices on disk; the rival is the array of all patches, cut beforehand, which is not
counted in its time. Both must end with the same weights, or nothing is printed.

Prints one JSON line: the median patches per second of both, the median of the rounds' ratios
(wanted: 0.9 or more); the bytes that each keeps for its patches, as the sizes of its arrays, whose
share is wanted below 0.1; and what the resident set of a fresh process grew by while it trained one
epoch, without the pages of files (RssAnon of /proc), beyond what an epoch of a few patches takes.
Exit status 1 where either is missed.

    python benchmarks/patches.py [--threads 2] [--rounds 7] [--slices 2000] [--patches 20000]

The store is in the page cache: it was just written. Slices beyond the machine's memory would be
read from disk patch by patch.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from osteon.learning.batches import Augment, Batch
from osteon.learning.config import TrainingConfig
from osteon.learning.fit import fit
from osteon.learning.objectives import SoftmaxObjective
from osteon.learning.patches import PatchCases, PatchPlan
from osteon.learning.segmentation import SliceCases
from osteon.learning.setup import build_fabric, seed_torch

SIDE, PATCH, STRIDE, NODES, BATCH = 128, 32, 8, 200, 64
SPEED, SHARE = 0.9, 0.1


@dataclass(frozen=True)
class InMemory:
    """The rival: all patches as one array."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    @property
    def patients(self) -> NDArray[Any]:
        return self.labels

    @property
    def samples(self) -> NDArray[Any]:
        return self.labels

    def with_labels(self, labels: NDArray[np.int64]) -> "InMemory":
        return replace(self, labels=labels)

    def in_training(self) -> "InMemory":
        return self

    def content(self) -> Iterator[bytes]:
        yield self.pixels.tobytes()

    def read(self, index: NDArray[np.int64]) -> tuple[Tensor, ...]:
        return torch.from_numpy(self.pixels[index]), torch.from_numpy(self.labels[index])

    def place(
        self, tensors: tuple[Tensor, ...], device: torch.device, augment: Augment | None = None
    ) -> Batch:
        pixels, labels = tensors
        return Batch((pixels[:, None].float() / 255,), labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slices", type=int, default=2000)
    parser.add_argument("--patches", type=int, default=20_000)
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "KIND"), help="of this script's own")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.child:
        print(grown(Path(given.child[0]), given.child[1], given.patches))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_store(folder, given.slices)
        found = compare(folder, given.patches, given.rounds)
        found |= {
            f"resident_{kind}_mib": child(folder, kind, given) for kind in ("store", "memory")
        }
    reached = found["ratio"] >= SPEED and found["bytes_share"] < SHARE
    print(
        json.dumps({"reached": reached, "threads": given.threads, "slices": given.slices} | found)
    )
    sys.exit(not reached)


def make_store(folder: Path, slices: int) -> None:
    """Noise with a brighter square of target, slice by slice, as the row's preprocessing writes."""
    rng, shape = np.random.default_rng(0), (slices, SIDE, SIDE)
    images, masks = (
        np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, shape)
        for name in ("images", "masks")
    )
    for image, mask in zip(images, masks, strict=True):
        y, x = rng.integers(0, SIDE - 60, 2)
        mask[y : y + 60, x : x + 60] = 1
        image[:] = rng.integers(0, 120, (SIDE, SIDE)) + 100 * mask


def patch_cases(folder: Path, patches: int) -> PatchCases:
    """Patches of all slices; `patches` of them, drawn."""
    rows = np.arange(len(np.load(folder / "images.npy", mmap_mode="r")))
    slices = SliceCases(
        images=folder / "images.npy",
        masks=folder / "masks.npy",
        rows=rows,
        labels=np.ones_like(rows),
        patients=rows,
        samples=rows,
        target=1,
        patches=PatchPlan(patch=PATCH, stride=STRIDE),
    )
    cases, train = slices.expand(rows, (0, 0))
    if not isinstance(cases, PatchCases):
        raise TypeError("slices were not cut")
    if len(train) < patches:
        raise ValueError(f"patches is {patches}; {len(rows)} slices have {len(train)}")
    kept = np.sort(np.random.default_rng(1).choice(train, patches, replace=False))
    return replace(cases, numbers=cases.numbers[kept], kinds=cases.kinds[kept])


def in_memory(cases: PatchCases) -> InMemory:
    """The same patches, cut."""
    pixels, labels = cases.read(np.arange(len(cases.labels)))
    return InMemory(pixels.numpy(), labels.numpy())


def epoch(cases: PatchCases | InMemory) -> tuple[float, Tensor]:
    """Seconds of one epoch of the fit loop, and the first layer's weights."""
    config = TrainingConfig(
        epochs=1, batch=BATCH, lr=0.01, weight_decay=0, milestones=(), device="cpu"
    )
    seed_torch(0)
    sizes = [PATCH**2, NODES, NODES, NODES]
    layers = [
        layer for some, more in pairwise(sizes) for layer in (nn.Linear(some, more), nn.Sigmoid())
    ]
    network = nn.Sequential(nn.Flatten(), *layers, nn.Linear(NODES, 2))
    fabric, train = build_fabric(config), np.arange(len(cases.labels))
    with tempfile.TemporaryDirectory() as name:
        checkpoint = Path(name) / "checkpoint.safetensors"
        started = time.perf_counter()
        fit(
            fabric, network, SoftmaxObjective(), cases, train, config,
            fold=0, checkpoint=checkpoint,
        )  # fmt: skip
        seconds = time.perf_counter() - started
    return seconds, network[1].weight.detach()


def compare(folder: Path, patches: int, rounds: int) -> dict[str, Any]:
    """Medians over alternating rounds; the first of each is not counted."""
    ours = patch_cases(folder, patches)
    rival = in_memory(ours)
    speeds: dict[str, list[float]] = {"store": [], "memory": []}
    for number in range(rounds + 1):
        pair = [("store", ours), ("memory", rival)]
        weights = []
        for name, cases in pair if number % 2 else pair[::-1]:
            seconds, own = epoch(cases)
            weights.append(own)
            if number:
                speeds[name].append(patches / seconds)
        if not torch.equal(*weights):
            raise RuntimeError("the two did not learn the same")
    median = {name: statistics.median(values) for name, values in speeds.items()}
    # Of each round's pair, which met the machine in the same state.
    ratios = [mine / theirs for mine, theirs in zip(*speeds.values(), strict=True)]
    kept = sum(one.nbytes for one in (ours.numbers, ours.kinds, ours.rows, ours.grid))
    whole = rival.pixels.nbytes + rival.labels.nbytes
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(one, 3) for one in ratios],
        "patches": patches,
        "patches_per_second": {name: round(value) for name, value in median.items()},
        "bytes_share": round(kept / whole, 4),
        "bytes": {"store": kept, "memory": whole},
    }


def child(folder: Path, kind: str, given: argparse.Namespace) -> float:
    """What training takes in a fresh process."""
    command = [sys.executable, __file__, "--child", str(folder), kind]
    command += ["--threads", str(given.threads), "--patches", str(given.patches)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return round(float(done.stdout), 1)


def grown(folder: Path, kind: str, patches: int) -> float:
    """MiB that patches and an epoch over them add to a process that has trained on a few."""
    few = patch_cases(folder, 10 * BATCH)
    epoch(few)
    before = resident()
    cases: PatchCases | InMemory = patch_cases(folder, patches)
    if kind == "memory":
        cases = in_memory(cases)
    epoch(cases)
    return resident() - before


def resident() -> float:
    """Memory of this process without the pages of files, MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024


if __name__ == "__main__":
    main()
