"""What a run leaves in MLflow beyond Kedro-MLflow's own: a child run a learner and a fold."""

from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.pipeline.node import Node


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


def without_paths(parameters: dict[str, Any]) -> dict[str, Any]:
    """A copy of nested parameters in which the value of every `path` is left out."""
    return {
        key: without_paths(value) if isinstance(value, dict) else value
        for key, value in parameters.items()
        if key != "path"
    }


def _log_learner(learner: str, outputs: dict[str, Any]) -> None:
    import mlflow

    record, history = outputs["training_record"], outputs["history"]
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
                _log_curves(run, history[history["fold"] == fold["fold"]])


def _log_curves(run: Any, history: Any) -> None:
    import mlflow
    from mlflow.entities import Metric

    metrics = [
        Metric(column, float(value), 0, int(row["epoch"]))
        for _, row in history.iterrows()
        for column, value in row.drop(["fold", "epoch"]).items()
        if value == value  # a curve that was not recorded is NaN
    ]
    mlflow.MlflowClient().log_batch(run.info.run_id, metrics=metrics)


def _headline(metrics: dict[str, Any]) -> dict[str, float]:
    """Patient-level AUROC of each learner that was judged."""
    return {
        f"{learner}.patient_auroc": levels["patient"]["scores"]["auroc"]["value"]
        for learner, levels in metrics["learners"].items()
        if levels["patient"]["scores"]["auroc"]["value"] is not None
    }


def _flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
