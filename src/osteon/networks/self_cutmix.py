"""MultiScale-SelfCutMix: a lesion is pasted, smaller, at another place near the spine.

Paper: Liu H. et al., Insights into Imaging 2022, doi 10.1186/s13244-022-01227-2: labelled tumour
patches are cut, width and height are each scaled by a factor in [0.5, 1], and the patch is pasted
at a random place near the spine of the same image. Its reference is the plain CutMix (Yun S. et
al., ICCV 2019), which says nothing about boxes; no code of the method was found.

Our reading:
- an image takes part with probability 0.5, then one or two of its boxes, without repetition;
- the two factors are independent, the resampling is bilinear;
- the pasted box keeps its class, overlaps no box (those pasted before it too) by an IoU of 0.1 or
  more, lies within the image, and its centre within the spine's corridor. Without a mask of the
  spine that is a vertical band: the x-range of the patient's boxes, to both sides half a box's
  width wider, from 10 to 90 % of the height. In a sagittal image the spine runs top to bottom;
- where no place is found after some tries, nothing is pasted;
- `gaussian_edge` lets the patch fade into its surroundings, so that its border is no clue.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import box_iou

LEAST = 2
"""Sides below this, in pixels, are not pasted: nothing of a lesion would be left to see."""
EDGE = 0.1
"""Deviation of the Gaussian by which a patch fades, as a share of its side."""


@dataclass(frozen=True)
class SelfCutMixOptions:
    """How lesions are pasted.

    Attributes:
        probability: that an image takes part, in [0, 1].
        n_max: most boxes of an image that are pasted, from 1.
        scale_min: least factor of width and of height, above 0.
        scale_max: largest factor, at most 1: a lesion is never enlarged.
        corridor: band or anywhere in the image.
        blend: paste or gaussian_edge.
        overlap: IoU with another box that is too large.
        tries: places that are tried for one box.
    """

    probability: float = 0.5
    n_max: int = 2
    scale_min: float = 0.5
    scale_max: float = 1.0
    corridor: Literal["band", "anywhere"] = "band"
    blend: Literal["paste", "gaussian_edge"] = "paste"
    overlap: float = 0.1
    tries: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability is {self.probability}; 0 to 1 is allowed")
        if not 0 < self.scale_min <= self.scale_max <= 1:
            raise ValueError(
                f"scale_min is {self.scale_min} and scale_max {self.scale_max}; allowed is "
                "0 < scale_min <= scale_max <= 1"
            )
        for name in ("n_max", "tries"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if self.corridor not in ("band", "anywhere"):
            raise ValueError(f"corridor is {self.corridor!r}; allowed are band and anywhere")
        if self.blend not in ("paste", "gaussian_edge"):
            raise ValueError(f"blend is {self.blend!r}; allowed are paste and gaussian_edge")


class SelfCutMix(nn.Module):
    """Pastes lesions while training; in evaluation mode it changes nothing.

    All chance is torch's own on the CPU, so that the same seed gives the same pictures on any
    device.
    """

    def __init__(self, options: SelfCutMixOptions | None = None) -> None:
        super().__init__()
        self.options = options or SelfCutMixOptions()

    def forward(
        self,
        images: Tensor,
        boxes: list[Tensor],
        labels: list[Tensor],
        corridor: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Images with more lesions than before.

        Args:
            images: B × C × H × W float.
            boxes: of each image n × 4 float, x0, y0, x1, y1 in pixels, within the image.
            labels: of each image n int64.
            corridor: B × 2 float, first and last x of the patient's boxes; where it is not given
                or NaN, the image's own boxes.

        Returns:
            the same three, new tensors where something was pasted: pasted boxes and their labels
            come after the others.
        """
        if not self.training:
            return images, boxes, labels
        images, boxes, labels = images.clone(), list(boxes), list(labels)
        for place, found in enumerate(boxes):
            if not len(found) or _uniform(0, 1) >= self.options.probability:
                continue
            spine = None if corridor is None else corridor[place]
            images[place], pasted, sources = self._paste(images[place], found.float().cpu(), spine)
            boxes[place] = torch.cat([found, pasted.to(found)])
            labels[place] = torch.cat([labels[place], labels[place][sources.to(found.device)]])
        return images, boxes, labels

    def _paste(
        self, image: Tensor, boxes: Tensor, spine: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One image with pasted lesions, their boxes, and which of `boxes` each is a copy of."""
        number = min(len(boxes), int(torch.randint(1, self.options.n_max + 1, ())))
        result, present, sources = image.clone(), boxes, []
        if spine is None or bool(spine.isnan().any()):
            spine = torch.stack([boxes[:, 0].min(), boxes[:, 2].max()])
        for source in torch.randperm(len(boxes))[:number].tolist():
            patch = self._cut(image, boxes[source])
            limits = self._limits(boxes[source], spine, image.shape[1:])
            place = patch and self._find_place(patch, limits, image.shape[1:], present)
            if not patch or not place:
                continue
            (x, y), (height, width) = place, patch.pixels.shape[1:]
            window = result[:, y : y + height, x : x + width]
            share = self._opacity(height, width).to(image)
            window.copy_(share * patch.pixels + (1 - share) * window)
            present = torch.cat([present, patch.box[None] + torch.tensor([x, y, x, y])])
            sources.append(source)
        return result, present[len(boxes) :], torch.as_tensor(sources, dtype=torch.int64)

    def _cut(self, image: Tensor, box: Tensor) -> "_Patch | None":
        """The smaller copy of a lesion; None if nothing would be left of it."""
        height, width = image.shape[1:]
        x0, y0 = max(0, math.floor(box[0])), max(0, math.floor(box[1]))
        x1, y1 = min(width, math.ceil(box[2])), min(height, math.ceil(box[3]))
        size = (self._new_side(y1 - y0), self._new_side(x1 - x0))
        if min(size) < LEAST:
            return None
        pixels = F.interpolate(image[None, :, y0:y1, x0:x1], size, mode="bilinear")[0]
        factor = torch.tensor([size[1] / (x1 - x0), size[0] / (y1 - y0)]).repeat(2)
        # The patch has whole pixels; the lesion's box lies a fraction of a pixel within.
        return _Patch(pixels, (box - torch.tensor([x0, y0, x0, y0])) * factor)

    def _new_side(self, side: int) -> int:
        """Whole pixels, within the factors exactly; 0 where no whole number is."""
        least = math.ceil(side * self.options.scale_min - 1e-9)
        most = math.floor(side * self.options.scale_max + 1e-9)
        drawn = round(side * _uniform(self.options.scale_min, self.options.scale_max))
        return min(max(drawn, least), most) if least <= most else 0

    def _limits(self, box: Tensor, spine: Tensor, shape: torch.Size) -> tuple[float, ...]:
        """Where a pasted box's centre may lie: x from and to, y from and to, in pixels."""
        height, width = shape
        if self.options.corridor == "anywhere":
            return 0.0, float(width), 0.0, float(height)
        margin = 0.5 * float(box[2] - box[0])
        return float(spine[0]) - margin, float(spine[1]) + margin, 0.1 * height, 0.9 * height

    def _find_place(
        self, patch: "_Patch", limits: tuple[float, ...], shape: torch.Size, present: Tensor
    ) -> tuple[int, int] | None:
        """Left and top of a free place of the corridor; None if none was met in `tries`."""
        centre = (patch.box[:2] + patch.box[2:]) / 2
        xs = _whole(limits[:2], float(centre[0]), shape[1] - patch.pixels.shape[2])
        ys = _whole(limits[2:], float(centre[1]), shape[0] - patch.pixels.shape[1])
        if not xs or not ys:
            return None
        for _ in range(self.options.tries):
            x, y = (int(torch.randint(span.start, span.stop, ())) for span in (xs, ys))
            placed = patch.box[None] + torch.tensor([x, y, x, y])
            if float(box_iou(placed, present).max()) < self.options.overlap:
                return x, y
        return None

    def _opacity(self, height: int, width: int) -> Tensor:
        """Share of the patch in each pixel, height × width in (0, 1]."""
        if self.options.blend == "paste":
            return torch.ones(height, width)
        sides = []
        for side in (height, width):
            place = torch.arange(side) + 0.5
            depth = torch.minimum(place, side - place)
            sides.append(1 - torch.exp(-0.5 * (depth / (EDGE * side)) ** 2))
        return sides[0][:, None] * sides[1]


@dataclass(frozen=True)
class _Patch:
    """A lesion's pixels, C × h × w, and its box from the patch's corner."""

    pixels: Tensor
    box: Tensor


def _whole(limits: tuple[float, ...], centre: float, free: int) -> range:
    """Whole shifts from 0 to `free` that bring `centre` within the limits; may be empty."""
    return range(
        math.ceil(max(0, limits[0] - centre)), math.floor(min(free, limits[1] - centre)) + 1
    )


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))
