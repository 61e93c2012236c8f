"""SMSDNet's forward and backward pass: the trace form of its attention beside the literal one.

The rival computes the fifteen matrix products of a block as the paper writes them. Both run in one
process, turn about, on the same images, in both memory orders (training uses channels last); the
speed ratio (wanted: 1.5 or more) is the worse of the two. Peak memory (wanted: a ratio of 1 or
less) and that of training with a batch of 16 are measured in processes of their own: what the
process held at most beyond what it held before its first pass. Prints JSON.

    python benchmarks/smsdnet.py [--threads 2] [--rounds 3] [--side 256] [--batch 2]
                                 [--training-batch 16]
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from torch import Tensor

from osteon.networks.dense_attention import AttentionOptions
from osteon.networks.smsdnet import SMSDNet

WANTED_SPEED, WANTED_MEMORY = 1.5, 1.0
FORMS = ("trace", "literal")
ORDERS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--training-batch", type=int, default=16)
    parser.add_argument("--measure", choices=FORMS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.measure:
        print(peak(given.measure, given.side, given.batch))
        return
    # Memory first: a process inherits the peak of the one that starts it, which is still small.
    memory = {form: measured(form, given, given.batch) for form in FORMS}
    training = measured("trace", given, given.training_batch)
    speeds = {order: compare(order, given.side, given.batch, given.rounds) for order in ORDERS}
    facts = {
        "wanted": {"speed_ratio": WANTED_SPEED, "memory_ratio": WANTED_MEMORY},
        "speed_ratio": min(found["ratio"] for found in speeds.values()),
        "memory_ratio": memory["trace"] / memory["literal"],
        "images_per_second": speeds,
        "peak_mib": memory,
        "training": {"batch": given.training_batch, "peak_mib": training},
    }
    facts |= {"side": given.side, "batch": given.batch, "threads": given.threads}
    print(json.dumps(facts, indent=2))


def compare(order: str, side: int, batch: int, rounds: int) -> dict[str, float]:
    """Median images per second over alternating rounds; the first round only warms up."""
    networks = {form: build(form, side, order) for form in FORMS}
    images = torch.rand(batch, 3, side, side).contiguous(memory_format=ORDERS[order])
    speeds: dict[str, list[float]] = {form: [] for form in FORMS}
    for number in range(rounds + 1):
        for form in FORMS[:: 1 if number % 2 else -1]:
            started = time.perf_counter()
            step(networks[form], images)
            speeds[form].append(batch / (time.perf_counter() - started))
    median = {form: statistics.median(found[1:]) for form, found in speeds.items()}
    return median | {"ratio": median["trace"] / median["literal"]}


def build(form: str, side: int, order: str) -> SMSDNet:
    torch.manual_seed(0)
    network = SMSDNet(2, side, attention=AttentionOptions(form=form))
    return network.to(memory_format=ORDERS[order])


def step(network: SMSDNet, images: Tensor) -> None:
    network.zero_grad()
    F.cross_entropy(network(images), torch.arange(len(images)) % 2).backward()


def peak(form: str, side: int, batch: int) -> float:
    """MiB that a training step needs beyond network and images."""
    network = build(form, side, "channels_last").train()
    images = torch.rand(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    before = held()
    step(network, images)
    optimiser.step()
    return held() - before


def held() -> float:
    """The most memory this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(form: str, given: argparse.Namespace, batch: int) -> float:
    """`peak` in a process of its own."""
    arguments = {"measure": form, "side": given.side, "batch": batch, "threads": given.threads}
    texts = [f"--{name}={value}" for name, value in arguments.items()]
    command = [sys.executable, __file__, *texts]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    main()
