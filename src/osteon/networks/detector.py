"""The tri-class detector of the spinal fusion paper: background, benign, malignant.

Papers: Liu H., Jiao M., Yuan Y., Ouyang H. et al., Benign and malignant diagnosis of spinal tumors
based on deep learning and weighted fusion framework on MRI, Insights into Imaging 2022, doi
10.1186/s13244-022-01227-2: ResNeXt-101 with deformable convolutions, a five-scale pyramid, region
proposals, RoI classification, suppression. Ren S. et al., Faster R-CNN, NeurIPS 2015, arXiv
1506.01497; numbers that the paper leaves open are torchvision's and mmdetection's usual ones.

Parts, all torchvision's but for what the paper made its own: `detector_trunk` (ResNeXt), here
`deformable`, `pyramid`, region proposals, `roi_heads` (classification of regions, suppression over
both classes at once) and, while training, `self_cutmix`.

Deviations and additions:
- input and output are whole tensors, so that the one fit loop, which knows batches of equal images,
  trains a detector too: losses come as B × 4, boxes as B × top × 6, padded with NaN;
- the image is not resized unless `min_size` says so: it comes prepared at its size;
- anchors lie on strides of 4 to 64 exactly. torchvision divides the image's side by the map's,
  which on 13 maps of 800 px gives 61.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead

from osteon.networks.detector_trunk import Trunk
from osteon.networks.pyramid import STRIDES, Pyramid
from osteon.networks.roi_heads import RoIOptions, build_roi_heads
from osteon.networks.self_cutmix import SelfCutMix
from osteon.networks.standardise import Standardise

CLASSES = ("benign", "malignant")
"""Labels 1 and 2; 0 is background."""
LOSSES = ("classifier", "box", "objectness", "rpn_box")
"""Columns of what the detector returns while training."""


@dataclass(frozen=True)
class ProposalOptions:
    """Region proposals.

    Attributes:
        anchors: side of each level's square anchor, p2 to p6, in pixels of the resized image.
        ratios: height divided by width of the anchors.
        fg_iou: an anchor from here on is a lesion.
        bg_iou: below this it is background; between the two it is not learned from.
        samples: anchors of an image that are learned from.
        positive: largest share of lesions among them.
        pre_nms: proposals of a level that go into suppression, in training and in use.
        post_nms: proposals of an image that leave it.
        nms: IoU above which the less probable of two is suppressed.
    """

    anchors: tuple[int, int, int, int, int] = (32, 64, 128, 256, 512)
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    fg_iou: float = 0.7
    bg_iou: float = 0.3
    samples: int = 256
    positive: float = 0.5
    pre_nms: tuple[int, int] = (2000, 1000)
    post_nms: tuple[int, int] = (2000, 1000)
    nms: float = 0.7


PROPOSALS = ProposalOptions()
ROI = RoIOptions()


class Detector(nn.Module):
    """Faster R-CNN with a pyramid.

    Args:
        trunk: gives C2 to C5; where weights are loaded or parts frozen, that is done already.
        pyramid: gives p2 to p6.
        proposals: options of the region proposals.
        roi: options of the classification of regions and of the last suppression.
        cutmix: pastes lesions while training; None for none.
        min_size: px of the shorter side that images are resized to, and `max_size`, px that the
            longer side may have; None: images are taken as they are.
        weights_origin: where the trunk's first values came from, in words.

    Attributes:
        features_layer: name of the trunk's last map, for Grad-CAM.
        pretrained_parts: none: what is frozen stays frozen, and is not thawed by the fit loop.
    """

    features_layer = "trunk.layer4"
    pretrained_parts = ()

    def __init__(
        self,
        trunk: Trunk,
        pyramid: Pyramid,
        *,
        proposals: ProposalOptions = PROPOSALS,
        roi: RoIOptions = ROI,
        cutmix: SelfCutMix | None = None,
        min_size: int | None = None,
        max_size: int = 1333,
        weights_origin: str = "none: trained from scratch",
    ) -> None:
        super().__init__()
        self.min_size, self.max_size, self.top = min_size, max_size, roi.detections
        self.weights_origin = weights_origin
        # Grey in three channels, on the scale that pretrained trunks know.
        self.standardise = Standardise("imagenet")
        self.cutmix = cutmix
        self.trunk, self.pyramid = trunk, pyramid
        self.rpn = _build_rpn(pyramid.channels, proposals)
        self.roi_heads = build_roi_heads(pyramid.channels, len(CLASSES), roi)

    def forward(
        self,
        images: Tensor,
        boxes: Tensor | None = None,
        labels: Tensor | None = None,
        corridor: Tensor | None = None,
    ) -> Tensor:
        """Losses while training, boxes in evaluation mode.

        Args:
            images: B × 3 × H × W float in [0, 1], grey.
            boxes: B × K × 4 float, x0, y0, x1, y1 in pixels; NaN rows are padding, an image
                without a lesion has nothing else. Only looked at while training, as are the next.
            labels: B × K int64, 1 benign, 2 malignant, 0 where the box is padding.
            corridor: B × 2 float, first and last x of the patient's boxes in pixels, or NaN; for
                pasted lesions.

        Returns:
            training: B × 4 float, the losses `LOSSES`, each the mean over the batch and the same
            in every row; their sum is what is minimised. Otherwise B × top × 6 float: x0, y0, x1,
            y1 in pixels of the given image, probabilities of benign and of malignant, the larger
            of which falls from row to row; NaN rows are padding.

        Raises:
            ValueError: shapes that do not fit; in training, boxes without an area or without a
                label.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"images has shape {tuple(images.shape)}; B × 3 × H × W is allowed")
        if not self.training:
            return self._pad(*self._detect(images))
        found, classes = _unpad(boxes, labels, len(images))
        if self.cutmix is not None:
            images, found, classes = self.cutmix(images, found, classes, corridor)
        images, scale = self._resize(images)
        targets = [
            {"boxes": each * scale.to(each), "labels": own}
            for each, own in zip(found, classes, strict=True)
        ]
        losses = self._run(images, targets)[1]
        return torch.stack([losses[name] for name in LOSSES]).float().expand(len(images), -1)

    def _detect(self, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Boxes n × 4 and probabilities n × 2 of each image, in pixels of the given image."""
        resized, scale = self._resize(images)
        results = self._run(resized, None)[0]
        boxes = [result["boxes"] / scale.to(result["boxes"]) for result in results]
        return boxes, [result["probabilities"] for result in results]

    def _run(
        self, images: Tensor, targets: list[dict[str, Tensor]] | None
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        size = (int(images.shape[2]), int(images.shape[3]))
        listed = ImageList(images, [size] * len(images))
        levels = self.pyramid(self.trunk(self.standardise(images)))
        proposals, losses = self.rpn(listed, levels, targets)
        results, further = self.roi_heads(levels, proposals, listed.image_sizes, targets)
        named = {"objectness": "loss_objectness", "rpn_box": "loss_rpn_box_reg"}
        return results, {new: losses[old] for new, old in named.items() if losses} | further

    def _resize(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images at the size that the network works on, and the factors of x0, y0, x1, y1."""
        if self.min_size is None:
            return images, torch.ones(4)
        height, width = images.shape[2:]
        factor = min(self.min_size / min(height, width), self.max_size / max(height, width))
        size = (max(1, round(height * factor)), max(1, round(width * factor)))
        resized = F.interpolate(images, size, mode="bilinear", antialias=factor < 1)
        return resized, torch.tensor([size[1] / width, size[0] / height]).repeat(2)

    def _pad(self, boxes: list[Tensor], probabilities: list[Tensor]) -> Tensor:
        rows = [
            torch.cat([own, values.to(own)], dim=1)
            for own, values in zip(boxes, probabilities, strict=True)
        ]
        padded = [F.pad(own, (0, 0, 0, self.top - len(own)), value=torch.nan) for own in rows]
        return torch.stack(padded)


class _Anchors(AnchorGenerator):
    """Anchors on the levels' true strides, whatever the image's side."""

    def grid_anchors(
        self, grid_sizes: list[list[int]], strides: list[list[Tensor]]
    ) -> list[Tensor]:
        exact = [
            [torch.full_like(side, stride) for side in given]
            for stride, given in zip(STRIDES, strides, strict=True)
        ]
        return super().grid_anchors(grid_sizes, exact)


def _build_rpn(channels: int, options: ProposalOptions) -> RegionProposalNetwork:
    anchors = _Anchors(
        tuple((side,) for side in options.anchors), (options.ratios,) * len(options.anchors)
    )
    return RegionProposalNetwork(
        anchors,
        RPNHead(channels, len(options.ratios)),
        fg_iou_thresh=options.fg_iou,
        bg_iou_thresh=options.bg_iou,
        batch_size_per_image=options.samples,
        positive_fraction=options.positive,
        pre_nms_top_n=dict(zip(("training", "testing"), options.pre_nms, strict=True)),
        post_nms_top_n=dict(zip(("training", "testing"), options.post_nms, strict=True)),
        nms_thresh=options.nms,
    )


def _unpad(
    boxes: Tensor | None, labels: Tensor | None, images: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Boxes n × 4 and labels n of each image, without padding."""
    if boxes is None or labels is None:
        raise ValueError("boxes and labels are None; in training mode both are needed")
    if boxes.shape != (images, labels.shape[1], 4) or len(labels) != images:
        raise ValueError(
            f"boxes has shape {tuple(boxes.shape)} and labels {tuple(labels.shape)}; allowed are "
            f"{images} × K × 4 and {images} × K"
        )
    real = ~boxes.isnan().any(2)
    if bool(((labels < 1) | (labels > len(CLASSES)))[real].any()):
        raise ValueError(f"labels: {labels[real].unique().tolist()} found; allowed are 1 and 2")
    if bool((boxes[real][:, 2:] <= boxes[real][:, :2]).any()):
        raise ValueError("boxes: one has no area; x0 < x1 and y0 < y1 is allowed")
    kept = zip(boxes.float(), labels, real, strict=True)
    found = [(each[own], classes[own]) for each, classes, own in kept]
    return [each for each, _ in found], [classes for _, classes in found]
