"""The framework's recipe: typos refused, differences merged, weights of each row of Table 3."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from osteon.learning.objectives import DetectionObjective, SoftmaxObjective
from osteon.recipes import Recipe
from osteon.recipes.spinal_wff import (
    PUBLISHED,
    TERMS,
    DetectorRecipe,
    FusionLearner,
    SequenceLearner,
    SequenceRecipe,
    WFFRecipe,
)

SMALL = {"arch": "resnext3d", "width": 0.125, "blocks": (1, 1, 1, 1), "cardinality": 8}
BASE = SequenceRecipe(network=SMALL, slices=8, side=32, training={"epochs": 4, "momentum": 0.8})


def test_importing_it_costs_no_torch() -> None:
    program = (
        "import sys, osteon.recipes.spinal_wff;"
        "print([m for m in ('torch', 'torchvision') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


@pytest.mark.parametrize(
    ("block", "named"),
    [
        ({"boxs": "labelled"}, "boxs"),
        ({"boxes": "drawn"}, "boxes"),
        ({"detector": {"netwrk": {}}}, "netwrk"),
        ({"detector": {"network": {"wdth": 1}}}, "wdth"),
        ({"detector": {"training": {"epoch": 1}}}, "epoch"),
        ({"detector": {"negatives": -0.1}}, "negatives"),
        ({"sequence": {"slice": 4}}, "slice"),
        ({"sequence": {"slices": 0}}, "slices"),
        ({"age": {"smoothing": "kernel"}}, "smoothing"),
        ({"age": {"bin": 5}}, "bin"),
        ({"voting": {"no_box": "half"}}, "no_box"),
        ({"voting": {"score": 1.0}}, "score"),
        ({"voting": {"aggregate": "min"}}, "aggregate"),
        ({"voting": {"tube_without_box": "middle"}}, "tube_without_box"),
    ],
)
def test_a_typo_is_named(block, named) -> None:
    with pytest.raises(ValidationError, match=named):
        Recipe.model_validate({"kind": "weighted_fusion", **block})


def test_recipes_come_back_from_json_by_their_kind() -> None:
    whole = Recipe.model_validate({"kind": "weighted_fusion", "sequence": {"slices": 4}})
    assert isinstance(whole.root, WFFRecipe)
    for one in (whole.root, DetectorRecipe(hflip=0.25), BASE):
        assert Recipe.model_validate(one.model_dump(mode="json")).root == one


@pytest.mark.parametrize("part", ["detector", "sequence"])
@pytest.mark.parametrize(
    ("training", "named"),
    [
        ({"early_stop": {"patience": 1, "fraction": 0.2}}, "training.early_stop is given"),
        ({"augmentation": {"hflip": 0.5}}, "training.augmentation is given"),
        ({"balance": "offline"}, "training.balance is offline"),
    ],
)
def test_what_the_networks_cannot_do_is_refused(part, training, named) -> None:
    with pytest.raises(ValidationError, match=named):
        WFFRecipe.model_validate({part: {"training": training}})
    allowed = WFFRecipe.model_validate({part: {"training": {"balance": "sampler"}}})
    assert getattr(allowed, part).training.balance == "sampler"


@pytest.mark.parametrize("kind", [DetectorRecipe, SequenceRecipe])
def test_the_framework_tells_two_classes_apart(kind) -> None:
    assert kind().fitted_to(("a", "b"), 64) == kind()
    for classes in (("a",), ("a", "b", "c")):
        with pytest.raises(ValueError, match="the framework tells two apart"):
            kind().fitted_to(classes, 64)


def test_networks_are_not_asked_about_what_they_were_fitted_on() -> None:
    detector = DetectorRecipe()
    assert not detector.judges_training and not BASE.judges_training
    assert isinstance(detector.build_objective(), DetectionObjective)
    assert isinstance(BASE.build_objective(), SoftmaxObjective)
    assert detector.required_columns == () and not detector.permutes_labels


def test_what_changes_the_learning_changes_the_fingerprint() -> None:
    plain = DetectorRecipe()
    others = [
        DetectorRecipe(negatives=0.2),
        DetectorRecipe(hflip=0.0),
        DetectorRecipe(training={"warmup_steps": 10}),
        DetectorRecipe(labels="permuted"),
    ]
    found = {one.fingerprint() for one in (plain, *others)}
    assert len(found) == 5
    assert DetectorRecipe(training={"fold_workers": 2}).fingerprint() == plain.fingerprint()
    tubes = [
        SequenceRecipe(**{name: value})
        for name, value in {
            "slices": 4, "side": 64, "margin": 0.2, "labelled_share": 0.1, "hflip": 0.1,
            "shift": 0.2,
        }.items()
    ]  # fmt: skip
    assert len({one.fingerprint() for one in (SequenceRecipe(), *tubes)}) == 7


def test_a_learner_changes_single_parameters_of_the_paper_s_recipe() -> None:
    own = SequenceLearner(slices=4, training={"epochs": 9}, network={"width": 0.25})
    full = BASE.for_learner(own)
    assert (full.slices, full.side) == (4, 32)
    assert (full.training.epochs, full.training.momentum) == (9, 0.8)
    assert (full.network.width, full.network.arch, full.network.cardinality) == (
        0.25, "resnext3d", 8,
    )  # fmt: skip
    assert full.labels == "true" and not full.permutes_labels


def test_a_learner_without_differences_is_the_recipe() -> None:
    assert BASE.for_learner(SequenceLearner()) == BASE
    permuted = BASE.for_learner(SequenceLearner(labels="permuted"))
    assert permuted.permutes_labels and permuted.slices == BASE.slices


def test_a_learner_that_does_not_fit_the_recipe_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"training\.early_stop is given"):
        BASE.for_learner(SequenceLearner(training={"early_stop": {"patience": 1, "fraction": 0.1}}))
    with pytest.raises(ValidationError, match="has no such option"):
        BASE.for_learner(SequenceLearner(network={"arch": "resnet3d_18"}))


@pytest.mark.parametrize(
    ("block", "named"),
    [
        ({"slces": 4}, "slces"),
        ({"slices": 0}, "slices"),
        ({"training": {"epoch": 3}}, "epoch"),
        ({"network": {"wdth": 0.5}}, "wdth"),
        ({"network": {"arch": "vgg"}}, "arch"),
        ({"side": 64}, "side"),
    ],
)
def test_a_typo_of_a_sequence_learner_is_named(block, named) -> None:
    with pytest.raises(ValidationError, match=named):
        SequenceLearner.model_validate(block)


def test_the_network_is_built_for_the_learner_s_slices() -> None:
    small = {"arch": "resnext3d", "blocks": [1, 1, 1, 1], "width": 0.0625, "cardinality": 4}
    full = BASE.for_learner(SequenceLearner(slices=4, network={"dropout": 0.25, **small}))
    network = full.build_network().eval()
    assert network.dropout.p == 0.25
    assert network(torch.zeros(1, 1, 4, 32, 32)).shape == (1, 2)


@pytest.mark.parametrize(
    ("boxes", "artefact", "found"),
    [
        ("artefact", None, "not given with boxes artefact"),
        ("artefact", "", "not given with boxes artefact"),
        ("labelled", "folder", "given with boxes labelled"),
        ("whole", "folder", "given with boxes whole"),
    ],
)
def test_an_artefact_is_named_where_boxes_come_from_one_and_nowhere_else(
    boxes, artefact, found
) -> None:
    with pytest.raises(ValidationError, match=f"artefact is {found}"):
        WFFRecipe(boxes=boxes, artefact=artefact)


def test_the_artefact_s_folder_is_not_shown() -> None:
    recipe = WFFRecipe(boxes="artefact", artefact="/home/jane/model")
    assert recipe.artefact == "/home/jane/model" and "jane" not in repr(recipe)
    assert WFFRecipe(boxes="whole").artefact is None


@pytest.mark.parametrize("step", [0.05, 0.1, 0.25, 0.01, 1 / 3])
def test_steps_are_parts_of_one(step) -> None:
    assert WFFRecipe(voting={"step": step}).voting.step == step


@pytest.mark.parametrize("step", [0.03, 0.15, 0.3, 0.0, -0.1])
def test_other_steps_are_refused(step) -> None:
    with pytest.raises(ValidationError, match="step"):
        WFFRecipe(voting={"step": step})


def test_every_grid_has_a_point_with_all_three_terms() -> None:
    with pytest.raises(ValidationError, match="step"):
        WFFRecipe(voting={"step": 0.5})


@pytest.mark.parametrize(
    ("terms", "published"),
    [
        (("detector",), (0.45, 0, 0)),
        (("detector", "age"), (0.45, 0, 0.1)),
        (("sequence",), (0, 0.45, 0)),
        (("sequence", "age"), (0, 0.45, 0.1)),
        (("detector", "sequence"), (0.45, 0.45, 0)),
        (("age", "sequence", "detector"), (0.45, 0.45, 0.1)),
        (("age",), (0, 0, 0.1)),
    ],
)
def test_rows_of_table_3_weigh_their_terms_alone(terms, published) -> None:
    chosen = (0.5, 0.2, 0.3)
    assert FusionLearner(terms=terms, weights="published").lambdas(chosen) == published
    own = tuple(c if p else 0.0 for c, p in zip(chosen, published, strict=True))
    assert FusionLearner(terms=terms).lambdas(chosen) == own
    given_ = FusionLearner(terms=terms, weights=(3, 2, 1)).lambdas(chosen)
    assert given_ == tuple(w if p else 0.0 for w, p in zip((3, 2, 1), published, strict=True))


@given(st.sets(st.sampled_from(TERMS), min_size=1), st.tuples(*[st.floats(0.01, 1)] * 3))
def test_terms_that_take_no_part_weigh_nothing(terms, chosen) -> None:
    found = FusionLearner(terms=tuple(terms)).lambdas(chosen)
    for name, own, given_ in zip(TERMS, found, chosen, strict=True):
        assert own == (given_ if name in terms else 0)


@pytest.mark.parametrize(
    "block",
    [
        {"weights": [-0.1, 0.6, 0.5]},
        {"weights": [0, 0, 0]},
        {"weights": [float("nan"), 0.5, 0.5]},
        {"weights": [0.5, float("nan"), 0.5]},
        {"weights": [float("inf"), 0.5, 0.5]},
        {"weights": "best"},
        {"weights": [0.5, 0.5]},
        {"terms": ["detector"], "weights": [0, 0.5, 0.5]},
        {"terms": []},
        {"terms": ["sex"]},
        {"term": ["age"]},
        {"labels": "shuffled"},
    ],
    ids=str,
)
def test_what_a_row_cannot_be_is_refused(block) -> None:
    with pytest.raises(ValidationError, match=next(iter(reversed(block)))):
        FusionLearner.model_validate(block)


def test_a_row_comes_back_from_yaml() -> None:
    row = FusionLearner.model_validate({"kind": "fusion", "terms": ["age"], "weights": [0, 0, 1]})
    assert row.lambdas(PUBLISHED) == (0, 0, 1)
    assert FusionLearner.model_validate(row.model_dump(mode="json")) == row


def test_a_detector_s_losses_take_no_weights_of_classes() -> None:
    weighed = {"training": {"balance": "class_weight"}}
    with pytest.raises(ValidationError, match=r"training\.balance is class_weight"):
        DetectorRecipe.model_validate(weighed)
    assert SequenceRecipe.model_validate(weighed).training.balance == "class_weight"


def with_weights(path):
    """Both networks with first values from a file that need not be there."""
    small = {"backbone": "resnet18", "width": 0.125, "blocks": (1, 1, 1, 1), "dcn": "none"}
    return [
        BASE.model_copy(update={"network": BASE.network.model_copy(update={"weights": str(path)})}),
        DetectorRecipe(network={**small, "pyramid_channels": 8, "weights": str(path)}),
    ]


def test_a_saved_network_needs_no_file_of_first_values(tmp_path) -> None:
    for one in with_weights(tmp_path / "gone.pth"):
        assert one.build_network(pretrained=False) is not None
        with pytest.raises(FileNotFoundError, match=r"gone\.pth"):
            one.build_network()


def test_the_content_of_a_weights_file_counts_and_its_folder_is_not_told(tmp_path) -> None:
    file = tmp_path / "first.pth"
    file.write_bytes(b"one")
    before = [one.fingerprint() for one in with_weights(file)]
    file.write_bytes(b"two")
    for one, old in zip(with_weights(file), before, strict=True):
        assert one.fingerprint() != old
        assert one.describe()["network"]["weights"] == "first.pth"
        assert str(tmp_path) not in str(one.describe())


def test_a_detector_freezes_by_stages_not_by_epochs() -> None:
    with pytest.raises(ValueError, match="frozen_stages"):
        DetectorRecipe.model_validate({"training": {"freeze_backbone_epochs": 2}})
