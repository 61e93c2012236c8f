"""A convolutional PENN: the paper's other reading, kept as an ablation.

Chen W., Han Y., …, Wong K.K.L. (see `osteon.networks.penn`) speak of a "convolutional-
deconvolutional network" in the abstract alone. Nothing in the paper defines it. Ours: three 3 × 3
convolutions of stride 2 with 16, 32 and 64 channels, a sparse code of 200 sigmoid units, and for
pretraining the mirror image of it by transposed convolutions. Convolutions are followed by ReLU;
the code is sigmoid, because its sparsity is a mean activation in (0, 1).
"""

from itertools import pairwise

from torch import Tensor, nn

from osteon.networks.patch_network import PatchNetwork
from osteon.networks.sparse_autoencoder import DECODERS, SparseAutoencoder, Sparsity, glorot


class PennConv(PatchNetwork):
    """Strided convolutions, a sparse code and two sigmoids.

    Args:
        patch: p, a multiple of 2 to the number of convolutions.
        stride, classes, assign, reading: as in `PatchNetwork`.
        channels: of the convolutions, each of which halves the side.
        nodes: units of the code.
        sparsity: of the autoencoder; its weights cannot be tied.

    Raises:
        ValueError: an argument that is not allowed, by name.
    """

    def __init__(
        self,
        patch: int = 32,
        stride: int = 4,
        classes: int = 2,
        *,
        channels: tuple[int, ...] = (16, 32, 64),
        nodes: int = 200,
        assign: str = "footprint",
        reading: str = "sigmoid",
        sparsity: Sparsity | None = None,
    ) -> None:
        super().__init__(patch, stride, classes, assign=assign, reading=reading)
        self.sparsity = sparsity or Sparsity()
        if self.sparsity.tied_weights:
            raise ValueError("tied_weights is True; a convolutional network allows False alone")
        if nodes < 1:
            raise ValueError(f"nodes is {nodes}; it must be 1 or more")
        check_halvings(patch, channels)
        self.channels = channels
        self.side = patch // 2 ** len(channels)
        flat = channels[-1] * self.side**2
        self.encoder = nn.Sequential(
            *(_halving(some, more) for some, more in pairwise((1, *channels))),
            nn.Flatten(),
            glorot(nn.Linear(flat, nodes)),
            nn.Sigmoid(),
        )
        self.head = glorot(nn.Linear(nodes, classes))
        # Before and after the first ReLU, beside the patch.
        self.floats = patch**2 + 2 * channels[0] * (patch // 2) ** 2

    def classify(self, patches: Tensor) -> Tensor:
        """B × 1 × p × p float in [0, 1] → B × classes float, logits."""
        logits: Tensor = self.head(self.encoder(patches))
        return logits

    def stages(self) -> list[tuple[str, SparseAutoencoder]]:
        """One stage, the whole autoencoder; its encoder is the network's, its decoder new."""
        nodes, flat = self.head.in_features, self.channels[-1] * self.side**2
        *doublings, last = pairwise((*self.channels[::-1], 1))
        decoder = nn.Sequential(
            glorot(nn.Linear(nodes, flat)),
            nn.ReLU(),
            nn.Unflatten(1, (self.channels[-1], self.side, self.side)),
            *(nn.Sequential(_doubling(*pair), nn.ReLU()) for pair in doublings),
            _doubling(*last),
            DECODERS[self.sparsity.decoder](),
        )
        return [("code", SparseAutoencoder(self.encoder, decoder, nodes, self.sparsity))]


def check_halvings(patch: int, channels: tuple[int, ...]) -> None:
    """Refuse channels that are none or not positive, and a patch that they cannot halve."""
    if not channels or min(channels) < 1:
        raise ValueError(f"channels is {channels}; wanted one or more, each 1 or more")
    times = 2 ** len(channels)
    if patch % times:
        raise ValueError(f"patch is {patch}; {len(channels)} halvings want a multiple of {times}")


def _halving(some: int, more: int) -> nn.Sequential:
    """B × some × n × n → B × more × n/2 × n/2, at or above 0."""
    layer = nn.Conv2d(some, more, 3, stride=2, padding=1)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(layer, nn.ReLU())


def _doubling(some: int, more: int) -> nn.ConvTranspose2d:
    """B × some × n × n → B × more × 2n × 2n."""
    return nn.ConvTranspose2d(some, more, 3, stride=2, padding=1, output_padding=1)
