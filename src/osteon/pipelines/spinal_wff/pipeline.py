"""Wiring of the weighted fusion framework: networks, age table, λ, the rows of Table 3, the pages.

A network or a row is a name here and a block of the same name in `parameters_spinal_wff.yml`.
"""

from collections.abc import Iterable
from functools import partial

from kedro.pipeline import Node, Pipeline, node

from osteon.pipelines import evaluation, reporting
from osteon.pipelines.evaluation.pipeline import seen_by
from osteon.pipelines.naming import fixed
from osteon.pipelines.rows import FIGURES, TABLES, create_cohort, in_paper
from osteon.pipelines.spinal_wff import (
    certifying,
    detecting,
    diagnosing,
    explaining,
    fusing,
    nodes,
    sequencing,
)
from osteon.reporting.wff_gallery import GALLERIES

PAPER = "spinal_wff"
DETECTOR, SEQUENCE = "detector", "sequence"
SEQUENCES = (SEQUENCE, "sequence_n8", "sequence_n4", "sequence_permuted")
ROWS = {
    "det": SEQUENCE,
    "det_age": SEQUENCE,
    "seq": SEQUENCE,
    "seq_age": SEQUENCE,
    "det_seq": SEQUENCE,
    "det_seq_age": SEQUENCE,
    "det_seq_age_published": SEQUENCE,
    "seq_n8": "sequence_n8",
    "det_seq_age_n8": "sequence_n8",
    "seq_n4": "sequence_n4",
    "det_seq_age_n4": "sequence_n4",
    "seq_permuted": "sequence_permuted",
}
"""Row of the comparison → its sequence model; the first six are those of Table 3."""
HEADLINE, REFERENCE = "det_seq_age", "det"
SHARED = ("samples", "splits", "inner_splits")


def create_pipeline() -> Pipeline:
    """Everything from the cohort to the report and the patient page."""
    networks = [DETECTOR, *SEQUENCES]
    return (
        create_answers_pipeline(SEQUENCES)
        + _decisions()
        + _rows()
        + evaluation.create_pipeline(
            PAPER,
            PAPER,
            ROWS,
            splits="patient_splits",
            samples="patient_cases",
            certify=_certify(),
            networks=networks,
        )
        + _evaluation()
        + _explainability()
        + reporting.create_pipeline(
            PAPER, PAPER, ROWS, HEADLINE, paper_figures=True, trained=networks, tuned=True
        )
    )


def create_answers_pipeline(sequences: Iterable[str]) -> Pipeline:
    """From the cohort to what the detector and some sequence models say of every patient."""
    return in_paper(PAPER, create_cohort() + _parts()) + _networks(sequences)


def _parts() -> Pipeline:
    """Folds of the training part, and patients as what is judged."""
    return Pipeline(
        [
            node(
                certifying.split_training_part,
                ["samples", "splits", "near_duplicates", "params:inner"],
                "inner_splits",
                name="split_training_part",
            ),
            node(
                certifying.gather_patients,
                ["samples", "splits"],
                ["patient_cases", "patient_splits"],
                name="gather_patients",
            ),
        ],
        tags="preprocessing",
    )


def _networks(models: Iterable[str]) -> Pipeline:
    """The detector, then every sequence model on what it found."""
    outputs = ("model", "history", "fitted", "training_record")
    settings = _of("cohort", "preprocessing", "recipe", parameters=True)
    detector = node(
        detecting.train_detector,
        [*_of(*SHARED, "prepared", "archive", f"{DETECTOR}.workspace"), *settings],
        _of(*(f"{DETECTOR}.{one}" for one in ("detections", *outputs))),
        name="train_detector",
        namespace=f"{PAPER}.{DETECTOR}",
    )
    sequences = [
        node(
            sequencing.train_sequence,
            [
                *_of(*SHARED, f"{DETECTOR}.detections", "archive", f"{name}.workspace"),
                *settings,
                f"params:{PAPER}.{name}.learner",
            ],
            _of(*(f"{name}.{one}" for one in ("sequence_scores", *outputs))),
            name="train_sequence",
            namespace=f"{PAPER}.{name}",
        )
        for name in models
    ]
    return Pipeline([detector, *sequences], tags="training")


def _decisions() -> Pipeline:
    """Age table and λ, from the training part."""
    made = partial(node, namespace=PAPER)
    recipe = f"params:{PAPER}.recipe"
    steps = [
        made(
            fusing.score_ages,
            [*_of(*SHARED), recipe],
            _of("age_scores", "age_table"),
            name="score_ages",
        ),
        made(
            fusing.choose_lambdas,
            {
                "samples": f"{PAPER}.samples",
                **_opinions(),
                **_settings("cohort", "recipe"),
            },
            _of("lambdas", "lambda_search"),
            name="choose_lambdas",
        ),
        made(
            fixed(fusing.describe_framework, detector=DETECTOR, sequence=SEQUENCE),
            [*_of("lambdas", "age_table"), recipe, *_of(f"{DETECTOR}.model", f"{SEQUENCE}.model")],
            f"{PAPER}.framework",
            name="describe_framework",
        ),
    ]
    return Pipeline(steps, tags="training")


def _rows() -> Pipeline:
    """One row of the comparison each: terms, weights, votes."""
    return Pipeline(
        [
            node(
                fixed(fusing.fuse, name=row, paper=PAPER),
                {
                    "samples": f"{PAPER}.samples",
                    **_opinions(sequence),
                    "lambdas": f"{PAPER}.lambdas",
                    **_settings("cohort", "recipe"),
                    "learner": f"params:{PAPER}.{row}.learner",
                },
                _of(*(f"{row}.{one}" for one in ("predictions", "fitted", "training_record"))),
                name="fuse",
                namespace=f"{PAPER}.{row}",
            )
            for row, sequence in ROWS.items()
        ],
        tags="training",
    )


def _certify() -> Node:
    """The certificate of the test part and of the inner folds."""
    seen = {f"{name}__seen": f"{PAPER}.{name}.fitted" for name in (DETECTOR, *SEQUENCES)}
    return node(
        certifying.certify_framework,
        {
            **{name: f"{PAPER}.{name}" for name in SHARED},
            "near_duplicates": f"{PAPER}.near_duplicates",
            **_opinions(),
            "lambdas": f"{PAPER}.lambdas",
            "cohort": f"params:{PAPER}.cohort",
            "recipe": f"params:{PAPER}.recipe",
            **seen_by(PAPER, PAPER, ROWS),
            **seen,
        },
        f"{PAPER}.leak_certificate",
        name="certify_framework",
        namespace=PAPER,
    )


def _of(*names: str, parameters: bool = False) -> list[str]:
    """Datasets, or blocks of parameters, of the paper."""
    return [f"{'params:' * parameters}{PAPER}.{name}" for name in names]


def _opinions(sequence: str = SEQUENCE) -> dict[str, str]:
    """What every look at the terms of Eq. 1 needs."""
    return {
        "detections": f"{PAPER}.{DETECTOR}.detections",
        "sequence_scores": f"{PAPER}.{sequence}.sequence_scores",
        "age_scores": f"{PAPER}.age_scores",
    }


def _settings(*names: str) -> dict[str, str]:
    """Argument → block of parameters of the same name."""
    return {name: f"params:{PAPER}.{name}" for name in names}


def _config(name: str) -> dict[str, str]:
    """The block of parameters that a step takes as its `config`."""
    return {"config": f"params:{PAPER}.{name}"}


def _evaluation() -> Pipeline:
    """What only this paper has: boxes, λ on the test part, times, readers, locations, sequences."""
    made = partial(node, namespace=PAPER)
    steps = [
        made(
            nodes.judge_boxes,
            {
                **{name: f"{PAPER}.{name}" for name in SHARED},
                "archive": f"{PAPER}.archive",
                "detections": f"{PAPER}.{DETECTOR}.detections",
                **_settings("recipe"),
                **_config("evaluation"),
            },
            f"{PAPER}.detection_metrics",
            name="judge_boxes",
        ),
        made(
            nodes.look_back,
            {
                "samples": f"{PAPER}.samples",
                **_opinions(),
                "lambdas": f"{PAPER}.lambdas",
                **_settings("cohort", "recipe"),
            },
            f"{PAPER}.looking_back",
            name="look_back",
        ),
        made(
            diagnosing.time_diagnosis,
            {
                "samples": f"{PAPER}.samples",
                "splits": f"{PAPER}.splits",
                "archive": f"{PAPER}.archive",
                "detector": f"{PAPER}.{DETECTOR}.model",
                "sequence": f"{PAPER}.{SEQUENCE}.model",
                "framework": f"{PAPER}.framework",
                **_config("diagnosis"),
            },
            f"{PAPER}.diagnosis_times",
            name="time_diagnosis",
        ),
        made(
            nodes.tabulate_as_published,
            {
                "metrics": f"{PAPER}.metrics",
                "detection": f"{PAPER}.detection_metrics",
                "looking_back": f"{PAPER}.looking_back",
                "lambdas": f"{PAPER}.lambdas",
                "lambda_search": f"{PAPER}.lambda_search",
                "age_table": f"{PAPER}.age_table",
                "times": f"{PAPER}.diagnosis_times",
                "readers": f"{PAPER}.readers",
                **_config("evaluation"),
                **{name: f"{PAPER}.{name}.predictions" for name in ROWS},
            },
            [*(f"{PAPER}.{name}" for name in TABLES), f"{PAPER}.{FIGURES}"],
            name="tabulate_as_published",
        ),
    ]
    return Pipeline(steps, tags="evaluation")


def _explainability() -> Pipeline:
    """Maps over tubes, boxes on slices, and the page that follows single patients."""
    made = partial(node, namespace=PAPER)
    shown = {
        "samples": f"{PAPER}.samples",
        "archive": f"{PAPER}.archive",
        "sequence_scores": f"{PAPER}.{SEQUENCE}.sequence_scores",
        "sequence": f"{PAPER}.{SEQUENCE}.model",
    }
    steps = [
        made(
            explaining.explain_tubes,
            {**shown, **_config("explainability")},
            [f"{PAPER}.{SEQUENCE}.saliency", f"{PAPER}.{SEQUENCE}.explanation_scores"],
            name="explain_tubes",
        ),
        made(
            explaining.summarise_tubes,
            {
                **_config("explainability"),
                "scores": f"{PAPER}.{SEQUENCE}.explanation_scores",
            },
            f"{PAPER}.explanations",
            name="summarise_explanations",
        ),
        made(
            explaining.show_patients,
            {
                **shown,
                "images": f"{PAPER}.images",
                "maps": f"{PAPER}.{SEQUENCE}.saliency",
                "detections": f"{PAPER}.{DETECTOR}.detections",
                "age_scores": f"{PAPER}.age_scores",
                "age_table": f"{PAPER}.age_table",
                "lambdas": f"{PAPER}.lambdas",
                "predictions": f"{PAPER}.{HEADLINE}.predictions",
                **_settings("cohort", "recipe"),
                **_config("explainability"),
            },
            [
                f"{PAPER}.patient_page",
                f"{PAPER}.galleries",
                *(f"{PAPER}.gallery_{name}" for name in GALLERIES),
            ],
            name="show_patients",
        ),
    ]
    return Pipeline(steps, tags="explainability")
