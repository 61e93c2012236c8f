"""Wiring of tuning: a study of each paper's headline learner, from the cohort to the best values.

A cell holds all that it needs, so that it runs where nothing has run before; images, folds and
networks that a row has left are taken as they are.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from osteon.pipelines import spinal_wff
from osteon.pipelines.naming import fixed
from osteon.pipelines.rows import create_cohort, in_paper
from osteon.pipelines.tuning import fusing, fusion_judging, nodes, outlining
from osteon.pipelines.tuning.certifying import certify_tuning
from osteon.pipelines.tuning.figures import draw_tuning

TUNED = {
    "osteosarcoma_fusion": "resnet18_all",
    "spinal_smsdnet": "smsdnet",
    "femoral_alexnet": "alexnet_bn",
    "spinal_wff": "det_seq_age",
    "spinal_penn": "penn",
}
"""Paper → the learner whose recipe is tuned: the one that its report puts to the test."""
SEQUENCES = ("sequence", "sequence_n8", "sequence_n4")
"""Sequence models among whose N the weighted fusion chooses; the first is the row's own."""
CORNERS = "detector,sequence model,age"


def create_image_cell(paper: str) -> Pipeline:
    """A study of a row of image classifiers."""
    return _cell(paper, create_cohort(), [*_divided(paper), *_images(paper), *_told(paper)])


def create_outline_cell(paper: str) -> Pipeline:
    """A study of the segmentation row."""
    return _cell(paper, create_cohort(), [*_divided(paper), *_outlines(paper), *_told(paper)])


def create_fusion_cell(paper: str) -> Pipeline:
    """A study of the weighted fusion: its networks are trained, then only their answers weighed."""
    steps = Pipeline([*_fusion(paper), *_drawn(paper, corners=CORNERS)], tags="tuning")
    return spinal_wff.create_answers_pipeline(SEQUENCES) + steps


def _cell(paper: str, cohort: Pipeline, steps: Iterable[Node]) -> Pipeline:
    return in_paper(paper, cohort) + Pipeline([*steps], tags="tuning")


def _divided(paper: str) -> list[Node]:
    """What trials may see, and folds of it."""
    step = partial(node, namespace=paper)
    return [
        step(
            nodes.take_training_part,
            _of(paper, "samples", "splits", params=("tuning",)),
            [f"{paper}.tuning_samples", f"{paper}.tuning_outer"],
            name="take_training_part",
        ),
        step(
            nodes.divide_training_part,
            _of(paper, "tuning_samples", "near_duplicates", params=("tuning",)),
            f"{paper}.tuning_inner",
            name="divide_training_part",
        ),
    ]


INNER = ("tuning_samples", "tuning_inner", "prepared", "tuning_workspace")
"""What the networks of trials are trained and judged on."""
OUTER = ("tuning_study", "tuning_certificate", "samples", "splits")
"""What the one look at the outer part needs beside it."""
SETTINGS = ("cohort", "preprocessing", "recipe", "tuning")


def _images(paper: str) -> list[Node]:
    """The study of a row of image classifiers, and its one look at the outer part."""
    row = TUNED[paper]
    return _searched(
        paper,
        fixed(nodes.tune_images, name=f"{paper}.{row}"),
        fixed(nodes.judge_images, row=row),
        (),
    )


def _outlines(paper: str) -> list[Node]:
    """The same of the segmentation row, which also reads the slices' own label maps."""
    row = TUNED[paper]
    return _searched(
        paper,
        fixed(outlining.tune_outlines, name=f"{paper}.{row}"),
        fixed(outlining.judge_outlines, row=row),
        ("archive",),
    )


def _searched(
    paper: str, tune: Callable[..., Any], judge: Callable[..., Any], further: tuple[str, ...]
) -> list[Node]:
    """The study, its certificate, and the one look at the outer part that this allows."""
    step = partial(node, namespace=paper)
    own = {"learner": f"params:{paper}.{TUNED[paper]}.learner"}
    return [
        step(
            tune,
            _of(paper, *INNER, *further, params=SETTINGS) | own | {"parallel": "params:parallel"},
            f"{paper}.tuning_study",
            name="tune",
        ),
        _certified(paper, "tuning_inner"),
        step(
            judge,
            _of(paper, *INNER, *OUTER, *further, params=SETTINGS) | own,
            f"{paper}.tuning_result",
            name="judge_chosen",
        ),
    ]


def _certified(paper: str, inner: str) -> Node:
    """What trials saw, held against the outer part; `inner`: folds of the training part."""
    given = ("tuning_study", "tuning_workspace", "samples", "splits", "near_duplicates")
    return node(
        certify_tuning,
        _of(paper, *given, params=("tuning",)) | {"tuning_inner": f"{paper}.{inner}"},
        f"{paper}.tuning_certificate",
        name="certify_tuning",
        namespace=paper,
    )


def _told(paper: str) -> list[Node]:
    """Best values, and everything that is shown."""
    row = TUNED[paper]
    best = node(
        fixed(nodes.write_best_values, paper=paper, row=row),
        _of(paper, "tuning_result", params=("recipe",))
        | {"learner": f"params:{paper}.{row}.learner"},
        f"{paper}.best_values",
        name="write_best_values",
        namespace=paper,
    )
    return [best, *_drawn(paper, corners="")]


def _drawn(paper: str, corners: str) -> list[Node]:
    """Trials as a table and as pictures; `corners`: what three weights belong to."""
    step = partial(node, namespace=paper)
    return [
        step(
            nodes.list_trials,
            _of(paper, "tuning_study", params=("tuning",)),
            f"{paper}.tuning_trials",
            name="list_trials",
        ),
        step(
            fixed(draw_tuning, corners=corners),
            _of(paper, "tuning_study", "tuning_result", params=("tuning",)),
            [f"{paper}.tuning_figures", f"{paper}.tuning_pictures"],
            name="draw_tuning",
        ),
    ]


def _fusion(paper: str) -> list[Node]:
    """The study on saved answers, its certificate, its one look at the test part, best values."""
    step, row = partial(node, namespace=paper), TUNED[paper]
    blocks = {
        "learner": f"params:{paper}.{row}.learner",
        "sequence": f"params:{paper}.{SEQUENCES[0]}.learner",
    }
    models = {f"{one}__scores": f"{paper}.{one}.sequence_scores" for one in SEQUENCES}
    models |= {f"{one}__learner": f"params:{paper}.{one}.learner" for one in SEQUENCES}
    whole = _of(paper, "samples", "splits", "inner_splits", params=("recipe", "tuning"))
    whole |= {"detections": f"{paper}.detector.detections"} | models
    taken = ("tuning_samples", "tuning_detections", "tuning_sequences")
    return [
        step(
            fusing.take_opinions,
            whole,
            [f"{paper}.{name}" for name in (taken[0], "tuning_outer", *taken[1:])],
            name="take_opinions",
        ),
        step(
            fixed(fusing.tune_fusion, name=f"{paper}.{row}"),
            _of(paper, *taken, "tuning_workspace", params=("cohort", "recipe", "tuning")) | blocks,
            [f"{paper}.tuning_study", f"{paper}.tuning_search"],
            name="tune",
        ),
        _certified(paper, "tuning_samples"),
        step(
            fixed(fusion_judging.judge_fusion, row=row),
            whole
            | _of(paper, "tuning_study", "tuning_search", "tuning_certificate", "tuning_workspace")
            | {"cohort": f"params:{paper}.cohort"}
            | blocks,
            f"{paper}.tuning_result",
            name="judge_chosen",
        ),
        step(
            fixed(fusion_judging.write_best_fusion, paper=paper, row=row, network=SEQUENCES[0]),
            _of(paper, "tuning_result", params=("recipe",)) | {"learner": blocks["learner"]},
            f"{paper}.best_values",
            name="write_best_values",
        ),
    ]


def _of(paper: str, *data: str, params: Iterable[str] = ()) -> dict[str, str]:
    """Argument → dataset, or block of parameters, of the same name in a paper's namespace."""
    return {name: f"{paper}.{name}" for name in data} | {
        name: f"params:{paper}.{name}" for name in params
    }
