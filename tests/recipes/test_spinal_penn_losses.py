"""Which loss a network of the segmentation row is trained with where none is given."""

import pytest

from osteon.recipes.spinal_penn import SegmentationRecipe


@pytest.mark.parametrize(
    ("network", "loss", "kind"),
    [
        ({"name": "penn"}, None, "bce"),
        ({"name": "penn", "reading": "softmax"}, None, "softmax"),
        ({"name": "op_convnet"}, None, "softmax"),
        ({"name": "op_convnet"}, "focal", "focal"),
    ],
)
def test_patches_are_fitted_as_they_are_read(network, loss, kind) -> None:
    recipe = SegmentationRecipe.model_validate({"network": network, "patches": {}, "loss": loss})
    assert recipe.build_objective().kind == kind
