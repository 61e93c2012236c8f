"""Classification of regions, and a last suppression in which one lesion gets one answer.

Usually each class is suppressed by itself, so that the same lesion may be returned as benign and
as malignant. Here (`suppression="one_class"`) a region takes the box of its more probable lesion
class, the larger of the two probabilities as its score, and all regions are suppressed together;
both probabilities of the softmax are kept, because the fusion of the paper needs them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import MultiScaleRoIAlign, batched_nms, clip_boxes_to_image, nms

SMALLEST = 1e-2
"""Sides below this, in pixels, are no box."""


@dataclass(frozen=True)
class RoIOptions:
    """Classification of regions and suppression.

    Attributes:
        pooled: cells of a side that RoIAlign gives.
        sampling: samples of a cell's side.
        hidden: units of the two fully connected layers.
        fg_iou: a region from here on is a lesion.
        bg_iou: below this it is background.
        samples: regions of an image that are learned from.
        positive: largest share of lesions among them.
        box_weights: by which offsets of x, y, width and height are multiplied: 1 / deviation.
        beta: where the box loss passes from square to linear.
        score: least probability of a returned box.
        nms: IoU above which the less probable of two boxes is suppressed.
        detections: most boxes of an image.
        suppression: one_class, or per_class (the usual way).
    """

    pooled: int = 7
    sampling: int = 2
    hidden: int = 1024
    fg_iou: float = 0.5
    bg_iou: float = 0.5
    samples: int = 512
    positive: float = 0.25
    box_weights: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0)
    beta: float = 1.0
    score: float = 0.05
    nms: float = 0.5
    detections: int = 100
    suppression: Literal["one_class", "per_class"] = "one_class"


class LesionHeads(RoIHeads):
    """torchvision's RoIHeads with probabilities of both classes and our suppression.

    Args:
        beta, suppression: see `RoIOptions`.
        parts: what torchvision's class takes.
    """

    def __init__(
        self, *, beta: float, suppression: Literal["one_class", "per_class"], **parts: Any
    ) -> None:
        super().__init__(**parts)
        if suppression not in ("one_class", "per_class"):
            raise ValueError(f"suppression is {suppression!r}; allowed are one_class and per_class")
        self.beta, self.suppression = beta, suppression

    def forward(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Boxes of each image, or losses while training.

        Args:
            features: p2 to p6, B × C × h × w float; those that the pooling names are read.
            proposals: of each image n × 4 float in pixels.
            image_shapes: height and width of each image.
            targets: of each image `boxes` n × 4 float and `labels` n int64, while training.

        Returns:
            of each image `boxes` n × 4 and `probabilities` n × 2 float (empty while training);
            the losses `classifier` and `box`, scalars (empty otherwise).
        """
        labels = wanted = None
        if self.training:
            proposals, _, labels, wanted = self.select_training_samples(proposals, targets)
        pooled = self.box_head(self.box_roi_pool(features, proposals, image_shapes))
        logits, offsets = self.box_predictor(pooled)
        logits, offsets = logits.float(), offsets.float()
        if labels is not None and wanted is not None:
            return [], self._losses(logits, offsets, torch.cat(labels), torch.cat(wanted))
        sizes = [len(each) for each in proposals]
        decoded = self.box_coder.decode(offsets, proposals).split(sizes)
        chances = logits.softmax(1).split(sizes)
        found = zip(decoded, chances, image_shapes, strict=True)
        return [self._suppress(*each) for each in found], {}

    def _losses(
        self, logits: Tensor, offsets: Tensor, labels: Tensor, wanted: Tensor
    ) -> dict[str, Tensor]:
        lesions = torch.where(labels > 0)[0]
        own = offsets.reshape(len(labels), -1, 4)[lesions, labels[lesions]]
        box = F.smooth_l1_loss(own, wanted[lesions], beta=self.beta, reduction="sum")
        # Over all regions, not the lesions only: an image with more lesions weighs more.
        return {"classifier": F.cross_entropy(logits, labels), "box": box / len(labels)}

    def _suppress(
        self, boxes: Tensor, chances: Tensor, shape: tuple[int, int]
    ) -> dict[str, Tensor]:
        """The boxes of one image that are returned, most probable first.

        Args:
            boxes: n × (1 + classes) × 4 float, for each class its own.
            chances: n × (1 + classes) float, softmax, background first.
            shape: height and width of the image.
        """
        boxes, chances = clip_boxes_to_image(boxes[:, 1:], shape), chances[:, 1:]
        best = chances.argmax(1)
        if self.suppression == "one_class":
            kind, region = best, torch.arange(len(best), device=best.device)
        else:
            kind = torch.arange(chances.shape[1], device=best.device).repeat(len(best))
            region = torch.arange(len(best), device=best.device).repeat_interleave(chances.shape[1])
        scores, boxes, both = chances[region, kind], boxes[region, kind], chances[region]
        # A box that speaks for the less probable class of its region carries that class alone:
        # with both it would read as the other class.
        alone = F.one_hot(kind, both.shape[1]).bool()
        both = torch.where((kind == best[region])[:, None] | alone, both, 0.0)
        large = ((boxes[:, 2:] - boxes[:, :2]) >= SMALLEST).all(1)
        kept = torch.where((scores > self.score_thresh) & large)[0]
        scores, boxes, both, kind = scores[kept], boxes[kept], both[kept], kind[kept]
        if self.suppression == "one_class":
            kept = nms(boxes, scores, self.nms_thresh)
        else:
            kept = batched_nms(boxes, scores, kind, self.nms_thresh)
        kept = kept[: self.detections_per_img]
        return {"boxes": boxes[kept], "probabilities": both[kept]}


def build_roi_heads(
    channels: int,
    classes: int,
    options: RoIOptions,
    levels: Sequence[str] = ("p2", "p3", "p4", "p5"),
) -> LesionHeads:
    """Heads for levels of `channels` channels and `classes` classes of lesions.

    The top level gives proposals only, as in torchvision and mmdetection.
    """
    pooling = MultiScaleRoIAlign(list(levels), options.pooled, options.sampling)
    return LesionHeads(
        beta=options.beta,
        suppression=options.suppression,
        box_roi_pool=pooling,
        box_head=TwoMLPHead(channels * options.pooled**2, options.hidden),
        box_predictor=FastRCNNPredictor(options.hidden, 1 + classes),
        fg_iou_thresh=options.fg_iou,
        bg_iou_thresh=options.bg_iou,
        batch_size_per_image=options.samples,
        positive_fraction=options.positive,
        bbox_reg_weights=options.box_weights,
        score_thresh=options.score,
        nms_thresh=options.nms,
        detections_per_img=options.detections,
    )
