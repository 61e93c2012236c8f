"""How the two parts of a WFF cohort differ, and how far the networks are from the paper's."""

from collections.abc import Mapping
from typing import Any

from osteon.measures.paper_table import DASH, PaperTable, at
from osteon.measures.wff_extra_tables import entry

PARTS = {"cv": "training part, out of fold", "test": "test part"}


def prevalence(found: Mapping[str, Any], published: Mapping[str, Any]) -> PaperTable:
    """How common malignant tumours are in both parts, and how often the framework calls them.

    Args:
        found: part (`cv`, `test`) → patients, positive, called (counts), sensitivity, specificity.
        published: the paper's block.
    """
    rows = []
    for part, words in PARTS.items():
        one = found[part]
        n = int(one["patients"])
        shares = [_share(int(one[key]), n) for key in ("positive", "called")]
        rows.append(
            [words, str(n), *shares, *(entry(one[key]) for key in ("sensitivity", "specificity"))]
        )
    odds = [
        found[part]["positive"] / max(1, found[part]["patients"] - found[part]["positive"])
        for part in PARTS
    ]
    split = published["cohort"]
    printed = " against ".join(
        f"{split[part]['malignant']} of {split[part]['patients']}" for part in ("train", "test")
    )
    return PaperTable(
        "Malignant tumours in both parts (shift of prevalence)",
        f"Of Det-Seq-Age, called by vote. Odds of malignant: {odds[0]:.2f} to one in the training "
        f"part, {odds[1]:.2f} to one in the test part. Weights, age table and networks learn how "
        "common malignant tumours are in the training part; where they are rarer among the judged, "
        "more patients are called malignant than are so, and specificity falls. In the paper, "
        f"whose training part alone holds metastases: {printed}. Only age.prior_shift, where it "
        "is set, corrects for it, and the age table alone.",
        ("Part", "Patients", "Malignant", "Called malignant", "SE", "SP"),
        rows,
    )


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.1f} %)" if of else DASH


BACKBONES = ("resnext101_32x4d", "resnext101_64x4d")
ARCH, SIDE, FOLDS = "resnext3d_101", 112, 4
"""What the paper says of its networks, of a tube's side in pixels, and of the inner folds."""


def quick(metrics: Mapping[str, Any]) -> str:
    """A sentence on what is smaller here than in the paper; empty where nothing is.

    Args:
        metrics: of a run's evaluation; its training records of `detector` and `sequence` are read.
    """
    found = {
        name: at(metrics, "training", name, "recipe") or {} for name in ("detector", "sequence")
    }
    said = []
    network = found["detector"].get("network") or {}
    if network.get("backbone") and network["backbone"] not in BACKBONES:
        said.append(f"the detector's backbone is {network['backbone']}")
    if network.get("dcn") == "none":
        said.append("it has no deformable convolution")
    arch = (found["sequence"].get("network") or {}).get("arch")
    if arch and arch != ARCH:
        said.append(f"the sequence model is a smaller {arch}")
    side = found["sequence"].get("side")
    if side and side < SIDE:
        said.append(f"its tubes are {side} px wide, not {SIDE}")
    # The last training is of the whole part, the others of the inner folds.
    inner = len(at(metrics, "training", "sequence", "folds") or ()) - 1
    if 0 < inner < FOLDS:
        said.append(f"there are {inner} inner folds, not {FOLDS}")
    if not said:
        return ""
    return f" A quicker configuration than the paper's: {'; '.join(said)}."
