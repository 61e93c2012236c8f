"""Gradients at patches beside those of shuffled weights, as pictures of a report."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.reporting.gallery import LESION, SIDE, Case, Grey, Tile, arranged, overlay
from osteon.reporting.segmentation_gallery import bordered, close_up, enlarged, printed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "saliency"
TITLE = "What changes the answer at a patch"
CAPTION = (
    "Gradient of the {target} logit of {learner} by the pixels of each patch that is {target} by "
    "the rule, absolute, mean of the patches that cover a pixel; scaled by its largest value. "
    "Which patches are asked is known from the mask: the place of a map is no finding, only its "
    "shape inside is; at the rim few patches cover a pixel, so that it shows the corners of "
    "patches. Beside it the same with the weights shuffled, which have learnt nothing. "
    "Blue border: the mask that came with the images. Slices with most such patches, one a patient."
)
TOLD = {"gradient": "gradient", "shuffled": "gradient, weights shuffled"}


def choose_saliency(scores: pd.DataFrame, hidden: set[str], count: int) -> pd.DataFrame:
    """The slices with most patches of the target, one a patient.

    Args:
        scores: of `osteon.explaining.patches.explain_slices`; hidden: samples never to be shown;
            count: at most.
    """
    shown = scores[~scores["sample_id"].isin(hidden)]
    ordered = shown.sort_values("patches", ascending=False, kind="stable")
    return ordered.drop_duplicates("patient_id").head(count)


def saliency_case(
    number: int,
    image: Grey,
    drawn: NDArray[Any],
    maps: Mapping[str, NDArray[Any]],
    row: Mapping[str, Any],
) -> Case:
    """One slice as the network was given it, close to the target, with each map over it.

    Args:
        number: running; image: (H, W) uint8; drawn: (H, W), not 0 where the target is.
        maps: method → (H, W), 0 or more; row: of the scores.
    """
    lesion = np.asarray(drawn) != 0
    y0, y1, x0, x1 = close_up(np.any([lesion, *(one > 0 for one in maps.values())], axis=0))
    near = enlarged(np.ascontiguousarray(image[y0:y1, x0:x1]), SIDE)
    border = bordered(near, enlarged(lesion[y0:y1, x0:x1], SIDE), LESION)
    tiles = [Tile("given to the network, truth", near, border, sharp=True)]
    for name, one in maps.items():
        large = enlarged(np.ascontiguousarray(one[y0:y1, x0:x1], np.float32), SIDE)
        peak = max(float(large.max()), 1e-12)
        tiles.append(Tile(TOLD[name], near, overlay(near, large / peak)))
    alike = float(row["randomised_correlation"])
    said = f"{int(row['patches'])} patches asked"
    if np.isfinite(alike):
        said += f", rank correlation with shuffled weights {alike:.2f}".replace(
            "-", "\N{MINUS SIGN}"
        )
    return Case(number, "with target", said, tiles)


def saliency_gallery(
    cases: Sequence[Case], target: str, learner: str, summary: Mapping[str, Any]
) -> "tuple[dict[str, Any], Figure]":
    """The gallery with the verdict under its title, and its contact sheet.

    Args:
        cases: of `saliency_case`; target: in words; learner: its name.
        summary: of `osteon.explaining.patches.summary_of`.
    """
    told = CAPTION.format(target=target, learner=printed(learner))
    for one in (summary.get("methods") or {}).get(learner, {}).values():
        told += f" Verdict by rule: {one['verdict']}."
    pages, sheets = arranged({NAME: list(cases)}, {NAME: (TITLE, told)})
    return pages[0], sheets[NAME]
