"""The segmentation row's recipe: typos refused, differences merged, what does not fit refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from pydantic import ValidationError

from osteon.learning.segmentation_objectives import (
    ContourObjective,
    PatchObjective,
    ReconstructionObjective,
    RegionObjective,
)
from osteon.pipelines.spinal_penn.pipeline import GRID, LEARNERS
from osteon.recipes import Recipe
from osteon.recipes.penn_networks import SparsityConfig
from osteon.recipes.spinal_penn import (
    AuditConfig,
    PatchesConfig,
    SegmentationLearner,
    SegmentationRecipe,
    deep_merged,
    losses_of,
)
from tests.project import make_project

PENN = {"name": "penn", "patch": 8, "stride": 4, "layers": 2, "nodes": 6}
CONV = {"name": "penn_conv", "channels": [4], "nodes": 5}
PRETRAINING = {"training": {"epochs": 7, "batch": 32, "milestones": [], "optimiser": "adam"}}
REAL = "vertebral_bodies"
GIVEN = {
    "network": PENN,
    "patches": {"stride": 3, "fraction": 0.4},
    "pretraining": PRETRAINING,
    "hflip": 0.25,
    "training": {"epochs": 4, "momentum": 0.8, "milestones": []},
}
BASE = SegmentationRecipe.model_validate(GIVEN)
SLICES = SegmentationRecipe.model_validate({"network": {"name": "unet", "base": 4, "depth": 2}})


def test_importing_it_costs_no_torch() -> None:
    program = (
        "import sys, osteon.recipes.spinal_penn;"
        "print([m for m in ('torch', 'torchvision') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


@pytest.mark.parametrize(
    ("block", "named"),
    [
        ({"patch": {}}, "patch"),
        ({"network": PENN | {"node": 3}}, "node"),
        ({"network": {"name": "vgg"}}, "vgg"),
        ({"patches": {"strde": 3}}, "strde"),
        ({"patches": {"fraction": 0}}, "fraction"),
        ({"pretraining": {"epochs": 3}}, "epochs"),
        ({"postprocess": {"treshold": 0.5}}, "treshold"),
        ({"training": {"epoch": 1}}, "epoch"),
    ],
    ids=str,
)
def test_a_typo_is_named(block, named) -> None:
    with pytest.raises(ValidationError, match=named):
        Recipe.model_validate({"kind": "segmentation", **GIVEN, **block})


@pytest.mark.parametrize(
    ("block", "named"),
    [
        ({"netwrk": {}}, "netwrk"),
        ({"network": {"name": "penn", "wdth": 1}}, "wdth"),
        ({"network": {"name": "penn", "sparsity": {"lambda": 0.0}}}, "lambda"),
        ({"patches": {"shares": 0.5}}, "shares"),
        ({"pretraining": {"trainng": {}}}, "trainng"),
        ({"training": {"epoch": 3}}, "epoch"),
        ({"loss": "dice"}, "loss"),
        ({"labels": "permuted"}, "labels"),
    ],
    ids=str,
)
def test_a_typo_of_a_learner_is_named(block, named) -> None:
    with pytest.raises(ValidationError, match=named):
        SegmentationLearner.model_validate(block)


def test_it_comes_back_from_json_by_its_kind() -> None:
    for one in (BASE, SLICES):
        assert Recipe.model_validate(one.model_dump(mode="json")).root == one


def test_it_answers_the_questions_of_a_row() -> None:
    assert BASE.required_columns == () and BASE.skip_reason(None) is None
    assert not BASE.judges_training and not BASE.permutes_labels and BASE.normalisation == "unit"
    assert BASE.clinical_policy == BASE.clinical
    assert BASE.on_patches and not SLICES.on_patches
    assert not BASE.with_neighbours and not SLICES.with_neighbours
    assert SegmentationRecipe(network={"name": "sau_net"}).with_neighbours


def test_a_learner_without_differences_is_the_recipe() -> None:
    assert BASE.for_learner(SegmentationLearner()) == BASE
    assert SLICES.for_learner(SegmentationLearner()) == SLICES


def test_a_learner_of_the_same_network_changes_single_parameters() -> None:
    own = SegmentationLearner(
        network={"name": "penn", "nodes": 9, "sparsity": {"beta": 0.0}},
        patches={"share": None},
        pretraining={"training": {"epochs": 2}},
        training={"epochs": 9},
        hflip=0.0,
        loss="focal",
    )
    full = BASE.for_learner(own)
    assert (full.network.nodes, full.network.patch, full.network.layers) == (9, 8, 2)
    assert (full.network.sparsity.beta, full.network.sparsity.lambda_) == (0, 0.001)
    assert (full.patches.share, full.patches.stride, full.patches.fraction) == (None, 3, 0.4)
    assert (full.pretraining.training.epochs, full.pretraining.training.batch) == (2, 32)
    assert (full.training.epochs, full.training.momentum) == (9, 0.8)
    assert (full.hflip, full.loss) == (0, "focal")


def test_another_network_on_patches_sees_the_same_patches() -> None:
    full = BASE.for_learner(SegmentationLearner(network=CONV))
    assert (full.network.patch, full.network.stride, full.network.classes) == (8, 4, 2)
    assert full.network.channels == (4,) and full.network.sparsity == SparsityConfig()
    assert full.patches == BASE.patches and full.pretraining == BASE.pretraining
    rival = {"name": "op_convnet", "channels": [4], "nodes": 5}
    full = BASE.for_learner(SegmentationLearner(network=rival))
    assert (full.network.patch, full.network.stride) == (8, 4)
    assert full.patches == BASE.patches and full.pretraining is None


def test_a_network_on_slices_keeps_no_patches_no_pretraining_and_no_foreign_loss() -> None:
    base = BASE.model_copy(update={"loss": "focal"})
    full = base.for_learner(SegmentationLearner(network={"name": "unet", "base": 4}))
    assert (full.patches, full.pretraining, full.loss) == (None, None, None)
    assert (full.network.base, full.hflip, full.training) == (4, 0.25, BASE.training)
    assert full.postprocess == BASE.postprocess


def test_pretraining_can_be_left_out_alone() -> None:
    full = BASE.for_learner(SegmentationLearner(pretraining="none"))
    assert full.pretraining is None and full.network == BASE.network
    assert full.patches == BASE.patches


def test_blocks_merge_value_by_value_and_leave_what_they_were() -> None:
    whole = {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    found = deep_merged(whole, {"a": {"c": {"d": 5}}, "e": {"f": 1}})
    assert found == {"a": {"b": 1, "c": {"d": 5}}, "e": {"f": 1}}
    assert whole == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        ({"network": {"name": "unet"}, "patches": {"stride": 2}}, "patches: given with network un"),
        ({"patches": "none"}, "patches"),
        ({"network": {"name": "unet"}, "pretraining": PRETRAINING}, "allowed for penn and penn_co"),
        ({"network": {"name": "d_tvnet"}, "loss": "dice_bce"}, "loss: dice_bce .* allowed: contou"),
        ({"loss": "contour"}, "loss: contour found with network penn; allowed: bce, softmax"),
        ({"network": CONV | {"patch": 9}}, "patch: 9 found; 1 channels want a multiple of 2"),
        ({"training": {"balance": "offline"}}, "training.balance: offline .* class_weight"),
    ],
    ids=str,
)
def test_a_learner_that_does_not_fit_the_recipe_is_refused(learner, message) -> None:
    with pytest.raises(ValidationError, match=message):
        BASE.for_learner(SegmentationLearner.model_validate(learner))


SCG = {"epochs": 3, "optimiser": "scg", "batch": 2**31, "milestones": []}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"patches": None}, "patches: not given with network penn; .* which need it"),
        ({"network": {"name": "unet"}}, "patches: given with network unet; allowed for penn, penn"),
        (
            {"network": {"name": "op_convnet"}},
            "pretraining: given with network op_convnet; allowed for penn and penn_conv",
        ),
        ({"loss": "dice_bce"}, "loss: dice_bce found with network penn; allowed: bce, softmax, fo"),
        ({"labels": "permuted"}, "labels: permuted found; a mask has no other patient's"),
        ({"training": {"augmentation": {"hflip": 0.5}}}, "training.augmentation is given; masks"),
        ({"training": {"balance": "offline"}}, "balance: offline found .* none, sampler, class_we"),
        (
            {"pretraining": {"training": SCG}},
            "network.sparsity.decay: 0.9 found with pretraining by scg; .* 0 allowed",
        ),
        (
            {"pretraining": {"training": SCG | {"optimiser": "lbfgs", "lr": 1.0}}},
            "decay: 0.9 found with pretraining by lbfgs",
        ),
    ],
    ids=str,
)
def test_what_does_not_fit_together_is_refused(block, message) -> None:
    with pytest.raises(ValidationError, match=message):
        SegmentationRecipe.model_validate(GIVEN | block)


@pytest.mark.parametrize(
    "config",
    [
        {"balance": "class_weight"},
        {"balance": "offline"},
        {"early_stop": {"patience": 2, "fraction": 0.2}},
    ],
    ids=str,
)
def test_pretraining_that_a_stage_would_refuse_is_refused_at_the_start(config) -> None:
    with pytest.raises(ValidationError, match=next(iter(config))):
        SegmentationRecipe.model_validate(
            GIVEN | {"pretraining": {"training": {"milestones": [], **config}}}
        )


def test_scaled_conjugate_gradients_pretrain_without_a_running_mean() -> None:
    still = PENN | {"sparsity": {"decay": 0.0}}
    block = {"network": still, "pretraining": {"training": SCG}}
    assert SegmentationRecipe.model_validate(GIVEN | block).pretraining.training.full_batch


@pytest.mark.parametrize(
    ("name", "losses"),
    [
        ("penn", ("bce", "softmax", "focal")),
        ("op_convnet", ("bce", "softmax", "focal")),
        ("unet", ("dice_bce", "pixel_bce")),
        ("sau_net", ("dice_bce", "pixel_bce")),
        ("multiresunet", ("pixel_bce", "dice_bce")),
        ("d_tvnet", ("contour",)),
    ],
)
def test_every_network_has_losses_of_its_own_first(name, losses) -> None:
    assert losses_of(name) == losses


def _objective(network, **more):
    return SegmentationRecipe.model_validate({"network": network, **more}).build_objective()


def test_the_loss_is_built() -> None:
    assert isinstance(BASE.build_objective(), PatchObjective)
    logits, three = torch.tensor([[0.3, -1.0]]), torch.tensor([[0.3, -1.0, 0.4]])
    for loss in ("bce", "softmax", "focal"):
        own = _objective(PENN, patches={}, loss=loss).losses(logits, torch.tensor([1]))
        assert torch.equal(own, PatchObjective(loss, 2).losses(logits, torch.tensor([1])))
        made = _objective(PENN | {"classes": 3}, patches={}, loss=loss)
        wanted = PatchObjective(loss, 3).losses(three, torch.tensor([2]))
        assert torch.equal(made.losses(three, torch.tensor([2])), wanted)
    assert isinstance(_objective({"name": "d_tvnet"}), ContourObjective)
    maps, truth = torch.randn(2, 1, 6, 6), torch.randint(0, 2, (2, 6, 6))
    for network, dice in (("unet", 1.0), ("sau_net", 1.0), ("multiresunet", 0.0)):
        found = _objective({"name": network})
        assert isinstance(found, RegionObjective)
        wanted = RegionObjective(dice=dice).losses(maps, truth)
        assert torch.equal(found.losses(maps, truth), wanted)


def test_the_plan_cuts_as_the_network_and_the_recipe_say() -> None:
    plan = BASE.plan(1, (2,))
    assert (plan.patch, plan.stride, plan.rule, plan.fraction) == (8, 3, "fraction", 0.4)
    assert (plan.classes, plan.others, plan.share) == (2, (2,), 0.6)
    centred = BASE.for_learner(
        SegmentationLearner(
            network={"name": "penn", "classes": 3}, patches={"rule": "centre", "share": None}
        )
    ).plan(2, (1,))
    assert (centred.rule, centred.classes, centred.others, centred.share) == (
        "centre", 3, (1,), None,
    )  # fmt: skip
    assert SLICES.plan(1, ()) is None
    assert PatchesConfig().share == 0.6  # the paper's, after under-sampling


def test_each_hidden_layer_is_a_stage_of_pretraining() -> None:
    recipe = BASE.for_learner(
        SegmentationLearner(network={"name": "penn", "sparsity": {"lambda_": 0.5, "beta": 2.0}})
    )
    network = recipe.build_network()
    stages = recipe.stages(network)
    assert len(stages) == 2 and len({one.name for one in stages}) == 2
    own = {id(value) for value in network.parameters()}
    trained: set[int] = set()
    for one in stages:
        assert one.config == recipe.pretraining.training
        assert isinstance(one.objective, ReconstructionObjective)
        terms = torch.tensor([[1.0, 10.0, 100.0]])  # squared error, L2, KL
        wanted = ReconstructionObjective(0.5, 2.0).losses(terms, torch.zeros(1))
        assert torch.equal(one.objective.losses(terms, torch.zeros(1)), wanted)
        shared = own & {id(value) for value in one.network.parameters()}
        assert shared and not shared & trained  # each trains a layer that none before it did
        trained |= shared
    assert BASE.for_learner(SegmentationLearner(pretraining="none")).stages(network) == []
    assert SLICES.stages(SLICES.build_network()) == []


def test_patches_must_fit_on_the_slices() -> None:
    assert BASE.fitted_to(("a", "b"), 8) == BASE and SLICES.fitted_to(("a", "b"), 4) == SLICES
    with pytest.raises(ValueError, match=r"network.patch: 8 px found, at most size 7 px allowed"):
        BASE.fitted_to(("a", "b"), 7)


def test_what_changes_the_learning_changes_the_fingerprint() -> None:
    learners = [
        {},
        {"network": {"name": "penn", "nodes": 7}},
        {"network": {"name": "penn", "stride": 2}},
        {"network": {"name": "penn", "sparsity": {"beta": 0.0}}},
        {"network": {"name": "penn", "sparsity": {"lambda_": 0.0}}},
        {"network": CONV},
        {"network": {"name": "unet"}},
        {"network": {"name": "unet"}, "loss": "pixel_bce"},
        {"patches": {"stride": 2}},
        {"patches": {"share": None}},
        {"patches": {"rule": "centre"}},
        {"pretraining": "none"},
        {"pretraining": {"training": {"epochs": 1}}},
        {"loss": "focal"},
        {"hflip": 0.0},
        {"training": {"epochs": 5}},
    ]
    full = [BASE.for_learner(SegmentationLearner.model_validate(one)) for one in learners]
    assert len({one.fingerprint() for one in full}) == len(learners)
    elsewhere = BASE.for_learner(SegmentationLearner(training={"fold_workers": 3}))
    assert elsewhere.fingerprint() == BASE.fingerprint()


def test_how_an_outline_is_cleaned_or_where_it_is_pretrained_trains_nothing_anew() -> None:
    cleaned = SegmentationRecipe.model_validate(GIVEN | {"postprocess": {"least_px": 3}})
    assert cleaned != BASE and cleaned.fingerprint() == BASE.fingerprint()
    elsewhere = BASE.for_learner(
        SegmentationLearner(pretraining={"training": {"fold_workers": 3, "device": "cpu"}})
    )
    assert elsewhere.fingerprint() == BASE.fingerprint()


@pytest.mark.parametrize(
    "block", [{"patches": 10}, {"folds": 1}, {"rounds": 1}, {"patch": 3}], ids=str
)
def test_an_audit_that_cannot_be_is_refused(block) -> None:
    with pytest.raises(ValidationError, match=next(iter(block))):
        AuditConfig.model_validate(block)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder, before = make_project(tmp_path_factory.mktemp("penn")), Path.cwd()
    bootstrap_project(folder)
    yield folder
    os.chdir(before)


@pytest.mark.parametrize("env", ["local", "paper", "smoke", REAL])
def test_parameters_of_every_environment_make_every_learner(env, project) -> None:
    # Where the real cohort lies is for its user to say.
    given = {"spinal_penn": {"cohort": {"path": str(project)}}} if env == REAL else {}
    with KedroSession.create(project_path=project, env=env, runtime_params=given) as session:
        block = session.load_context().params["spinal_penn"]
    recipe, names = block["recipe"].root, [*LEARNERS, *GRID]
    cohort, size = block["cohort"], block["preprocessing"].size
    assert cohort.classes[-1] in cohort.mask_classes[1:]
    full = {name: recipe.for_learner(block[name]["learner"]) for name in names}
    for one in full.values():
        one.fitted_to(cohort.classes, size).build_network(pretrained=False)
    assert [one.network.name for one in full.values()][:9] == [
        "penn", "penn", "penn", "penn_conv", "unet", "multiresunet", "sau_net", "d_tvnet",
        "op_convnet",
    ]  # fmt: skip
    twin = full["sae_plain"].network.sparsity
    assert (twin.lambda_, twin.beta) == (0, 0) and full["penn"].network.sparsity.beta > 0
    assert full["penn_no_pretraining"].pretraining is None
    # All networks on patches are judged on the row's grid.
    cuts = {(o.network.patch, o.network.stride) for o in full.values() if o.on_patches}
    assert cuts == {(recipe.network.patch, recipe.network.stride)}
    sizes = {(full[name].network.layers, full[name].network.nodes) for name in GRID}
    assert sizes == {(layers, nodes) for layers in (1, 2, 3) for nodes in (50, 100, 200)}


def test_the_paper_environment_is_the_published_protocol(project) -> None:
    with KedroSession.create(project_path=project, env="paper") as session:
        block = session.load_context().params["spinal_penn"]
    network, recipe = block["recipe"].root.network, block["recipe"].root
    assert (block["preprocessing"].size, network.patch) == (512, 32)
    assert (network.layers, network.nodes) == (3, 200)
    assert (recipe.patches.fraction, recipe.patches.share) == (0.6, 0.6)
    assert recipe.pretraining.training.epochs == 500 and block["audit"].folds == 5
