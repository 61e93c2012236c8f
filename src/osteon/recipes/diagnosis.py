"""The framework in use on one patient, without Kedro: series in, call out, stage by stage.

from osteon.recipes.diagnosis import load_framework
framework = load_framework("data/06_models/spinal_wff")
found = framework.diagnose([t1_slices, t2_slices], age=54)
print(found.call, found.score, found.seconds)
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from osteon.imaging.laying import Laying, found_on_originals
from osteon.imaging.prepare import prepare
from osteon.imaging.region import Region
from osteon.imaging.resize import shrink
from osteon.imaging.tubes import choose_by_index, cut_tube, standardise, tube_box
from osteon.learning.artefact import CARD_FILE
from osteon.learning.batches import unit
from osteon.measures import tube_boxes
from osteon.measures.age_table import AgeTable
from osteon.measures.fusion import votes
from osteon.measures.fusion_explain import Explained, explain
from osteon.measures.fusion_terms import NoBox, Terms, names
from osteon.measures.opinions import image_opinions
from osteon.measures.tube_boxes import BOX, columns
from osteon.recipes.artefact import Ensemble, hashes, load_learner
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_wff import DetectorRecipe, SequenceRecipe, VotingConfig

Slices = Sequence[NDArray[Any]]
STAGES = ("prepare", "detect", "cut", "classify", "fuse")
"""Of a diagnosis: slices made ready, detector, tubes, sequence model, Eq. 1 with the votes."""
FILE = "framework.json"
PATIENT = "patient"
SIZE = ("rows", "columns")


@dataclass(frozen=True)
class Diagnosis:
    """What the framework says of one patient.

    Attributes:
        call: name of the class that the votes gave.
        score: mean over the series of the mean over the images of P, 0..1, for the positive class.
        terms: D, M and A, and names, of all images, series and the patient.
        lambdas: λ1, λ2, λ3 that they were weighed by.
        no_box: what an image without a box did.
        boxes: one row a found box: sample_id (`<series>/<slice>`), x0 … y1 in px of the slices,
            score and prob_<class>.
        seconds: stage → seconds, in the order of `STAGES`.
    """

    call: str
    score: float
    terms: Terms
    lambdas: tuple[float, float, float]
    no_box: NoBox
    boxes: pd.DataFrame
    seconds: dict[str, float]

    @cached_property
    def votes(self) -> Explained:
        """Every image's, every series' and the patient's vote; made when it is first asked for."""
        return explain(self.terms, self.lambdas, self.no_box)


@dataclass(frozen=True)
class Framework:
    """Detector, sequence model, age table and weights.

    Attributes:
        detector: a loaded detector; None where boxes come from nowhere (the whole slice is used).
        sequence: a loaded sequence model.
        age: the age table of the training part.
        lambdas: λ1, λ2, λ3.
        voting: Eq. 1 and the votes.
        preprocessing: how slices are laid on the detector's square.
        max_side: longer side that slices are reduced to first, px, as ingestion did.
        device: where the networks run.
    """

    detector: Ensemble | None
    sequence: Ensemble
    age: AgeTable
    lambdas: tuple[float, float, float]
    voting: VotingConfig
    preprocessing: PreprocessingConfig
    max_side: int | None
    device: torch.device

    @property
    def classes(self) -> tuple[str, ...]:
        """Names; the last is the positive one."""
        return self.sequence.classes

    def diagnose(
        self, series: Sequence[Slices], age: float | None = None, names: Sequence[str] | None = None
    ) -> Diagnosis:
        """Call one patient.

        Args:
            series: of each sagittal series its slices in the order along the normal, H × W uint16
                or uint8 display values.
            age: years; None drops the age term, and the other weights share its part.
            names: of the series (T1WI, ...), for the votes; numbers without.

        Raises:
            ValueError: no series, or one without a slice.
        """
        if not len(series) or min(len(one) for one in series) == 0:
            raise ValueError(f"series: {[len(one) for one in series]} slices found, 1 or more each")
        clock = _Clock(self.device)
        with clock.stage("prepare"):
            series = [[shrink(one, self.max_side) for one in slices] for slices in series]
            table = _table(series, names)
            batches = self._prepared(series)
        with clock.stage("detect"):
            boxes = self._boxes(batches, table)
        with clock.stage("cut"):
            cut = self._tubes(series, table, boxes)
        with clock.stage("classify"):
            said = self._sequence(cut)
        voting = self.voting
        with clock.stage("fuse"):
            terms = self._terms(table, boxes, said, age)
            found = votes(terms, np.array([self.lambdas]), voting.no_box)
        call = self.classes[-1] if found.vote[0, 0] else self.classes[0]
        score = float(found.score[0, 0])
        return Diagnosis(call, score, terms, self.lambdas, voting.no_box, boxes, clock.seconds)

    def _prepared(self, series: Sequence[Slices]) -> list[torch.Tensor]:
        """Batches of at most 16 slices, B × 3 × side × side in [0, 1], on the device."""
        if self.detector is None:
            return []
        how = self.preprocessing
        made = [
            prepare(
                one,
                region=Region(0, 0, one.shape[1], one.shape[0], "whole"),
                colour=how.colour,
                windows=how.windows,
                size=how.size,
                resize=how.resize,
                intensity=how.intensity,
                stretch=how.stretch,
            )
            for slices in series
            for one in slices
        ]
        stack = torch.from_numpy(np.stack(made))
        return [unit(part.to(self.device)) for part in stack.split(16)]

    def _boxes(self, batches: list[torch.Tensor], table: pd.DataFrame) -> pd.DataFrame:
        names = [f"prob_{name}" for name in self.classes]
        if self.detector is None:
            empty = {name: pd.Series(dtype="float64") for name in [*BOX, *names, "score"]}
            return pd.DataFrame({"sample_id": pd.Series(dtype="str"), **empty})
        with torch.no_grad():
            found = torch.cat([self.detector.networks[0](batch) for batch in batches])
        numbers = found.double().cpu().numpy()
        sizes, how = columns(table, SIZE).astype(np.int64), self.preprocessing
        laid = [Laying.of(int(h), int(w), how.size, how.resize) for h, w in sizes]
        at, corners, given = found_on_originals(numbers, laid, sizes)
        values = zip((*BOX, *names), (*corners.T, *given.T), strict=True)
        return pd.DataFrame(
            {
                "sample_id": pd.Series(table["sample_id"].to_numpy()[at], dtype=object),
                **dict(values),
                "score": given.max(axis=1, initial=0),
            }
        )

    def _tubes(
        self, series: Sequence[Slices], table: pd.DataFrame, boxes: pd.DataFrame
    ) -> tuple[pd.DataFrame, torch.Tensor]:
        """Which series have a tube, and those tubes, on the device."""
        first = table[~table["sequence_id"].duplicated().to_numpy()].reset_index(drop=True)
        known = pd.DataFrame(
            {name: first[name] for name in ("sequence_id", "patient_id", "sequence")}
        )
        sizes = columns(first, SIZE)
        if self.detector is None:
            cut = tube_boxes.whole(known, sizes)
        else:
            sure = tube_boxes.surest(boxes, self.voting.score)
            cut = tube_boxes.largest(known, table, sure, tube_boxes.DETECTED)
            if self.voting.tube_without_box == "other_series":
                cut = tube_boxes.borrowed(cut, sizes)
        recipe = self.sequence.recipe
        assert isinstance(recipe, SequenceRecipe)
        slice_of = dict(zip(table["sample_id"], table["slice"], strict=True))
        corners, named = columns(cut, BOX), cut["sample_id"].tolist()
        made = []
        for at in np.flatnonzero(cut["box_from"].to_numpy() != tube_boxes.NONE).tolist():
            slices = series[at]
            centre = slice_of.get(named[at], len(slices) // 2)
            taken = choose_by_index(len(slices), int(centre), recipe.slices)
            height, width = slices[0].shape[:2]
            square = tube_box(corners[at].tolist(), height, width, recipe.margin)
            made.append(standardise(cut_tube([slices[one] for one in taken], square, recipe.side)))
        shape = (0, recipe.slices, recipe.side, recipe.side)
        tubes = np.stack(made) if made else np.empty(shape, np.float32)
        return cut, torch.from_numpy(tubes)[:, None].to(self.device)

    def _sequence(self, cut: tuple[pd.DataFrame, torch.Tensor]) -> pd.DataFrame:
        """The series with `m`, missing where there is no tube."""
        table, tubes = cut
        said = np.full(len(table), np.nan)
        if len(tubes):
            objective = self.sequence.recipe.build_objective()
            with torch.no_grad():
                given = objective.probabilities(self.sequence.networks[0](tubes))
            said[table["box_from"].to_numpy() != tube_boxes.NONE] = given[:, -1].cpu().numpy()
        return table.assign(m=said)

    def _terms(
        self, table: pd.DataFrame, boxes: pd.DataFrame, said: pd.DataFrame, age: float | None
    ) -> Terms:
        """The terms of Eq. 1. Slices stand series by series already: nothing has to be joined."""
        pair = (self.classes[0], self.classes[-1])
        images = image_opinions(boxes, table, pair, self.voting.score, self.voting.aggregate)
        years = np.array([np.nan if age is None else age], dtype=np.float64)
        one = np.zeros(1, dtype=np.int64)
        return Terms(
            d=images["d"].to_numpy(np.float64),
            sequence=table["sequence_id"].to_numpy(object).astype(np.int64),
            m=said["m"].to_numpy(np.float64),
            patient=np.repeat(one, len(said)),
            a=self.age.probability(years),
            label=one,
            image_ids=names(table["sample_id"]),
            sequence_ids=names(said["sequence_id"]),
            patient_ids=np.array([PATIENT]),
            kinds=names(said["sequence"]),
        )


class _Clock:
    """Seconds of each stage, with the GPU's work waited for."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.seconds[name] = time.perf_counter() - started


def _table(series: Sequence[Slices], names: Sequence[str] | None) -> pd.DataFrame:
    """One row a slice, in the order given; names are objects, which few rows are faster with."""
    at = [one for one, slices in enumerate(series) for _ in slices]
    place = [one for slices in series for one in range(len(slices))]
    shapes = np.array([one.shape[:2] for slices in series for one in slices], np.int64)
    words = {
        "sample_id": [f"{one}/{two}" for one, two in zip(at, place, strict=True)],
        "sequence_id": [str(one) for one in at],
        "patient_id": [PATIENT] * len(at),
        "sequence": [names[one] if names else "" for one in at],
    }
    said = {name: pd.Series(one, dtype=object) for name, one in words.items()}
    return pd.DataFrame({**said, "slice": place, **dict(zip(SIZE, shapes.T, strict=True))})


def framework_of(said: dict[str, Any], detector: Ensemble | None, sequence: Ensemble) -> Framework:
    """The framework from its decision (`framework.json`) and its loaded networks.

    Raises:
        ValueError: a network of another kind, or others than λ was chosen with.
    """
    for part, one in (("detector", detector), ("sequence", sequence)):
        _demand_own(part, one, said["weights"][part])
    if not isinstance(sequence.recipe, SequenceRecipe):
        raise ValueError(f"sequence: {type(sequence.recipe).__name__} found, SequenceRecipe needed")
    if detector is not None and not isinstance(detector.recipe, DetectorRecipe):
        raise ValueError(f"detector: {type(detector.recipe).__name__} found, DetectorRecipe needed")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for one in (sequence, *([] if detector is None else [detector])):
        for network in one.networks:
            network.to(device).eval()
    first, second, third = (float(one) for one in said["lambdas"])
    return Framework(
        detector,
        sequence,
        AgeTable.from_json(said["age_table"]),
        (first, second, third),
        VotingConfig.model_validate(said["voting"]),
        sequence.preprocessing,
        sequence.max_side,
        device,
    )


def _demand_own(part: str, network: Ensemble | None, weights: list[str] | None) -> None:
    found = None if network is None else hashes(network.card)
    if found != weights:
        raise ValueError(
            f"{part}: weights {_short(found)} found, {_short(weights)} needed, with which λ was "
            "chosen: load them together, by load_framework"
        )


def _short(weights: list[str] | None) -> str:
    return "none" if weights is None else ", ".join(one[:12] for one in weights)


def load_framework(folder: str | Path) -> Framework:
    """The framework that a run left, the newest version, with the networks that λ was chosen with.

    A network that was trained again since is not taken: its answers may be of another scale.

    Args:
        folder: `data/06_models/<paper>`, with `framework`, and the networks that it names.

    Raises:
        FileNotFoundError: a part is missing. ValueError: a file is damaged.
    """
    root = Path(folder)
    versions = sorted((root / FILE).glob(f"*/{FILE}")) or [root / FILE]
    if not versions[-1].is_file():
        raise FileNotFoundError(f"{root} holds no {FILE}: run the paper's pipeline first")
    said = json.loads(versions[-1].read_bytes())
    names, weights = said["networks"], said["weights"]
    detector, sequence = (
        None if weights[part] is None else _trained_as(root / names[part] / "model", weights[part])
        for part in ("detector", "sequence")
    )
    if sequence is None:
        raise FileNotFoundError(f"{versions[-1]} names no sequence model")
    return framework_of(said, detector, sequence)


def _trained_as(folder: Path, weights: list[str]) -> Ensemble:
    """The version of a learner that has these weights."""
    for version in sorted(folder.glob("*/model"), reverse=True):
        card = version / CARD_FILE
        if card.is_file() and hashes(json.loads(card.read_bytes())) == weights:
            return load_learner(version)
    raise FileNotFoundError(f"{folder} holds no version with weights {_short(weights)}")
