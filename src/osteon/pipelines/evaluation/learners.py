"""What evaluation does with the learners of a report: who is judged against whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from osteon.recipes.evaluation import EvaluationConfig

if TYPE_CHECKING:
    from osteon.measures.evaluator import Evaluation

PERMUTED = "permuted"
RECORD, FITTED, PREDICTIONS, NETWORK = "__record", "__fitted", "__predictions", "__network"
Judged = tuple[dict[str, Any], dict[str, Any], list[tuple[str, pd.DataFrame]]]


@dataclass(frozen=True)
class Learners:
    """The tables of a report's learners.

    Attributes:
        predictions: learner → held-out predictions of those that were trained.
        permuted: names of those that learnt shuffled labels.
        records: learner → training record, of those that were skipped as well.
        skipped: learner → why it was not trained.
        controls: predictions of the controls.
        training: what each fold was fitted on and says of that, of learners and controls.
        networks: training records of what learners are made of and that calls nobody by itself.
    """

    predictions: Mapping[str, pd.DataFrame]
    permuted: list[str]
    records: Mapping[str, Any]
    skipped: Mapping[str, str]
    controls: pd.DataFrame
    training: pd.DataFrame
    networks: Mapping[str, Any]

    @property
    def honest(self) -> list[pd.DataFrame]:
        """Predictions of the learners of true labels."""
        return [table for name, table in self.predictions.items() if name not in self.permuted]


def sorted_out(
    given: Mapping[str, Any], controls: pd.DataFrame, controls_fitted: pd.DataFrame
) -> Learners:
    """The learners of a report from `<name>`, `<name>__record`, `<name>__fitted`; `__network`."""
    records = {n.removesuffix(RECORD): one for n, one in given.items() if n.endswith(RECORD)}
    skipped = {name: one["reason"] for name, one in records.items() if one["status"] == "skipped"}
    trained = [name for name in records if name not in skipped]
    fitted = [table for name, table in given.items() if name.endswith(FITTED) and len(table)]
    return Learners(
        predictions={name: given[name] for name in trained},
        permuted=[name for name in trained if records[name]["recipe"]["labels"] == PERMUTED],
        records=records,
        skipped=skipped,
        controls=controls,
        training=pd.concat([controls_fitted, *fitted], ignore_index=True),
        networks={n.removesuffix(NETWORK): one for n, one in given.items() if n.endswith(NETWORK)},
    )


def judge_learners(run: Learners, config: EvaluationConfig, reference: str) -> Judged:
    """Metrics, curves and the rows of the comparison: learners, controls, permuted labels."""
    from osteon.measures.evaluator import evaluate

    judged = pd.concat(run.honest)
    main = evaluate(judged, config, reference, run.skipped, training=run.training)
    both = pd.concat([run.predictions[reference], run.controls])
    beside = evaluate(both, config, reference, training=run.training)
    is_control = beside.comparison["learner"] != reference
    tables = [("learner", main.comparison), ("control", beside.comparison[is_control])]
    metrics = {**main.metrics, "controls": beside.metrics}
    metrics["beyond_clinical"] = all_beyond_clinical(run.honest, run.controls, config)
    curves = {**main.curves, "controls": beside.curves["learners"], "permuted_labels": {}}
    for name in run.permuted:
        shuffled = evaluate(run.predictions[name], config, name, training=run.training)
        metrics["permuted_labels"] = shuffled.metrics
        curves["permuted_labels"] |= shuffled.curves["learners"]
        tables.append(("permuted", shuffled.comparison))
    added, curves["by_class"] = class_by_class(judged, config, main, run.training)
    return metrics | added, curves, tables


def class_by_class(
    predictions: pd.DataFrame, config: EvaluationConfig, main: "Evaluation", training: pd.DataFrame
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What metrics and curves say of the classes one by one, and of all at once."""
    from osteon.measures.by_class import by_class
    from osteon.measures.multiclass import multiclass
    from osteon.measures.trained import classes_of

    found = by_class(predictions, config, main, training)
    metrics = {
        "classes": classes_of(predictions),
        "by_class": found.figures,
        "multiclass": multiclass(predictions, config),
        "training_part": found.training,
    }
    return metrics, found.curves


def summary(comparison: pd.DataFrame) -> str:
    """The comparison in a few columns, for the end of a run.

    Args:
        comparison: one row a learner.

    Returns:
        a text table: patients, AUROC with interval, difference from the reference with interval.
    """
    rows = []
    for row in comparison.to_dict("records"):
        if isinstance(row.get("skipped"), str):
            rows.append({"learner": row["learner"], "AUROC": f"skipped: {row['skipped']}"})
            continue
        shown = {"learner": row["learner"], "patients": int(row["n_patients"])}
        for title, name in {
            "accuracy": "accuracy",
            "AUROC": "auroc",
            "AUROC - reference": "auroc_difference",
        }.items():
            value, low, high = (row.get(key) for key in (name, f"{name}_lo", f"{name}_hi"))
            if pd.notna(value) and pd.notna(low) and pd.notna(high):
                shown[title] = f"{value:.3f} [{low:.3f}, {high:.3f}]"
        rows.append(shown)
    return pd.DataFrame(rows).fillna("").to_string(index=False)


def clinical_twin(learner: str) -> str | None:
    """The control with the learner's clinical inputs and no image: same ending of the name.

    None for a learner whose name ends in no clinical inputs: it reads the image alone.
    """
    from osteon.measures.controls import SUBSETS

    inputs = learner.partition("_")[2]
    twin = "control_age" if inputs == "age" else f"control_clinical_{inputs}"
    return twin if twin in SUBSETS else None


def all_beyond_clinical(
    learners: list[pd.DataFrame], controls: pd.DataFrame, config: EvaluationConfig
) -> dict[str, Any]:
    """`beyond_clinical` of every learner that has a control, as one family of tests.

    Args:
        learners: predictions, one table a learner.
        controls: of all controls.
        config: resampling.
    """
    from osteon.measures.comparing import adjust

    names = {str(table["learner"].iloc[0]): table for table in learners}
    found = {
        name: beyond_clinical(table, controls, config)
        for name, table in names.items()
        if clinical_twin(name) in set(controls["learner"])
    }
    adjust(list(found.values()), config.alpha)
    return found


def beyond_clinical(
    predictions: pd.DataFrame, controls: pd.DataFrame, config: EvaluationConfig
) -> dict[str, Any]:
    """Does the network add to its clinical inputs alone? Paired, by patient.

    Args:
        predictions: of one learner that has a `clinical_twin`.
        controls: of all controls.
        config: resampling.

    Returns:
        differences learner - control with intervals and tests.

    Raises:
        ValueError: the learner's name ends in no clinical inputs.
    """
    from osteon.measures.evaluator import compare

    name = str(predictions["learner"].iloc[0])
    twin = clinical_twin(name)
    if twin is None:
        raise ValueError(f"predictions: {name!r} found, a name ending in clinical inputs needed")
    both = pd.concat([controls[controls["learner"] == twin], predictions])
    return {"control": twin, **compare(both, config, twin)[name]["patient"]}


def find_reference(learners: Iterable[str], endings: str | Sequence[str]) -> str:
    """The one learner whose name is an ending or, failing that, ends with `_<ending>`.

    Args:
        learners: names in a report; endings: one, or several of which the first counts that fits a
            learner, so that reports of different learners share one setting.

    Raises:
        ValueError: no learner or more than one.
    """
    names, wanted = list(learners), [endings] if isinstance(endings, str) else list(endings)
    found: list[str] = []
    for ending in wanted:
        whole = [name for name in names if name == ending]
        found = whole or [name for name in names if name.endswith(f"_{ending}")]
        if found:
            break
    if len(found) != 1:
        raise ValueError(
            f"evaluation.reference: {endings!r} fits {found or 'no learner'}; "
            f"it must be the ending of exactly one of {sorted(names)}"
        )
    return found[0]
