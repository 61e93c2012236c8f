"""Wiring of evaluation: a report has its own namespace in a paper's, and can judge any learners."""

from collections.abc import Iterable, Mapping

from kedro.pipeline import Node, Pipeline, node

from osteon.pipelines.evaluation import nodes


def create_pipeline(
    paper: str,
    report: str,
    learners: Iterable[str],
    splits: str = "splits",
    samples: str = "samples",
    certify: Node | None = None,
    networks: Iterable[str] = (),
) -> Pipeline:
    """Controls, leak certificate, metrics and comparison of some learners of a paper.

    Args:
        paper: namespace the learners live in.
        report: namespace of the results, which is also their folder under `data/08_reporting`.
        learners: names in the paper's namespace.
        splits: name of the splits table that these learners were trained by.
        samples: name of the table of what is judged.
        certify: makes `<report>.leak_certificate`, where a paper has more to check.
        networks: what learners share and that calls nobody by itself; its record is told.
    """
    learners = list(learners)
    samples, splits = f"{paper}.{samples}", f"{paper}.{splits}"
    return Pipeline(
        [
            node(
                nodes.predict_controls,
                [samples, splits, f"params:{paper}.cohort"],
                [f"{report}.controls", f"{report}.controls_fitted"],
                name="predict_controls",
                namespace=report,
            ),
            certify or _certify(paper, report, learners, samples, splits),
            node(
                nodes.evaluate_learners,
                {
                    "config": f"params:{paper}.evaluation",
                    "cohort": f"params:{paper}.cohort",
                    "flow": f"{paper}.cohort_flow",
                    "certificate": f"{report}.leak_certificate",
                    "controls": f"{report}.controls",
                    "controls__fitted": f"{report}.controls_fitted",
                    **{name: f"{paper}.{name}.predictions" for name in learners},
                    **{f"{name}__fitted": f"{paper}.{name}.fitted" for name in learners},
                    **{f"{name}__record": f"{paper}.{name}.training_record" for name in learners},
                    **{f"{name}__network": f"{paper}.{name}.training_record" for name in networks},
                },
                [f"{report}.metrics", f"{report}.curves", f"{report}.comparison"],
                name="evaluate_learners",
                namespace=report,
            ),
        ],
        tags="evaluation",
    )


def _certify(paper: str, report: str, learners: Iterable[str], samples: str, splits: str) -> Node:
    return node(
        nodes.certify_no_leak,
        {
            "samples": samples,
            "splits": splits,
            "near_duplicates": f"{paper}.near_duplicates",
            **seen_by(paper, report, learners),
        },
        f"{report}.leak_certificate",
        name="certify_no_leak",
        namespace=report,
    )


def seen_by(paper: str, report: str, learners: Iterable[str]) -> dict[str, str]:
    """What a certificate reads of the controls and of each learner."""
    controls = {
        "controls__fitted": f"{report}.controls_fitted",
        "controls__predictions": f"{report}.controls",
    }
    return controls | _seen(paper, learners)


def create_audit_pipeline(paper: str, report: str, pairs: Mapping[str, str]) -> Pipeline:
    """How much higher the same learners read when patients are divided between folds.

    Args:
        paper: namespace the learners live in.
        report: namespace of the results.
        pairs: patient-level learner → its twin under an image-level split.
    """
    names = [*pairs, *pairs.values()]
    return Pipeline(
        [
            node(
                nodes.certify_audit,
                {
                    "samples": f"{paper}.samples",
                    "splits": f"{paper}.image_level_splits",
                    "near_duplicates": f"{paper}.near_duplicates",
                    **_seen(paper, pairs.values()),
                },
                f"{report}.leak_certificate",
                name="certify_audit",
                namespace=report,
            ),
            node(
                nodes.audit_image_level,
                {
                    "config": f"params:{paper}.evaluation",
                    **{name: f"{paper}.{name}.predictions" for name in names},
                },
                f"{report}.split_gap",
                name="audit_image_level",
                namespace=report,
            ),
        ],
        tags="evaluation",
    )


def _seen(paper: str, learners: Iterable[str]) -> dict[str, str]:
    """What a certificate reads of each learner."""
    return {
        f"{name}__{what}": f"{paper}.{name}.{what}"
        for name in learners
        for what in ("fitted", "predictions")
    }
