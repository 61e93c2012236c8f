"""A synthetic task with a known answer: what tells class 1 is one striped disc, the lesion."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from osteon.explaining.subject import Subject

SIDE = 32


class BlobNet(nn.Module):
    """Convolutions, pooling and a linear head on pooled features and one clinical value."""

    features_layer = "features"

    def __init__(self, clinical: int = 1, classes: int = 2) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 5, padding=2),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Linear(8 + clinical, classes)

    def forward(self, image: Tensor, *clinical: Tensor) -> Tensor:
        """B × 1 × H × W, and B × d where there are clinical values → B × classes logits."""
        pooled = self.features(image).mean((2, 3))
        return self.head(torch.cat([pooled, *clinical], dim=1))


@dataclass(frozen=True)
class Blobs:
    """Images B × 1 × 32 × 32, one clinical value, labels, and where the lesions are."""

    image: Tensor
    clinical: Tensor
    label: Tensor
    mask: np.ndarray


def make_blobs(count: int, seed: int = 0) -> Blobs:
    """Noise with two discs of horizontal stripes; every other image has one of vertical stripes.

    All discs are as bright as the noise around them and stand out equally, so that nothing but what
    was learned tells the lesion from the others.
    """
    rng = np.random.default_rng(seed)
    label = np.arange(count) % 2
    rows, columns = np.mgrid[:SIDE, :SIDE]
    image = 0.3 * rng.normal(size=(count, SIDE, SIDE))
    discs = []
    for stripes in (rows, rows, columns):
        at = rng.integers(5, SIDE - 5, (count, 2, 1, 1))
        disc = (rows - at[:, 0]) ** 2 + (columns - at[:, 1]) ** 2 <= 16
        if stripes is columns:
            disc &= (label == 1)[:, None, None]
        image = np.where(disc, 1.5 - 3.0 * (stripes // 2 % 2), image)
        discs.append(disc)
    clinical = rng.normal(size=(count, 1))
    tensors = (torch.from_numpy(a.astype(np.float32)) for a in (image[:, None], clinical))
    return Blobs(*tensors, torch.from_numpy(label), discs[-1])


def trained_net(seed: int = 0) -> BlobNet:
    """Some seconds of training; it then tells the classes apart."""
    torch.manual_seed(seed)
    network, data = BlobNet(), make_blobs(160, seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(40):
        optimiser.zero_grad()
        logits = network(data.image, data.clinical)
        nn.functional.cross_entropy(logits, data.label).backward()
        optimiser.step()
    return network.eval()


def image_only(network: BlobNet, classes: int) -> BlobNet:
    """The same network without its clinical value and with 1 to 3 logits of the same meaning.

    Of one logit the sigmoid, of three the softmax gives the trained probability of the last class
    (up to the share of the class between, which never has any).
    """
    alone = BlobNet(0, classes)
    alone.features.load_state_dict(network.features.state_dict())
    weight, bias = network.head.weight[:, :-1], network.head.bias
    with torch.no_grad():
        if classes == 1:
            alone.head.weight.copy_(weight[1:] - weight[:1])
            alone.head.bias.copy_(bias[1:] - bias[:1])
        else:
            alone.head.weight.zero_()[[0, -1]] = weight
            alone.head.bias.fill_(-1e4)[[0, -1]] = bias
    return alone.eval()


def make_subject(network: nn.Module, data: Blobs, **changes: object) -> Subject:
    """The blobs as one learner of two folds, two images a patient."""
    count = len(data.label)
    samples = pd.DataFrame(
        {
            "sample_id": [f"s{i}" for i in range(count)],
            "patient_id": [f"p{i // 4}-{i % 2}" for i in range(count)],
            "label": data.label.numpy(),
            "fold": np.arange(count) // 4 % 2,
        }
    )
    given = {
        "learner": "blob",
        "networks": {0: network, 1: network},
        "read": lambda index: (data.image[index], data.clinical[index]),
        "samples": samples,
        "layer": "features",
        "features": ["alp"],
        "baseline": np.zeros(1, np.float32),
        "lesion": lambda i: data.mask[i] if data.label[i] else None,
    }
    return Subject(**(given | changes))
