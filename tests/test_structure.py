"""The frame keeps its promises: pipelines, namespaces, typed parameters, cheap start."""

import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import CatalogConfigResolver

from osteon import pipeline_registry
from osteon.claims.published import PAPERS
from osteon.pipeline_registry import register_pipelines
from tests.project import PAPER, ROOT, make_project

INPUTS = ["baseline", "gender", "age", "gender_age", "ldh", "alp", "alp_ldh", "all"]


@pytest.fixture(scope="module")
def pipelines() -> dict:
    return register_pipelines()


def _learners(pipeline) -> set[str]:
    return {node.namespace for node in pipeline.only_nodes_with_tags("training").nodes}


def test_rows_and_columns_are_registered(pipelines) -> None:
    columns = {*pipeline_registry.COLUMNS}
    assert {"ingestion", "training", "evaluation", "explainability", "reporting"} <= columns
    assert columns | {PAPER, f"{PAPER}_resnet50", "__default__"} <= set(pipelines)
    cells = set().union(*(pipelines[column].nodes for column in columns))
    assert cells == set(pipelines["__default__"].nodes)  # every node lies in exactly one column
    assert sum(len(pipelines[column].nodes) for column in columns) == len(cells)


def test_tuning_is_a_column_of_cells_that_no_row_waits_for(pipelines) -> None:
    cells = {paper: pipelines[f"{paper}_tuning"] for paper in PAPERS if paper in pipelines}
    assert len(cells) == 5
    everything = set().union(*(cell.nodes for cell in cells.values()))
    assert everything == set(pipelines["tuning"].nodes)
    studies = {node for node in everything if "tuning" in node.tags}
    assert studies.isdisjoint(pipelines["__default__"].nodes)
    # What a study needs beside itself is what the rows make, and made in the same way.
    assert everything - studies <= set(pipelines["__default__"].nodes)
    for cell in cells.values():
        order = [node.short_name for node in cell.nodes]
        assert order.index("certify_tuning") < order.index("judge_chosen")


def test_the_row_trains_the_eight_learners_of_table_1(pipelines) -> None:
    for pipeline, backbone in ((PAPER, "resnet18"), (f"{PAPER}_resnet50", "resnet50")):
        wanted = {f"{PAPER}.{backbone}_{name}" for name in [*INPUTS, "permuted"]}
        assert wanted <= _learners(pipelines[pipeline])


def test_one_learner_can_be_run_alone(pipelines) -> None:
    alone = pipelines[PAPER].only_nodes_with_namespaces([f"{PAPER}.resnet18_all"])
    assert {node.name for node in alone.nodes} == {
        f"{PAPER}.resnet18_all.train",
        f"{PAPER}.resnet18_all.explain",
    }


def test_every_node_lies_in_its_paper_s_namespace(pipelines) -> None:
    papers = {name for name in pipelines if name in PAPERS}
    assert papers >= {PAPER, "spinal_smsdnet", "femoral_alexnet"}
    for name, pipeline in pipelines.items():
        owners = {(node.namespace or "").split(".")[0] for node in pipeline.nodes}
        own = {paper for paper in papers if name.startswith(paper)}
        assert owners == (own or papers), name


def test_every_dataset_has_a_place_on_disk(pipelines, project) -> None:
    with KedroSession.create(project_path=project, env="smoke") as session:
        catalog = session.load_context().catalog
        for pipeline in pipelines.values():
            for name in pipeline.datasets():
                assert name.startswith("params:") or name in catalog, name


def test_layers_of_the_lineage_page_stand_in_an_order(pipelines, project) -> None:
    """Kedro-viz draws no layers at all where one comes both before and after another."""
    with KedroSession.create(project_path=project, env="smoke") as session:
        resolver = CatalogConfigResolver(session.load_context().config_loader["catalog"])

    def layer(dataset: str) -> str:
        return resolver.resolve_pattern(dataset)["metadata"]["kedro-viz"]["layer"]

    def data(names: set[str]) -> set[str]:
        return {layer(one) for one in names if not one.startswith("params:")}

    for name, pipeline in pipelines.items():
        before: dict[str, set[str]] = {}
        for node in pipeline.nodes:
            for made in data(set(node.outputs)):
                before.setdefault(made, set()).update(data(set(node.inputs)) - {made})
        try:
            TopologicalSorter(before).prepare()
        except CycleError as cycle:
            pytest.fail(f"{name}: layers in a circle, {cycle.args[1]}")


@pytest.mark.parametrize("env", ["local", "paper", "smoke"])
def test_parameters_of_every_environment_are_valid(env: str, project) -> None:
    from osteon.recipes import Recipe

    with KedroSession.create(project_path=project, env=env) as session:
        parameters = session.load_context().params
    assert isinstance(parameters[PAPER]["recipe"], Recipe)


def test_paper_environment_is_the_published_protocol(project) -> None:
    with KedroSession.create(project_path=project, env="paper") as session:
        parameters = session.load_context().params[PAPER]
    training = parameters["recipe"].root.training
    assert parameters["preprocessing"].size == 224
    assert parameters["splitting"].folds == 5
    assert (training.epochs, training.batch, training.lr) == (50, 256, 0.01)
    assert (training.milestones, training.gamma) == ((20, 35, 45), 0.1)
    assert parameters["recipe"].root.width == 1.0


@pytest.mark.parametrize(
    ("place", "key"),
    [
        (("recipe", "training"), "epochz"),
        (("recipe",), "widht"),
        (("cohort",), "pathh"),
        (("splitting",), "fold"),
        (("evaluation",), "round"),
        (("resnet18_all", "learner"), "input"),
    ],
)
def test_a_typo_stops_the_run_before_any_node_and_is_named(place, key: str, project) -> None:
    nested: dict = {key: 1}
    for name in reversed((PAPER, *place)):
        nested = {name: nested}
    (project / "conf" / "local" / "parameters_typo.yml").write_text(yaml.safe_dump(nested))
    with (
        KedroSession.create(project_path=project, env="local") as session,
        pytest.raises(Exception, match=key),
    ):
        session.run(pipeline_names=[PAPER])
    assert not any((project / "data").rglob("*.parquet"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    bootstrap_project(make_project(tmp_path))
    return tmp_path


def test_listing_pipelines_loads_no_heavy_library() -> None:
    code = (
        "import sys; from osteon.pipeline_registry import register_pipelines as r; r();"
        "heavy = ['torch', 'torchvision', 'monai', 'sklearn', 'scipy', 'pandera', 'pydicom',"
        "'captum', 'matplotlib'];"
        "print([m for m in heavy if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_wiring_has_no_branches() -> None:
    import ast

    for file in (ROOT / "src" / "osteon" / "pipelines").glob("*/pipeline.py"):
        tree = ast.parse(file.read_text())
        assert not any(isinstance(node, ast.If | ast.IfExp) for node in ast.walk(tree)), file


def test_lock_is_pinned_and_hashed_and_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in lock
    assert not any(word in lock for word in ("index-url", "://", "find-links"))


def test_servers_listen_on_this_machine_only() -> None:
    mlflow = yaml.safe_load((ROOT / "conf" / "base" / "mlflow.yml").read_text())
    assert mlflow["ui"]["host"] == "127.0.0.1"
    assert yaml.safe_load((ROOT / ".telemetry").read_text()) == {"consent": False}


def test_a_seventeenth_learner_is_a_name_and_a_line_of_parameters() -> None:
    from osteon.pipelines import training
    from osteon.recipes import Learner, Recipe

    pipeline = training.create_pipeline(["resnet34_all"])
    assert {"resnet34_all.predictions", "resnet34_all.model"} <= pipeline.all_outputs()
    learner = Learner.model_validate({"backbone": "resnet34", "inputs": ["ldh", "gender"]})
    recipe = Recipe.model_validate({"kind": "late_fusion"}).for_learner(learner)
    assert (recipe.backbone, recipe.inputs) == ("resnet34", ("gender", "ldh"))
