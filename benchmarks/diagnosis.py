"""How much longer a diagnosis takes than the bare forward passes of its two networks.

    python benchmarks/diagnosis.py [--profile quick|paper] [--patients 12] [--series 3]

Ours is all of `Framework.diagnose`: slices made ready, detector, tubes, sequence model, Eq. 1 and
the votes, of one patient with three series of 13 slices. The paper's networks take many minutes for
one on a CPU: `--profile paper --patients 1 --series 1`. The rival is the two networks on the very
tensors that the diagnosis gave them, and nothing else. Both turn about in one process, on untrained
networks of the configuration (`conf/base`, or the paper's with `--profile paper`); medians over the
patients. Prints one JSON line with the ratio (wanted: at most 1.15).
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from osteon.learning.tubes import TubeCases  # noqa: F401  (imports are not to be timed)
from osteon.measures.age_table import fit_age_table
from osteon.recipes.artefact import Ensemble
from osteon.recipes.diagnosis import Framework
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_wff import WFFRecipe

WANTED = 1.15
CLASSES = ["benign", "malignant"]
CONF = Path(__file__).resolve().parents[1] / "conf"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=("quick", "paper"), default="quick")
    parser.add_argument("--patients", type=int, default=12)
    parser.add_argument("--series", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    side = 128 if given.profile == "quick" else 512
    framework, seen = build(given.profile)
    ours, bare, stages = [], [], []
    for number in range(given.patients + 1):
        series = patient(number, side, given.series)
        seen.clear()
        started = time.perf_counter()
        found = framework.diagnose(series, age=40.0)
        took = time.perf_counter() - started
        alone = forward(seen)
        if number:  # the first patient warms up
            ours.append(took)
            bare.append(alone)
            stages.append(found.seconds)
    middle = {name: statistics.median(one[name] for one in stages) for name in stages[0]}
    ratios = [one / other for one, other in zip(ours, bare, strict=True)]
    facts = {"wanted": WANTED, "ratio": statistics.median(ratios)}
    facts |= {"seconds": statistics.median(ours), "bare_seconds": statistics.median(bare)}
    print(json.dumps(facts | vars(given) | {"stages": middle}))


class Watched(torch.nn.Module):
    """A network that keeps what it is called with."""

    def __init__(self, network: torch.nn.Module, seen: list[Any]) -> None:
        super().__init__()
        self.network, self.seen = network, seen

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        self.seen.append((self.network, given))
        return self.network(given)


def build(profile: str) -> tuple[Framework, list[Any]]:
    """The framework of a configuration with untrained networks, and what they are called with."""
    block = parameters(profile)
    recipe = WFFRecipe.model_validate(block["recipe"])
    torch.manual_seed(0)
    seen: list[Any] = []
    preprocessing = PreprocessingConfig.model_validate(block["preprocessing"])
    made = []
    for one in (recipe.detector, recipe.sequence):
        network = Watched(one.build_network(pretrained=False).eval(), seen).eval()
        made.append(Ensemble(one, (network,), {"classes": CLASSES}))
    rng = np.random.default_rng(0)
    ages = fit_age_table(rng.uniform(4, 82, 200), rng.integers(0, 2, 200))
    # Every box counts here: untrained networks are not sure of any.
    voting = recipe.voting.model_copy(update={"score": 0.0})
    device = torch.device("cpu")
    weights = (0.45, 0.45, 0.1)
    return Framework(made[0], made[1], ages, weights, voting, preprocessing, 1024, device), seen


def parameters(profile: str) -> dict[str, Any]:
    base, paper = (
        yaml.safe_load((CONF / name / "parameters_spinal_wff.yml").read_text())["spinal_wff"]
        for name in ("base", "paper")
    )
    return base if profile == "quick" else merged(base, paper)


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """As Kedro's soft merge lays one environment over another."""
    found = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = merged(found[key], value) if both else value
    return found


def patient(seed: int, side: int, count: int = 3) -> list[list[np.ndarray]]:
    """Series of 13 slices: noise, uint16."""
    rng = np.random.default_rng(seed)
    return [
        [rng.integers(0, 65535, (side, side), dtype=np.uint16) for _ in range(13)]
        for _ in range(count)
    ]


def forward(seen: list[Any]) -> float:
    """Seconds of the bare networks on the same tensors."""
    started = time.perf_counter()
    with torch.no_grad():
        for network, given in seen:
            network(given)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
