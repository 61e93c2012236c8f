"""What networks and learners are called in print."""

from collections.abc import Iterable

from osteon.reporting.figures.style import readable

NAMES = {
    "alexnet": "AlexNet",
    "alexnet_bn": "AlexNet-BN",
    "attention_only": "attention only",
    "d_tvnet": "D-TVNet",
    "densenet": "DenseNet",
    "densenet121": "DenseNet-121",
    "det": "Det",
    "det_age": "Det-Age",
    "det_seq": "Det-Seq",
    "det_seq_age": "Det-Seq-Age",
    "googlenet": "GoogLeNet",
    "multiscale_only": "multi-scale only",
    "multiresunet": "MultiResUNet",
    "op_convnet": "OP-convNet",
    "pair": "one-class model",
    "penn": "PENN",
    "penn_conv": "PENN-conv",
    "sae_plain": "plain SAE",
    "sau_net": "SAU-Net",
    "seq": "Seq",
    "seq_age": "Seq-Age",
    "smsdnet": "SMSDNet",
    "unet": "U-Net",
}
"""Name in code → name in print; a longer name begins with one of these."""
ENDINGS = {
    "all": "all convolutions",
    "bn_all": "BN after all convolutions",
    "holdout": "hold-out",
    "n16": "N = 16",
    "n4": "N = 4",
    "n8": "N = 8",
    "no_bn": "no BN",
    "patch_split": "patches divided at random",
    "published": "printed λ",
    "rgb": "RGB",
}
"""What a variant adds to its network's name."""


def known(name: str) -> str | None:
    """`smsdnet_rgb` → "SMSDNet, RGB": the longest known beginning, then the rest in words.

    None where no beginning is known.
    """
    words = name.split("_")
    for end in range(len(words), 0, -1):
        begin, rest = "_".join(words[:end]), "_".join(words[end:])
        if begin in NAMES:
            variant = ENDINGS.get(rest) or readable(rest)
            return f"{NAMES[begin]}, {variant}" if variant else NAMES[begin]
    return None


def listed(words: Iterable[str]) -> str:
    """`age`, `sex and age`, `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
