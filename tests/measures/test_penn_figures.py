"""Descriptions hold the numbers that they were given, and the report can draw them."""

import copy

import pytest

from osteon.measures.penn_figures import MOST, grid_figures, layer_figure, stratum_figure
from osteon.measures.pretraining_curves import by_layer
from osteon.reporting.figures.grid_charts import paper_figures
from tests.reporting.segmentation_sample import history, judged

GRID = [
    {"layers": layers, "nodes": nodes, "dice": {"value": layers / 10 + nodes / 1000}}
    for layers in (1, 2, 3)
    for nodes in (50, 200)
]


def test_fig_6_is_a_field_of_layers_and_nodes():
    (figure,) = grid_figures(GRID[::-1])  # without F1 there is one field
    assert figure["x_labels"] == ["50", "200"] and figure["y_labels"] == ["1", "2", "3"]
    assert figure["values"][2] == [pytest.approx(0.35), pytest.approx(0.5)]
    (holed,) = grid_figures(GRID[:-1])
    assert holed["values"][2][1] is None
    paper_figures([figure, holed])


def test_strata_stand_in_their_order_with_numbers():
    metrics = judged()
    figure = stratum_figure(metrics, "size", "Diameter", "Dice by size")
    assert figure["x_labels"] == ["8 to 15 mm\nn=8", "15 to 25 mm\nn=5"]
    assert [one["name"] for one in figure["series"]] == ["penn", "unet"]
    wanted = [one["dice"]["value"] for one in metrics["strata"]["size"] if one["learner"] == "penn"]
    assert figure["series"][0]["y"] == pytest.approx(wanted)
    paper_figures([figure])
    assert stratum_figure(metrics, "hard_levels", "Levels", "Dice") is None


def test_of_many_learners_the_reference_stays():
    metrics = copy.deepcopy(judged())
    first = metrics["strata"]["size"][0]
    more = [{**first, "learner": f"other_{k}"} for k in range(8)]
    metrics["strata"]["size"] = [first, *more, {**first, "learner": "unet"}]
    figure = stratum_figure(metrics, "size", "Diameter", "Dice by size")
    names = [one["name"] for one in figure["series"]]
    assert len(names) == MOST and names[-1] == "unet" and "4 further learners" in figure["note"]
    paper_figures([figure])


def test_layers_as_shares_of_their_first_epoch():
    figure = layer_figure({"penn": by_layer(history("penn")), "unet": by_layer(history("unet"))})
    assert figure["x_labels"] == ["layer_1", "layer_2"]
    assert [one["name"] for one in figure["series"]] == ["penn"]
    assert figure["series"][0]["y"] == [0.25, 0.25]
    paper_figures([figure])
    assert layer_figure({"unet": []}) is None
