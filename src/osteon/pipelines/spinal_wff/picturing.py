"""Pictures of the framework's cases: slices with boxes, tubes with maps, patients of the page."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon.measures.tube_boxes import BOX
from osteon.pipelines.spinal_wff.boxes import drawn_boxes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from osteon.reporting.patients.cases import PatientCase
    from osteon.reporting.wff_gallery import WffCase

SIDE = 176
"""Longer side of a slice on the patient page, px."""
SLICES = 12
"""Slices of a series on the patient page, at most."""
METHOD = "grad_cam"


@dataclass(frozen=True)
class Pictures:
    """Draws the cases of one run.

    Attributes:
        samples: one row a slice, with `sequence_id`.
        archive: pixels and drawn boxes.
        found: boxes of the detector that count.
        classes: names, the positive one last.
        series: judged series that have a tube.
        sequence: the final sequence model.
        maps: Grad-CAM of the tubes.
        hidden: slices that are never shown.
        seed: of what is drawn at random.
    """

    samples: pd.DataFrame
    archive: Any
    found: pd.DataFrame
    classes: tuple[str, ...]
    series: pd.DataFrame
    sequence: Any
    maps: Any
    hidden: frozenset[str]
    seed: int

    @cached_property
    def _boxes(self) -> dict[Any, list[tuple[float, ...]]]:
        """Slice → its found boxes with both probabilities, the surest first."""
        columns = [*BOX, *(f"prob_{name}" for name in self.classes)]
        ordered = self.found.sort_values("score", ascending=False, kind="stable")
        return {
            name: list(rows[columns].itertuples(index=False, name=None))
            for name, rows in ordered.groupby("sample_id")
        }

    @cached_property
    def _row(self) -> dict[str, int]:
        return dict(zip(self.samples["sample_id"], self.samples["archive_row"], strict=True))

    def slice(self, name: str, side: int = SIDE) -> "NDArray[np.uint8]":
        """A slice with its boxes, (h, w, 3)."""
        from osteon.imaging.prepare import stretched
        from osteon.reporting.wff_gallery import boxed

        row = int(self._row[name])
        drawn = [box[:4] for box in self.archive.boxes(row)]
        return boxed(stretched(self.archive.pixels(row)), self._given(name), drawn, side)

    def _given(self, name: str) -> Any:
        return self._boxes.get(name, [])

    def strip(self, name: str) -> "NDArray[np.uint8] | None":
        """The tube of a series with its Grad-CAM; None where there is no tube or none is shown."""
        from osteon.reporting.wff_gallery import tube_strip

        found = self._tube(name)
        return None if found is None else tube_strip(*found)

    def _tube(self, name: str) -> "tuple[NDArray[Any], NDArray[Any] | None] | None":
        """The tube of a series and its map at the same size."""
        from osteon.pipelines.spinal_wff.explaining import tubes_of

        own = self.series[self.series["sequence_id"] == name]
        if own.empty or self._hides(name):
            return None
        tube = tubes_of(own, self.samples, self.archive, self.sequence).tube(0)
        found = self.maps.get(METHOD, name)
        if found is None:
            return tube, None
        import torch

        from osteon.explaining.tubes import upsample_tubes

        laid = upsample_tubes(torch.from_numpy(np.array(found))[None], tube.shape)
        return tube, laid[0].numpy()

    def _hides(self, series: str) -> bool:
        own = self.samples.loc[self.samples["sequence_id"] == series, "sample_id"]
        return not self.hidden.isdisjoint(own)

    def patient(self, name: str, reason: str, said: Any) -> "PatientCase":
        """One patient of the page.

        Args:
            name: pseudonym; reason: why the patient is shown; said: of `fusion_explain.explain`.
        """
        from osteon.reporting.patients.building import case_of
        from osteon.reporting.wff_choice import choose_slices

        own = said.images[said.images["patient_id"] == name]
        numbered = own.merge(self.samples[["sample_id", "slice"]], on="sample_id")
        shown = [
            sample
            for _, rows in numbered.groupby("sequence_id", sort=False)
            for sample in choose_slices(rows, SLICES, self.hidden)
        ]
        strips = {one: self.strip(one) for one in own["sequence_id"].drop_duplicates()}
        origin = dict(zip(self.series["sequence_id"], self.series["box_from"], strict=True))
        return case_of(
            name,
            said,
            self.samples,
            name=name[:7],
            reason=reason,
            pictures={sample: self.slice(sample) for sample in shown},
            strips={one: strip for one, strip in strips.items() if strip is not None},
            box_from={one: origin.get(one, "none") for one in strips},
        )

    def gallery_cases(self, said: Any, count: int) -> "list[WffCase]":
        """Cases of the galleries of boxes and of tubes, from the test part."""
        from osteon.reporting.wff_choice import choose_boxes
        from osteon.reporting.wff_gallery import WffCase, tube_tiles

        facts = self.samples.set_index("sample_id")
        cases = []
        judged = self._judged(said.images)
        for gallery, names in choose_boxes(judged, count).items():
            for name in names:
                text = self._told(name)
                cases.append(WffCase(gallery, str(facts["class"][name]), text, (self._tile(name),)))
        told = said.sequences.set_index("sequence_id")
        order = self.series.sample(frac=1, random_state=self.seed)
        for row in order.drop_duplicates("patient_id").head(count).to_dict("records"):
            found = self._tube(row["sequence_id"])
            if found is not None:
                m = told.loc[row["sequence_id"], "m"]
                text = f"{row['sequence'] or 'sequence not recognised'}: sequence model M = {m:.2f}"
                label = self.classes[int(row["label"])]
                cases.append(WffCase("tubes", label, text, tuple(tube_tiles(*found))))
        return cases

    def _judged(self, images: pd.DataFrame) -> pd.DataFrame:
        """One row an image that may be shown: boxes found and drawn, and how well they meet."""
        from osteon.measures.detection import box_iou

        own = self.samples[self.samples["sample_id"].isin(images["sample_id"])]
        own = own[~own["sample_id"].isin(self.hidden)]
        drawn = dict(iter(drawn_boxes(own, self.archive).groupby("sample_id")))
        rows = []
        for name, patient in zip(own["sample_id"], own["patient_id"], strict=True):
            found, given = self._given(name), drawn.get(name)
            count = 0 if given is None else len(given)
            iou, score = np.nan, np.nan
            if found:
                score = max(found[0][4:])
                if given is not None:
                    surest = np.array([found[0][:4]])
                    iou = float(box_iou(surest, given[BOX].to_numpy(float)).max())
            rows.append((name, patient, len(found), count, iou, score))
        names = ["sample_id", "patient_id", "found", "drawn", "iou", "score"]
        return pd.DataFrame(rows, columns=names)

    def _told(self, name: str) -> str:
        found = self._given(name)
        if not found:
            return "no box found"
        p_b, p_m = found[0][4:]
        boxes = "1 box" if len(found) == 1 else f"{len(found)} boxes"
        both = f"{self.classes[0]} {p_b:.2f}, {self.classes[-1]} {p_m:.2f}"
        return f"{boxes}, the surest with {both}: D = {p_m / (p_b + p_m):.2f}"

    def _tile(self, name: str) -> Any:
        from osteon.imaging.prepare import stretched
        from osteon.reporting.wff_gallery import box_tile

        row = int(self._row[name])
        drawn = [box[:4] for box in self.archive.boxes(row)]
        number = self.samples.set_index("sample_id")["slice"][name]
        caption = f"slice {number}" if pd.notna(number) else "slice"
        return box_tile(caption, stretched(self.archive.pixels(row)), self._given(name), drawn)
