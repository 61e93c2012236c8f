"""The galleries of a report: single images beside what was made of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon.cohorts.choosing import field_at
from osteon.cohorts.config import CohortConfig
from osteon.pipelines.explainability.nodes import lesion
from osteon.recipes.explainability import ExplainabilityConfig
from osteon.recipes.preprocessing import PreprocessingConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from osteon.explaining.crops import Crop
    from osteon.reporting.choice import Gallery
    from osteon.reporting.gallery import Case, Tile

METHODS = {"grad_cam": "Grad-CAM", "integrated_gradients": "integrated gradients"}
FRAMED = " An orange frame on the original marks the part that the network was given."

Shown = tuple[str, Any, pd.DataFrame]


def draw_galleries(
    archive: Any,
    images: pd.DataFrame,
    samples: pd.DataFrame,
    prepared: Path,
    config: ExplainabilityConfig,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    reference: pd.DataFrame,
    headline: pd.DataFrame,
    reference_maps: Any,
    headline_maps: Any,
) -> tuple[Any, ...]:
    """The galleries: what the networks were given, then both learners' maps on the originals.

    Args:
        archive: original pixels and lesions.
        images: its index: an image with suspected writing in its pixels is never shown.
        samples: one row a sample; the crop columns say which part of the original was prepared.
        prepared: folder of the image store.
        config: cases in a gallery, and the seed of what is drawn.
        cohort: the classes.
        preprocessing: how an original or its crop was laid on the network's input.
        reference: predictions of the learner that the others are tested against.
        headline: predictions of the learner under test; empty if it was skipped.
        reference_maps: maps of the reference.
        headline_maps: maps of the headline learner.

    Returns:
        the galleries as the report shows them, pictures as data, and a contact sheet of each, both
        in the order of `osteon.reporting.choice.NAMES`.
    """
    from osteon.reporting.choice import choose, choose_prepared, labels

    hidden = images.loc[images["burned_in_text"], "sample_id"].tolist()
    called = labels(_named(reference), _named(headline if len(headline) else reference))
    shown = [(called[0], reference_maps, reference)]
    if len(headline):
        shown.append((called[1], headline_maps, headline))
    judged = choose(reference, shown[-1][2], config.cases, hidden, called)
    drawer = _Drawer(archive, samples, prepared, preprocessing)
    drawn = [drawer.prepared(choose_prepared(samples, config.cases, hidden, config.seed))]
    drawn += [drawer.judged(gallery, shown, cohort.classes[-1]) for gallery in judged]
    kept_back = f" {len(hidden)} images with suspected writing are not shown." if hidden else ""
    for gallery, _ in drawn:
        gallery["caption"] += kept_back
    return ([gallery for gallery, _ in drawn], *(sheet for _, sheet in drawn))


class _Drawer:
    """Draws chosen samples of one cohort."""

    def __init__(
        self,
        archive: Any,
        samples: pd.DataFrame,
        prepared: Path,
        preprocessing: PreprocessingConfig,
    ) -> None:
        self.archive, self.preprocessing = archive, preprocessing
        self.samples: dict[Any, dict[Any, Any]] = samples.set_index("sample_id").to_dict("index")
        self.store = prepared / "images.npy"

    def prepared(self, gallery: "Gallery") -> "tuple[dict[str, Any], Figure]":
        """What the network was given, beside the original."""
        from osteon.reporting.gallery import given, told

        store = np.load(self.store, mmap_mode="r", allow_pickle=False)
        cases = []
        for number, name in enumerate(gallery.samples, 1):
            one = self.samples[name]
            text = told(self._crop(name), self._shape(name), str(one["crop_source"]))
            tiles = [*self._tiles(name, []), given(store[one["row"]])]
            cases.append(self._case(number, name, text, tiles))
        return self._drawn(gallery, cases)

    def judged(
        self, gallery: "Gallery", shown: Sequence[Shown], positive: str
    ) -> "tuple[dict[str, Any], Figure]":
        """What the learners said, and their maps on the original."""
        cases = [
            self._case(number, name, judgements(name, shown, positive), self._tiles(name, shown))
            for number, name in enumerate(gallery.samples, 1)
        ]
        return self._drawn(gallery, cases)

    def _drawn(self, gallery: "Gallery", cases: "list[Case]") -> "tuple[dict[str, Any], Figure]":
        from osteon.explaining.crops import is_whole
        from osteon.reporting.figures.draw import contact_sheet

        framed = any(not is_whole(self._crop(one), self._shape(one)) for one in gallery.samples)
        page = {
            "name": gallery.name,
            "title": gallery.title,
            "caption": gallery.caption + (FRAMED if framed else ""),
            "cases": [case.for_page() for case in cases],
        }
        return page, contact_sheet([case.for_sheet() for case in cases], gallery.title)

    def _case(self, number: int, name: str, text: str, tiles: "list[Tile]") -> "Case":
        from osteon.reporting.gallery import Case

        label = str(self.samples[name]["class"]).replace("_", "-")
        return Case(number, label, text, tiles)

    def _tiles(self, name: str, shown: Sequence[Shown]) -> "list[Tile]":
        """The original, and the maps of each method and learner."""
        from osteon.explaining.maps import to_original
        from osteon.reporting.gallery import tiles

        crop, shape, how = self._crop(name), self._shape(name), self.preprocessing
        field = field_at(self.archive, self._row(name), how.field_mm)

        def lay(one: "NDArray[Any]", at: tuple[int, int]) -> "NDArray[Any]":
            laid = to_original(one, shape, how.resize, how.size, crop=crop, at=at, field=field)
            return np.asarray(laid / max(float(np.abs(laid).max()), 1e-12))

        maps = [
            (f"{title}, {learner}{'' if found.any() else ' (empty)'}", found)
            for method, title in METHODS.items()
            for learner, store, _ in shown
            if method in store.methods and (found := store.get(method, name)) is not None
        ]
        row = self._row(name)
        return tiles(self.archive.pixels(row), lesion(self.archive, row), maps, lay, crop)

    def _row(self, name: str) -> int:
        return int(self.samples[name]["archive_row"])

    def _shape(self, name: str) -> tuple[int, int]:
        rows, columns = self.archive.pixels(self._row(name)).shape[:2]
        return rows, columns

    def _crop(self, name: str) -> "Crop":
        from osteon.explaining.crops import COLUMNS

        x0, y0, x1, y1 = (int(self.samples[name][column]) for column in COLUMNS)
        return x0, y0, x1, y1


def judgements(name: str, shown: Sequence[Shown], positive: str) -> str:
    """What each learner gave the positive class on a sample."""
    parts = []
    for learner, _, predictions in shown:
        given = predictions.loc[predictions["sample_id"] == name, f"prob_{positive}"]
        parts += [f"{learner}: {value:.2f}" for value in given]
    return f"probability of {positive.replace('_', '-')}: " + ", ".join(parts)


def _named(predictions: pd.DataFrame) -> str:
    return str(predictions["learner"].iloc[0]) if len(predictions) else "reference"
