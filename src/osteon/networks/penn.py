"""PENN: stacked sparse autoencoders that classify patches of a slice.

Paper: Chen W., Han Y., …, Wong K.K.L., patch-based deep learning segmentation of spinal tumours on
Gd-enhanced T1 MRI. A patch of 32 × 32 goes through three layers of 200 sigmoid units, each trained
first as a sparse autoencoder on the one before, and a "sigmoid regression layer" of two units; then
all are trained together.

Our reading and deviations:
- the paper calls the network convolutional in places; its layer counts, its KL term and the method
  that its text follows (Qadri et al., Mathematics 2022, 10(5):796) are a stacked autoencoder's;
- Glorot's uniform initialisation, which the paper does not name;
- the output is logits; two sigmoids are no distribution, so the target's probability is its share
  of their sum;
- `layers`, `nodes` and `patch` are free, for the paper's grid of layers × nodes;
- a whole image is read by one strided convolution and products, not patch by patch.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from osteon.networks.patch_network import PatchNetwork
from osteon.networks.sparse_autoencoder import SparseAutoencoder, Sparsity, glorot, stacked


class Penn(PatchNetwork):
    """A perceptron on patches whose hidden layers can be pretrained one by one.

    Args:
        patch, stride, classes, assign, reading: as in `PatchNetwork`.
        layers: number of hidden layers.
        nodes: units of each.
        sparsity: of the autoencoders that pretrain them.

    Raises:
        ValueError: an argument that is not allowed, by name.
    """

    def __init__(
        self,
        patch: int = 32,
        stride: int = 4,
        classes: int = 2,
        *,
        layers: int = 3,
        nodes: int = 200,
        assign: str = "footprint",
        reading: str = "sigmoid",
        sparsity: Sparsity | None = None,
    ) -> None:
        super().__init__(patch, stride, classes, assign=assign, reading=reading)
        for name, value in (("layers", layers), ("nodes", nodes)):
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be 1 or more")
        self.sparsity = sparsity or Sparsity()
        sizes = [patch * patch] + [nodes] * layers
        self.hidden = nn.ModuleList(
            nn.Sequential(glorot(nn.Linear(some, more)), nn.Sigmoid())
            for some, more in pairwise(sizes)
        )
        self.head = glorot(nn.Linear(nodes, classes))
        self.floats = patch * patch + 2 * nodes

    @property
    def first(self) -> nn.Linear:
        """The layer that sees the pixels, nodes × p²."""
        layer: nn.Linear = self.hidden[0][0]  # type: ignore[index]
        return layer

    def classify(self, patches: Tensor) -> Tensor:
        """B × 1 × p × p float in [0, 1] → B × classes float, logits."""
        values = patches.flatten(1)
        for layer in self.hidden:
            values = layer(values)
        logits: Tensor = self.head(values)
        return logits

    def scores(self, regions: Tensor) -> Tensor:
        """As in `PatchNetwork`, the first layer as a strided p × p kernel.

        A GPU may convolve in TF32 (torch's default there), which is coarser than `classify`.

        Args:
            regions: B × 1 × h × w float, h = p + (ty - 1) · stride and w alike.

        Returns:
            B × classes × ty × tx float, what `classify` gives of the patches.
        """
        kernel = self.first.weight.view(-1, 1, self.patch, self.patch)
        values = functional.conv2d(regions, kernel, self.first.bias, self.stride)
        # With channels last, a 1 × 1 convolution is a linear layer: one product of matrices.
        values = torch.sigmoid(values.permute(0, 2, 3, 1))
        for layer in self.hidden[1:]:
            values = layer(values)
        logits: Tensor = self.head(values)
        return logits.permute(0, 3, 1, 2)

    def stages(self) -> list[tuple[str, SparseAutoencoder]]:
        """(name, autoencoder) of each hidden layer, in the order in which they are pretrained.

        An autoencoder's encoder is the network's own layer; its decoder is new at each call.
        """
        autoencoders = stacked(list(self.hidden), self.sparsity)  # type: ignore[arg-type]
        return [(f"layer{i}", stage) for i, stage in enumerate(autoencoders, 1)]

    def filters(self) -> Tensor:
        """nodes × p × p float, the first layer's weights as pictures, without gradient."""
        return self.first.weight.detach().view(-1, self.patch, self.patch)
