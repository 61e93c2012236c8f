"""What happens around a run: earlier stages demanded, workers chosen, child runs in MLflow."""

from contextlib import ExitStack
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node


class EarlierStageMissing(FileNotFoundError):
    """A stage was asked for before what it reads exists; names the command that makes it."""


class OrderHooks:
    """Stops a run whose earlier stages have not run yet, before any node and with the command."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Demand every dataset that this run reads, does not make, and another pipeline makes.

        Raises:
            EarlierStageMissing: names the datasets and the command.
        """
        from kedro.framework.project import pipelines

        from osteon.datasets import OptionalDataset

        wanted = {name for name in pipeline.inputs() if not name.startswith("params:")}
        # A report stands without a study: what is optional is read as it is.
        wanted = {name for name in wanted if not isinstance(catalog.get(name), OptionalDataset)}
        missing = {name for name in wanted if not catalog.exists(name)}
        commands, made = [], set()
        for row, outputs in rows_for(missing, pipelines):
            commands.append(f"`kedro run --pipelines={row}`")
            made |= outputs
        if made:
            shown = ", ".join(sorted(made)[:5]) + f" and {len(made) - 5} more" * (len(made) > 5)
            raise EarlierStageMissing(f"not there yet: {shown}; run {' and '.join(commands)} first")


def rows_for(missing: set[str], pipelines: Any) -> list[tuple[str, set[str]]]:
    """Rows that make missing datasets, with what each makes; a paper's main row comes first.

    Only rows from the cohort to the report count: a column would itself need earlier columns.
    """
    main = pipelines["__default__"].all_outputs()
    rows = {
        name: (not pipelines[name].all_outputs() <= main, pipelines[name].all_outputs())
        for name in pipelines
        if name != "__default__"
        and {"ingestion", "training"}
        <= {tag for node in pipelines[name].nodes for tag in node.tags}
    }
    chosen: list[tuple[str, set[str]]] = []
    while rows and missing:
        best = min(rows, key=lambda name: (-len(missing & rows[name][1]), rows[name][0]))
        if not missing & rows[best][1]:
            break
        chosen.append((best, missing & rows[best][1]))
        missing = missing - rows.pop(best)[1]
    return chosen


class ParallelHooks:
    """Lets `parallel` of the configuration rule all work by joblib: ingestion, folds and trials."""

    def __init__(self) -> None:
        self._until_end = ExitStack()

    @hook_impl(trylast=True)
    def before_pipeline_run(self, catalog: CatalogProtocol) -> None:
        """Register the backend for this run.

        Raises:
            ValidationError: `parallel` is not as `ParallelConfig` allows.
            OSError: no scheduler answers at the address.
        """
        from osteon.pipelines.parallel import joblib_follows
        from osteon.recipes.parallel import ParallelConfig

        if not catalog.exists("params:parallel"):
            return
        given = catalog.load("params:parallel")
        self._until_end.enter_context(joblib_follows(ParallelConfig.model_validate(given)))

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Leave joblib as it was."""
        self._until_end.close()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Leave joblib as it was."""
        self._until_end.close()


class TrackingHooks:
    """Logs each trained learner as a child of the pipeline's run, and each fold as its child."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Keep paths given at the command line out of the run's tags: folders can name people."""
        for key in ("runtime_params", "extra_params"):
            if run_params.get(key):
                run_params[key] = without_paths(run_params[key])

    @hook_impl
    def after_node_run(self, node: Node, outputs: dict[str, Any]) -> None:
        """Log a training node's parameters, curves and scores, and the evaluation's headline."""
        import mlflow

        if mlflow.active_run() is None:  # tracking is off for this pipeline
            return
        named = {name.rsplit(".", 1)[-1]: value for name, value in outputs.items()}
        if "training_record" in named:
            _log_learner(node.namespace or node.name, named)
        if "metrics" in named:
            mlflow.log_metrics(_headline(named["metrics"]))
        if "tuning_study" in named:
            from osteon.pipelines.tuning.studying import name_of
            from osteon.pipelines.tuning.tracking import log_study

            log_study(named["tuning_study"], name_of(named["tuning_study"]))


def without_paths(parameters: dict[str, Any]) -> dict[str, Any]:
    """A copy of nested parameters in which the value of every `path` is left out."""
    return {
        key: without_paths(value) if isinstance(value, dict) else value
        for key, value in parameters.items()
        if key != "path"
    }


def _log_learner(learner: str, outputs: dict[str, Any]) -> None:
    import mlflow

    record, history = outputs["training_record"], outputs.get("history")
    with mlflow.start_run(run_name=learner.rsplit(".", 1)[-1], nested=True):
        mlflow.set_tags({"learner": learner, "status": record["status"]})
        if record["status"] != "trained":
            mlflow.set_tag("reason", record["reason"])
            return
        mlflow.log_params(_flat(record["recipe"]))
        mlflow.log_dict(record, "training_record.json")
        for fold in record["folds"]:
            with mlflow.start_run(run_name=f"fold{fold['fold']}", nested=True) as run:
                mlflow.log_params({"fold": fold["fold"], "weights": fold["weights"]})
                mlflow.log_metrics({k: v for k, v in fold.items() if k.startswith("judged_")})
                if history is not None:
                    _log_curves(run, history[history["fold"] == fold["fold"]])


def _log_curves(run: Any, history: Any) -> None:
    import mlflow
    from mlflow.entities import Metric

    metrics = [
        Metric(f"{_before(row)}{column}", float(value), 0, int(row["epoch"]))
        for _, row in history.iterrows()
        for column, value in row.drop(["fold", "epoch", "stage"], errors="ignore").items()
        if value is not None and value == value  # a curve that was not recorded is absent or NaN
    ]
    mlflow.MlflowClient().log_batch(run.info.run_id, metrics=metrics)


def _before(row: Any) -> str:
    """What a stage of pretraining puts before its curves' names; training puts nothing."""
    stage = row.get("stage", "training")
    return "" if stage == "training" else f"{stage}_"


def _headline(metrics: dict[str, Any]) -> dict[str, float]:
    """Patient-level AUROC, or Dice, of each learner that was judged."""
    wanted = {"segmentation": ("pixel", "dice")}.get(metrics.get("task", ""), ("scores", "auroc"))
    group, name = wanted
    values = {
        learner: levels["patient"][group][name]["value"]
        for learner, levels in metrics["learners"].items()
    }
    return {
        f"{learner}.patient_{name}": value for learner, value in values.items() if value is not None
    }


def _flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
