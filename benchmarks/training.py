"""Throughput of the fit loop against a bare PyTorch loop on a tensor already in memory.

Both train the same network with the same optimiser on the same images, in one process, turn by
turn; the bare loop gets normalised float images, our loop reads 8-bit images from the
memory-mapped store. Set-up and the epoch's checkpoint count on our side; the epoch is as long as
the paper's (four fifths of 2,608 images), because a checkpoint costs the same after a short one.
Prints JSON: per case the median images per second of both and their ratio (1 = as fast, wanted:
0.95 or more).

    python benchmarks/training.py [--threads 2] [--rounds 3] [--images 2086]
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from osteon.learning.batches import ImageCases
from osteon.learning.fit import fit
from osteon.learning.setup import build_fabric, build_optimiser
from osteon.recipes import FusionRecipe, TrainingConfig

BATCH = 32
WANTED = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=2086)
    parser.add_argument("--side", type=int, default=64)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    found = {
        f"resnet18_width{width:g}": compare(width, given.images, given.side, given.rounds)
        for width in (1.0, 0.25)
    }
    worst = min(case["ratio"] for case in found.values())
    print(
        json.dumps({"wanted": WANTED, "ratio": worst, "threads": given.threads} | found, indent=2)
    )


def compare(width: float, images: int, side: int, rounds: int) -> dict[str, float]:
    """Median images per second of both loops over alternating rounds of one epoch."""
    config = TrainingConfig(epochs=1, batch=BATCH, weight_decay=1e-4, freeze_backbone_epochs=0)
    recipe = FusionRecipe(width=width, training=config)
    with tempfile.TemporaryDirectory() as folder:
        cases = make_cases(Path(folder), images, side)
        ours, bare = [], []
        for number in range(rounds + 1):
            # Turn about, so that neither always runs on the warmer machine.
            pair = [(ours, run_ours), (bare, run_bare)]
            for times, run in pair if number % 2 else pair[::-1]:
                times.append(images / run(recipe, config, cases, Path(folder) / "checkpoint"))
    speeds = {"ours": statistics.median(ours[1:]), "bare": statistics.median(bare[1:])}
    ratios = [o / b for o, b in zip(ours[1:], bare[1:], strict=True)]
    return speeds | {"ratio": statistics.median(ratios)}


def run_ours(recipe: FusionRecipe, config: TrainingConfig, cases: ImageCases, file: Path) -> float:
    """Seconds of the fit loop for one epoch, set-up and checkpoint included."""
    network, fabric = recipe.build_network(), build_fabric(config)
    file.unlink(missing_ok=True)
    started = time.perf_counter()
    train = np.arange(len(cases.labels))
    fit(fabric, network, recipe.build_objective(), cases, train, config, fold=0, checkpoint=file)
    return time.perf_counter() - started


def run_bare(recipe: FusionRecipe, config: TrainingConfig, cases: ImageCases, file: Path) -> float:
    """Seconds of a plain loop over tensors that lie ready on the device."""
    device = build_fabric(config).device
    network = recipe.build_network().to(device).train()
    everything = cases.place(cases.read(np.arange(len(cases.labels))), device)
    (image, clinical), label = everything.inputs, everything.target
    image = image.contiguous()
    optimiser, loss_of = build_optimiser(network, config), nn.CrossEntropyLoss()
    synchronise(device)
    started = time.perf_counter()
    for start in range(0, len(label), config.batch):
        part = slice(start, start + config.batch)
        optimiser.zero_grad()
        loss_of(network(image[part], clinical[part]), label[part]).backward()
        optimiser.step()
    synchronise(device)
    return time.perf_counter() - started


def make_cases(folder: Path, images: int, side: int) -> ImageCases:
    """Noise in a store like the prepared one."""
    rng = np.random.default_rng(0)
    np.save(folder / "images.npy", rng.integers(0, 256, (images, side, side), dtype=np.uint8))
    numbers = np.arange(images)
    return ImageCases(
        images=folder / "images.npy",
        rows=numbers,
        clinical=rng.normal(size=(images, 4)).astype(np.float32),
        labels=numbers % 2,
        patients=numbers.astype(str),
        samples=numbers.astype(str),
    )


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
