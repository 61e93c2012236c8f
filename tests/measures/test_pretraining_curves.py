"""First and last epoch of each layer, means over the folds; the joint training is no layer."""

import pandas as pd
import pytest

from osteon.measures.pretraining_curves import by_layer

HISTORY = pd.DataFrame(
    [
        {"fold": fold, "stage": stage, "epoch": epoch, "loss": loss + fold}
        for fold in (0, 1)
        for stage, losses in (("layer_1", (9, 5, 3)), ("layer_2", (2, 1)), ("training", (0.7,)))
        for epoch, loss in enumerate(losses)
    ]
)


def test_layers_in_the_order_of_fitting():
    one, two = by_layer(HISTORY.sample(frac=1, random_state=0).sort_values("stage"))
    assert (one["stage"], one["first"], one["last"]) == ("layer_1", 9.5, 3.5)
    assert (two["stage"], two["first"], two["last"]) == ("layer_2", 2.5, 1.5)
    assert one["folds"] == 2 and one["epochs"] == 3 and one["fell"] == 2
    assert "cost" in one["what"]


def test_the_squared_error_alone_is_told_where_it_is_known():
    found = by_layer(HISTORY.assign(reconstruction=HISTORY["loss"] / 2))
    assert found[0]["first"] == 4.75 and found[0]["what"].startswith("squared error")


def test_without_pretraining_there_is_nothing_and_a_missing_column_is_named():
    assert by_layer(HISTORY[HISTORY["stage"] == "training"]) == []
    assert by_layer(HISTORY.drop(columns="stage")) == []
    with pytest.raises(ValueError, match=r"no columns \['epoch'\]"):
        by_layer(HISTORY.drop(columns="epoch"))
