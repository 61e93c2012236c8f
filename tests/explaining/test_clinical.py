import numpy as np
import pytest
import torch
from torch import Tensor, nn

from osteon.explaining.clinical import clinical_attributions
from osteon.networks.late_fusion import LateFusion
from osteon.recipes import ClinicalConfig
from osteon.recipes.explainability import neutral_values


class Linear(nn.Module):
    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, image: Tensor, clinical: Tensor) -> Tensor:
        logit = clinical @ self.weight + image.mean((1, 2, 3))
        return torch.stack([-logit, logit], dim=1)


def test_the_gradient_of_a_linear_head_is_its_weights() -> None:
    weight = torch.tensor([0.5, -2.0, 3.0])
    image, clinical = torch.randn(4, 3, 8, 8), torch.randn(4, 3)
    start = np.array([0.1, 0.2, 0.3], np.float32)
    found = clinical_attributions(Linear(weight), (image, clinical), 1, start)
    wanted = weight.expand(4, 3).double().numpy()
    np.testing.assert_allclose(found["gradient"], wanted, rtol=1e-6)
    np.testing.assert_allclose(found["grad_x_input"], wanted * clinical.numpy(), rtol=1e-5)
    shift = clinical.numpy() - start
    np.testing.assert_allclose(found["integrated"], wanted * shift, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("fusion", ["late", "early", "film"])
@pytest.mark.parametrize("out_dim", [1, 2])
def test_gradients_are_those_of_finite_differences(fusion: str, out_dim: int) -> None:
    torch.manual_seed(3)
    network = LateFusion(
        "resnet18", 2, width=0.125, hidden=16, fusion=fusion, out_dim=out_dim, clinical_scale=3.0
    ).eval()
    if network.film is not None:
        nn.init.normal_(network.film.weight, std=0.1)
    network.double()
    image, clinical = torch.randn(2, 3, 64, 64).double(), torch.randn(2, 2).double()
    found = clinical_attributions(network, (image, clinical), 1, np.zeros(2, np.float32))
    with torch.no_grad():
        for i in range(2):
            step = torch.zeros(2).double()
            step[i] = 1e-6
            rise = network(image, clinical + step) - network(image, clinical - step)
            np.testing.assert_allclose(
                found["gradient"][:, i], rise[:, -1] / 2e-6, rtol=1e-4, atol=1e-7
            )
    assert np.abs(found["gradient"]).max() > 1e-4


def test_neutral_values_are_those_of_an_unknown_patient() -> None:
    columns = ("gender", "age_norm", "alp_norm", "ldh_norm", "alp_missing")
    config = ClinicalConfig(missing="indicator")
    np.testing.assert_allclose(neutral_values(columns, config), [0, 0.5, 0.5, 0.5, 0])
    logarithmic = neutral_values(("alp_norm",), ClinicalConfig(log1p=True))
    np.testing.assert_allclose(logarithmic, np.log1p(0.5), rtol=1e-6)
    assert neutral_values(()).shape == (0,)
