import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from osteon.explaining.attention import attention_figures, attention_weights
from osteon.networks.smsdnet import SMSDNet

LAYERS = 3


class Planted(nn.Module):
    """Its weights are known: the first map gets the image's mean, the last one the rest."""

    def __init__(self, factor: float = 1.0, blocks: tuple[int, ...] = (LAYERS, 2)) -> None:
        super().__init__()
        self.factor, self.blocks = factor, blocks
        self.drop = nn.Dropout(0.5)

    def forward_with_weights(self, image: Tensor) -> tuple[Tensor, list[list[Tensor]]]:
        share = self.drop(self.factor * image.mean((1, 2, 3)))
        return image.mean((2, 3)), [
            [self._row(share, length) for length in range(1, layers + 1)] for layers in self.blocks
        ]

    def _row(self, share: Tensor, length: int) -> Tensor:
        row = torch.zeros(len(share), length)
        row[:, -1] += 1 - share
        row[:, 0] += share
        return row


def _table(label: list[int], fold: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {"label": label, "fold": fold, "class": [("giant_cell", "osteo")[one] for one in label]}
    )


def _read(values: list[float]):
    images = torch.tensor(values)[:, None, None, None].expand(-1, 3, 16, 16)
    return lambda index: (images[torch.from_numpy(index)],)


def test_means_are_of_all_images_and_of_each_class() -> None:
    samples = _table([1, 0, 1, 0], [0, 0, 0, 0])
    found = attention_figures({0: Planted()}, _read([0.1, 0.2, 0.3, 0.6]), samples, batch=3)
    assert [one["name"] for one in found] == [
        "attention_block_1",
        "attention_block_2",
        "attention_block_1_giant_cell",
        "attention_block_2_giant_cell",
        "attention_block_1_osteo",
        "attention_block_2_osteo",
    ]
    for one, share in zip(found[::2], (0.3, 0.4, 0.2), strict=True):
        wanted = [[1, None, None], [share, 1 - share, None], [share, 0, 1 - share]]
        assert one["x_labels"] == ["F0", "F1", "F2"]
        assert one["y_labels"] == ["layer 1", "layer 2", "layer 3"]
        for row, expected in zip(one["values"], wanted, strict=True):
            assert row == pytest.approx(expected, abs=1e-6)
    assert "Mean over 4 images" in found[0]["note"] and "Mean over 2 images" in found[2]["note"]
    assert found[0]["title"] == "Attention of block 1, all images"
    assert found[2]["title"] == "Attention of block 1, giant cell"
    assert len(found[1]["values"]) == 2


def test_an_image_is_weighed_by_the_network_that_did_not_see_it() -> None:
    samples = _table([0, 1, 0, 1, 1], [5, 2, 5, 2, 2])
    networks = {2: Planted(1.0), 5: Planted(0.5)}
    values = [0.1, 0.2, 0.3, 0.4, 0.6]
    block = attention_weights(networks, _read(values), samples, batch=2)[0]
    wanted = np.array(values) * np.where(samples["fold"] == 2, 1.0, 0.5)
    np.testing.assert_allclose(block[:, 1, 0], wanted, rtol=1e-5)
    assert np.isnan(block[:, 0, 1:]).all() and np.isnan(block[:, 1, 2]).all()
    assert networks[2].training  # it was still only while it was asked


def test_rows_of_smsdnet_add_up_to_1_and_follow_its_blocks() -> None:
    torch.manual_seed(0)
    network = SMSDNet(2, 32, growth=4, layers=5).eval()
    images = torch.rand(6, 3, 32, 32)
    samples = _table([0, 1] * 3, [0] * 6)
    found = attention_figures({0: network}, lambda index: (images[index],), samples, batch=4)
    assert len(found) == 3 * 4
    for one in found:
        values = np.array(one["values"], float)
        assert values.shape == (5, 5) and values[0, 0] == 1
        np.testing.assert_allclose(np.nansum(values, axis=1), 1, atol=1e-5)
        assert (np.isnan(values) == np.triu(np.ones((5, 5), bool), 1)).all()
        assert np.nanmin(values) >= 0 and np.nanmax(values) <= 1
    with torch.no_grad():
        direct = network.forward_with_weights(images)[1][2][3].mean(0)
    assert found[2]["values"][3][:4] == pytest.approx(direct.tolist(), abs=1e-5)


def test_networks_without_attention_have_no_figures() -> None:
    plain = SMSDNet(2, 32, growth=4, layers=2, attention=None)
    images = torch.rand(2, 3, 32, 32)
    samples = _table([0, 1], [0, 0])
    assert attention_figures({0: plain}, lambda index: (images[index],), samples) == []
    assert attention_figures({0: nn.Identity()}, lambda index: (images[index],), samples) == []


def test_what_does_not_fit_is_named() -> None:
    read = _read([0.1, 0.2])
    with pytest.raises(ValueError, match=r"samples: 2 rows with folds \[1\]"):
        attention_figures({0: Planted()}, read, _table([0, 1], [0, 1]))
    with pytest.raises(ValueError, match="samples: 0 rows"):
        attention_figures({0: Planted()}, read, _table([], []))
    with pytest.raises(ValueError, match="2 different depths"):
        other = {0: Planted(), 1: Planted(blocks=(2, 2))}
        attention_figures(other, read, _table([0, 1], [0, 1]))
