"""Cases with outlines, what the first layer looks for, and masks for other programs."""

import hashlib
import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from osteon import imaging
from osteon.cohorts.config import CohortConfig
from osteon.datasets.store import DIGEST_FILE, Build, source_hash
from osteon.pipelines.spinal_penn.training import values_of
from osteon.recipes.explainability import ExplainabilityConfig

PLACED = (
    *("image_position", "image_orientation", "pixel_spacing_mm", "native_rows", "native_columns"),
    *("modality", "file_id", "slice"),
)
"""What the archive's index says of a slice that its exported mask hangs on."""
WRITTEN = datetime(2000, 1, 1, tzinfo=UTC)
"""Date in an exported file: pseudonymous images have none, and the same outlines give one file."""


def show_outlines(
    samples: pd.DataFrame,
    archive: Any,
    cohort: CohortConfig,
    config: ExplainabilityConfig,
    model: Any,
    slices: pd.DataFrame,
    outlines: Any,
    rival: Any,
    names: str = "penn unet",
    prepared: Path | None = None,
    saliency: Any = None,
    scores: pd.DataFrame | None = None,
    explained: dict[str, Any] | None = None,
) -> tuple[Any, ...]:
    """Best, median and worst slices, outlines where there is no target, filters and gradients.

    Args:
        samples: one row a slice with a label map.
        archive: pixels and label maps.
        cohort: the mask's classes.
        config: how many cases.
        model: the learner under test.
        slices: its counts, one row a judged slice.
        outlines: its outlines.
        rival: outlines of the reference.
        names: of the two, for people.
        prepared, saliency, scores, explained: the image store, and what `explain_patches` left;
            without them no gradient is shown.

    Returns:
        galleries for the page, then a contact sheet for each of `GALLERIES`, for the filters and
        for the gradients; slices flagged for writing in their pixels are never shown.
    """
    from osteon.reporting.saliency_gallery import choose_saliency, saliency_gallery
    from osteon.reporting.segmentation_gallery import (
        GALLERIES,
        choose_outlines,
        filters_gallery,
        outline_galleries,
    )

    hidden = set(archive.index.loc[archive.index["burned_in_text"], "sample_id"])
    shown = slices[~slices["sample_id"].isin(hidden)]
    chosen = choose_outlines(shown, config.cases)
    target = cohort.classes[-1].replace("_", " ")
    both = dict(zip(names.split(), (outlines, rival), strict=True))
    draw = partial(_case, samples, archive, values_of(cohort)[0], both)
    cases = {
        name: [draw(number, sample) for number, sample in enumerate(own, 1)]
        for name, own in chosen.items()
    }
    pages, sheets = outline_galleries(cases, target, names.split()[0])
    learner = names.split()[0]
    filters, sheet = filters_gallery({learner: _filters(model)})
    seen = choose_saliency(scores, hidden, config.cases) if scores is not None else None
    gradients = _gradients(seen, samples, prepared, saliency, values_of(cohort)[0])
    more, beside = saliency_gallery(gradients, target, learner, explained or {})
    return [*pages, filters, more], *(sheets[name] for name in GALLERIES), sheet, beside


def _gradients(
    seen: pd.DataFrame | None,
    samples: pd.DataFrame,
    prepared: Path | None,
    saliency: Any,
    target: int,
) -> list[Any]:
    """Slices as the network was given them, with the gradients over them; none without scores."""
    from osteon.pipelines.preprocessing.storing import IMAGES, MASKS
    from osteon.reporting.saliency_gallery import saliency_case

    if seen is None or prepared is None or not len(seen):
        return []
    images, masks = (np.load(prepared / one, mmap_mode="r") for one in (IMAGES, MASKS))
    rows = samples.set_index("sample_id")["row"]
    return [
        saliency_case(
            number,
            np.asarray(images[rows[one["sample_id"]]]),
            masks[rows[one["sample_id"]]] == target,
            {name: saliency.get(name, one["sample_id"]) for name in saliency.methods},
            {str(name): value for name, value in one.items()},
        )
        for number, one in enumerate(seen.to_dict("records"), 1)
    ]


def _case(
    samples: pd.DataFrame,
    archive: Any,
    target: int,
    outlines: dict[str, Any],
    number: int,
    sample: str,
) -> Any:
    """One slice with what was drawn and what the learners outlined."""
    from osteon.imaging.prepare import stretched
    from osteon.measures.segmentation import count
    from osteon.reporting.gallery import Case
    from osteon.reporting.segmentation_gallery import Outlined, outline_text, outline_tiles

    row = int(samples.loc[samples["sample_id"] == sample, "archive_row"].iloc[0])
    truth = archive.mask(row) == target
    found = {name: one.get(sample) for name, one in outlines.items()}
    known = {name: mask for name, mask in found.items() if mask is not None}
    counts = {name: count(mask, truth) for name, mask in known.items()}
    case = Outlined(stretched(archive.pixels(row)), truth, known)
    said = f"{'with' if truth.any() else 'without'} target"
    return Case(number, said, outline_text(counts), outline_tiles(case))


def _filters(model: Any) -> Any:
    """First-layer weights of the first fold's network, (nodes, p, p)."""
    return model.networks[0].filters().detach().cpu().numpy()


def show_nothing(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """No gallery: a report of figures alone.

    Args:
        metrics: of the evaluation, after which the page is put together.
    """
    return []


def export_outlines(
    samples: pd.DataFrame,
    archive: Any,
    cohort: CohortConfig,
    outlines: Any,
    judged: pd.DataFrame,
) -> Build:
    """The outlines of every judged series as DICOM SEG and NIfTI, under pseudonyms.

    Args:
        samples: one row a slice.
        archive: where each slice lies in the patient.
        cohort: names the target.
        outlines: of one learner.
        judged: its slices.

    Returns:
        the build of a folder with `<patient>/<series>.dcm` and `.nii.gz`, and `contents.json`: what
        was written, and why a series was not.
    """
    table = judged.merge(samples[["sample_id", "archive_row", "series_id"]], on="sample_id")
    write = partial(_export, table=table, archive=archive, cohort=cohort, outlines=outlines)
    what = hashlib.sha256((outlines.folder / DIGEST_FILE).read_bytes())
    what.update(f"{cohort.classes[-1]} {source_hash(imaging)}".encode())
    for part in (table, archive.index.iloc[table["archive_row"]][list(PLACED)]):
        what.update(part.to_csv(index=False).encode())
    return Build(what.hexdigest(), write)


def _export(
    folder: Path, table: pd.DataFrame, archive: Any, cohort: CohortConfig, outlines: Any
) -> None:
    from osteon.imaging.nifti_writer import write_nifti
    from osteon.imaging.segmentation_writer import Series, segment_of, write_seg
    from osteon.imaging.slice_planes import assumed_planes, has_planes, planes_of

    index = archive.index.iloc[table["archive_row"]].reset_index(drop=True)
    # A file that names no series is one by itself.
    named = index["series_id"].fillna("")
    series = named.where(named != "", index["file_id"])
    ordered = table.assign(series=series, modality=index["modality"], slice=index["slice"])
    learner, segments = str(table["learner"].iloc[0]), {1: segment_of(cohort.classes[-1])}
    written, assumed, left = [], [], {}
    for (patient, name), own in ordered.sort_values("slice", kind="stable").groupby(
        ["patient_id", "series"], sort=False
    ):
        place, told = folder / str(patient) / str(name), f"{patient}/{name}"
        place.parent.mkdir(exist_ok=True)
        records = archive.index.iloc[own["archive_row"]].to_dict("records")
        masks = np.stack([outlines.get(sample) for sample in own["sample_id"]]).astype(np.uint8)
        modality = str(own["modality"].iloc[0])
        known = Series(str(patient), str(name), tuple(own["sample_id"]), modality)
        try:
            if has_planes(records):
                planes, said = planes_of(records), ""
            else:
                planes, said = assumed_planes(records), "geometry assumed"
                assumed.append(told)
            write_seg(
                place.with_suffix(".dcm"),
                masks,
                planes,
                segments,
                known,
                created=WRITTEN,
                algorithm=learner,
                description=said,
            )
            write_nifti(place.with_suffix(".nii.gz"), masks, planes)
            written.append(told)
        except ValueError as error:
            left[told] = str(error)
            for ending in (".dcm", ".nii.gz"):  # one without the other would pass for both
                place.with_suffix(ending).unlink(missing_ok=True)
    found: dict[str, Any] = {"learner": learner, "target": cohort.classes[-1], "written": written}
    found |= {"geometry_assumed": assumed, "left_out": left}
    (folder / "contents.json").write_text(json.dumps(found, indent=2))
