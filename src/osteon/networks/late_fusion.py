"""ResNet with late fusion of clinical values for primary osteosarcoma on knee X-rays.

Paper: Wang S., Shen Y., …, Tang X., Wang B., diagnosis of primary osteosarcoma from knee X-rays
with ALP, LDH, age and gender fused late (848 patients, 2,608 X-rays). y = G(Concat(F(X), N(Y))):
F is a ResNet down to its average pooling, N the normalisation of the clinical values, G a two-layer
perceptron F+d → 512 → ReLU → 2. The baseline without clinical values keeps the same perceptron.

Deviations and additions:
- the output is logits; softmax belongs to the objective;
- `width` scales all channels of the backbone (1.0 is torchvision's network);
- `out_dim=1` gives one logit of the positive class (the paper also says "single prediction");
- `dropout` in the head (paper: none), `activation` (the paper does not name one), `clinical_scale`
  (a constant factor on the clinical values, 1 in the paper);
- `fusion="early"` lays each value as a constant channel on the image, the variant the paper argues
  against; `fusion="film"` scales and shifts the pooled features by values computed from the
  clinical vector (Perez et al., FiLM, 2018). An affine map by channel commutes with average
  pooling, so this equals modulating layer4's map itself.
"""

import torch
from torch import Tensor, nn

from osteon.networks.blocks import ACTIVATIONS, ScaledResNet, choose, load_backbone_weights

FUSIONS = ("late", "early", "film")


class LateFusion(nn.Module):
    """ResNet features and clinical values, joined before a two-layer perceptron.

    Args:
        backbone: resnet18, resnet34 or resnet50.
        clinical: number d of clinical values, 0 for the image-only baseline.
        width: factor on the backbone's channels.
        hidden: units of the perceptron's hidden layer.
        out_dim: 2 (softmax) or 1 (sigmoid).
        dropout: probability of dropping a hidden unit, in [0, 1).
        activation: of the perceptron: relu, leaky_relu, gelu or silu.
        fusion: late, early or film.
        clinical_scale: factor on the clinical values.

    Attributes:
        features_layer: name of the last convolutional map, for Grad-CAM.
        pretrained_parts: names of the modules that pretrained weights fill and that may be frozen.
        weights_origin: where the backbone's first values came from.
    """

    features_layer = "layer4"
    pretrained_parts = ("encoder",)

    def __init__(
        self,
        backbone: str = "resnet18",
        clinical: int = 4,
        *,
        width: float = 1.0,
        hidden: int = 512,
        out_dim: int = 2,
        dropout: float = 0.0,
        activation: str = "relu",
        fusion: str = "late",
        clinical_scale: float = 1.0,
    ) -> None:
        super().__init__()
        _check(clinical, out_dim, fusion)
        self.backbone, self.clinical, self.fusion = backbone, clinical, fusion
        self.clinical_scale = clinical_scale
        self.weights_origin = "none: trained from scratch"
        self.encoder = ScaledResNet(backbone, width, 3 + clinical * (fusion == "early"))
        features = self.encoder.out_features
        self.film: nn.Linear | None = None
        if fusion == "film" and clinical:
            self.film = nn.Linear(clinical, 2 * features)
            # Zero weights: training starts at the image-only network.
            nn.init.zeros_(self.film.weight)
            nn.init.zeros_(self.film.bias)
        self.head = nn.Sequential(
            nn.Linear(features + clinical * (fusion == "late"), hidden),
            choose(activation, ACTIVATIONS, "activation")(),
            nn.Dropout(dropout),
            nn.Linear(hidden, out_dim),
        )

    @property
    def layer4(self) -> nn.Module:
        """The backbone's last stage, B × C × H/32 × W/32."""
        return self.encoder.layer4

    def load_backbone(self, weights: str) -> None:
        """Fill it by `none`, `auto`, `imagenet` or a local file (see `load_backbone_weights`)."""
        self.weights_origin = load_backbone_weights(self.encoder, self.backbone, weights)

    def forward(self, image: Tensor, clinical: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            image: B × 3 × H × W float, normalised by ImageNet's mean and deviation; H, W ≥ 32.
            clinical: B × d float in the order gender (±0.5), age/100, ALP, LDH (kit-normalised:
                0 to 1 is the reference range), or the subset that the learner uses.

        Returns:
            B × out_dim float, unbounded; column 1 (or the only one) is the positive class.
        """
        if clinical.shape != (len(image), self.clinical):
            raise ValueError(
                f"clinical has shape {tuple(clinical.shape)}; "
                f"wanted ({len(image)}, {self.clinical})"
            )
        values = clinical * self.clinical_scale
        if self.fusion == "early":
            planes = values[:, :, None, None].expand(-1, -1, *image.shape[2:])
            image = torch.cat([image, planes.to(image.dtype)], dim=1)
        features = self.encoder(image)  # B × F, at or above 0
        if self.film is not None:
            scale, shift = self.film(values).chunk(2, dim=1)
            features = features * (1 + scale) + shift
        elif self.fusion == "late":
            features = torch.cat([features, values.to(features.dtype)], dim=1)
        logits: Tensor = self.head(features)
        return logits


def _check(clinical: int, out_dim: int, fusion: str) -> None:
    if clinical < 0:
        raise ValueError(f"clinical is {clinical}; it must be 0 or more")
    if out_dim not in (1, 2):
        raise ValueError(f"out_dim is {out_dim}; allowed are 1 and 2")
    if fusion not in FUSIONS:
        raise ValueError(f"fusion is {fusion!r}; allowed are {', '.join(FUSIONS)}")
