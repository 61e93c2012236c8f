"""The detector of the weighted fusion paper as a configuration (see `osteon.networks.detector`).

The defaults are the paper's network with the usual numbers where it names none: for images of 512
to 800 px on a GPU, 12 epochs, SGD with rate 0.0025 for a batch of 2, 500 steps of warm-up, a tenth
of the rate at epochs 8 and 11.

Small, for slices of 128 px on one CPU core, about 50 images a second in training (95 without
`min_size`, which large lesions do not need; those of 6 to 22 px do). Six epochs of 500 slices, in
batches of 4 with AdamW at 0.003, a tenth of it for the last quarter, 20 steps of warm-up and a
gradient's norm of 5 at most, take a minute; what is found then depends most on how many patients
the slices come from:

    name: faster_rcnn
    backbone: resnet18
    width: 0.25
    blocks: [1, 1, 1, 1]
    norm: batch
    dcn: none
    pyramid_channels: 32
    min_size: 192
    anchors: [12, 24, 48, 96, 192]
    proposals: {samples: 64, pre_nms: [200, 200], post_nms: [60, 60]}
    roi: {pooled: 5, hidden: 128, samples: 32, detections: 20}
    cutmix: {scale_min: 0.8}

With `dcn: v1` and `dcn_stages: [c5]` the deformable convolution takes part for a tenth more time.
"""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from osteon.recipes.base import Strict

if TYPE_CHECKING:
    from osteon.networks.detector import Detector
    from osteon.networks.detector_trunk import Trunk

Share = Annotated[float, Field(ge=0, le=1)]
IoU = Annotated[float, Field(gt=0, lt=1)]
Side = Annotated[int, Field(ge=2, le=4096)]
Number = Annotated[int, Field(ge=1, le=100_000)]


class _Matched(Strict):
    """What is laid beside the labelled boxes and counts as a lesion, or not, by its overlap."""

    fg_iou: IoU
    bg_iou: IoU

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.bg_iou > self.fg_iou:
            raise ValueError(
                f"bg_iou: {self.bg_iou} found; at most fg_iou ({self.fg_iou}) is allowed"
            )
        return self


class ProposalsConfig(_Matched):
    """Region proposals.

    Attributes:
        ratios: height divided by width of the anchors.
        fg_iou: an anchor from here on is a lesion.
        bg_iou: below this it is background.
        samples: anchors of an image that are learned from.
        positive: largest share of lesions among them.
        pre_nms: proposals of a level that go into suppression, in training and in use.
        post_nms: proposals of an image that leave it.
        nms: IoU above which the less probable of two is suppressed.
    """

    ratios: tuple[Annotated[float, Field(ge=0.05, le=20)], ...] = Field(
        default=(0.5, 1.0, 2.0), min_length=1, max_length=16
    )
    fg_iou: IoU = 0.7
    bg_iou: IoU = 0.3
    samples: Number = 256
    positive: Share = 0.5
    pre_nms: tuple[Number, Number] = (2000, 1000)
    post_nms: tuple[Number, Number] = (2000, 1000)
    nms: IoU = 0.7


class RoIConfig(_Matched):
    """Classification of regions and the last suppression.

    Attributes:
        pooled: cells of a side that RoIAlign gives.
        sampling: samples of a cell's side.
        hidden: units of the two fully connected layers.
        fg_iou: a region from here on is a lesion.
        bg_iou: below this it is background.
        samples: regions of an image that are learned from.
        positive: largest share of lesions among them.
        box_weights: factors of the offsets of x, y, width and height.
        beta: where the box loss passes from square to linear.
        score: least probability of a returned box.
        nms: IoU above which the less probable of two boxes is suppressed.
        detections: most boxes of an image.
        suppression: one_class (a lesion is never both benign and malignant), or per_class (the
            usual way).
    """

    pooled: int = Field(default=7, ge=1, le=32)
    sampling: int = Field(default=2, ge=1, le=16)
    hidden: int = Field(default=1024, ge=1, le=16_384)
    fg_iou: IoU = 0.5
    bg_iou: IoU = 0.5
    samples: Number = 512
    positive: Share = 0.25
    box_weights: tuple[
        Annotated[float, Field(gt=0, le=1000)],
        Annotated[float, Field(gt=0, le=1000)],
        Annotated[float, Field(gt=0, le=1000)],
        Annotated[float, Field(gt=0, le=1000)],
    ] = (10.0, 10.0, 5.0, 5.0)
    beta: float = Field(default=1.0, gt=0, le=100)
    score: Share = 0.05
    nms: IoU = 0.5
    detections: Number = 100
    suppression: Literal["one_class", "per_class"] = "one_class"


class SelfCutMixConfig(Strict):
    """MultiScale-SelfCutMix: smaller copies of an image's lesions are pasted near the spine.

    Attributes:
        probability: that an image takes part; 0 switches it off.
        n_max: most boxes of an image that are pasted.
        scale_min: least factor of width and of height.
        scale_max: largest factor.
        corridor: band (x-range of the patient's boxes, wider by half a box) or anywhere.
        blend: paste or gaussian_edge.
        overlap: IoU with another box that is too large.
        tries: places that are tried for one box.
    """

    probability: Share = 0.5
    n_max: int = Field(default=2, ge=1, le=100)
    scale_min: float = Field(default=0.5, gt=0, le=1)
    scale_max: float = Field(default=1.0, gt=0, le=1)
    corridor: Literal["band", "anywhere"] = "band"
    blend: Literal["paste", "gaussian_edge"] = "paste"
    overlap: IoU = 0.1
    tries: int = Field(default=20, ge=1, le=10_000)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.scale_min > self.scale_max:
            raise ValueError(
                f"scale_min: {self.scale_min} found; at most scale_max ({self.scale_max}) allowed"
            )
        return self


class DetectorNetworkConfig(Strict):
    """The tri-class Faster R-CNN; the defaults are our reading of the paper.

    Attributes:
        name: tells it from other networks.
        backbone: the paper says ResNeXt-101; 32×4d is our reading.
        width: factor on the trunk's channels; 1 with `weights`.
        blocks: of the four stages; none for the backbone's own.
        norm: batch, group, frozen, or auto: frozen with weights from a file, else group.
        weights: path of a local file for the trunk (`.safetensors`, `.pth`, `.pt`, torchvision's
            names, alone or within a detector); nothing is downloaded.
        frozen_stages: stages that stand still where `weights` is given: 1 is the stem and C2.
        dcn: deformable convolutions: none, v1 (the paper's reference) or v2 (modulated).
        dcn_stages: where.
        pyramid: paper (five scales of the printed depths) or standard.
        pyramid_channels: of every level.
        anchors: side in pixels, of the resized image, of the anchor of each of the five levels.
        proposals: region proposals.
        roi: classification of regions.
        cutmix: MultiScale-SelfCutMix.
        min_size: px of the shorter side that images are resized to; none: as they come.
        max_size: px that the longer side may then have.
    """

    name: Literal["faster_rcnn"] = "faster_rcnn"
    backbone: Literal[
        "resnext101_32x4d", "resnext101_64x4d", "resnext50_32x4d", "resnet50", "resnet18"
    ] = "resnext101_32x4d"
    width: float = Field(default=1.0, gt=0, le=4)
    blocks: tuple[Number, Number, Number, Number] | None = None
    norm: Literal["auto", "batch", "group", "frozen"] = "auto"
    weights: str | None = None
    frozen_stages: int = Field(default=1, ge=0, le=4)
    dcn: Literal["none", "v1", "v2"] = "v1"
    dcn_stages: tuple[Literal["c2", "c3", "c4", "c5"], ...] = ("c3", "c4", "c5")
    pyramid: Literal["paper", "standard"] = "paper"
    pyramid_channels: int = Field(default=256, ge=1, le=4096)
    anchors: tuple[Side, Side, Side, Side, Side] = (32, 64, 128, 256, 512)
    proposals: ProposalsConfig = ProposalsConfig()
    roi: RoIConfig = RoIConfig()
    cutmix: SelfCutMixConfig = SelfCutMixConfig()
    min_size: Side | None = None
    max_size: Side = 1333

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.norm == "frozen" and self.weights is None:
            raise ValueError(
                "norm: 'frozen' found without weights; its statistics would be those of no data: "
                "auto, batch or group allowed"
            )
        if self.weights is not None and self.norm == "group":
            raise ValueError("norm: 'group' found with weights; auto, batch or frozen allowed")
        if self.min_size is not None and self.min_size > self.max_size:
            raise ValueError(
                f"min_size: {self.min_size} found; at most max_size ({self.max_size}) allowed"
            )
        if len(set(self.dcn_stages)) < len(self.dcn_stages):
            raise ValueError(f"dcn_stages: {list(self.dcn_stages)} found; each may stand once")
        return self

    def build(self, pretrained: bool = True) -> "Detector":
        """A new network, seeded by torch's current state.

        Args:
            pretrained: False leaves the trunk's weights for others, as when a saved network is
                read; layers are the same ones either way.

        Raises:
            FileNotFoundError: there is no file `weights`.
            ValueError: it does not fit the trunk.
        """
        from osteon.networks.detector import Detector, ProposalOptions
        from osteon.networks.pyramid import Pyramid
        from osteon.networks.roi_heads import RoIOptions
        from osteon.networks.self_cutmix import SelfCutMix, SelfCutMixOptions

        trunk, origin = self._trunk(pretrained)
        mixing = SelfCutMix(SelfCutMixOptions(**self.cutmix.model_dump()))
        return Detector(
            trunk,
            Pyramid(trunk.channels, self.pyramid, self.pyramid_channels),
            proposals=ProposalOptions(anchors=self.anchors, **self.proposals.model_dump()),
            roi=RoIOptions(**self.roi.model_dump()),
            cutmix=mixing if self.cutmix.probability else None,
            min_size=self.min_size,
            max_size=self.max_size,
            weights_origin=origin,
        )

    def _trunk(self, pretrained: bool) -> "tuple[Trunk, str]":
        """The trunk, filled and partly frozen where `weights` is given, and where from."""
        from osteon.networks.deformable import make_deformable
        from osteon.networks.detector_trunk import Trunk

        norm = self.norm
        if norm == "auto":
            norm = "group" if self.weights is None else "frozen"
        trunk = Trunk(self.backbone, width=self.width, blocks=self.blocks, norm=norm)
        make_deformable(trunk, self.dcn, self.dcn_stages)
        origin = "none: trained from scratch"
        if self.weights is not None:
            if pretrained:
                origin = trunk.load(self.weights)
            trunk.freeze(self.frozen_stages)
        return trunk, origin
