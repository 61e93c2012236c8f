"""A phantom cohort of sagittal spine MR: the configuration, and the folder a hospital would export.

The cohort follows Liu et al., "Benign and malignant diagnosis of spinal tumors based on deep
learning and weighted fusion framework on MRI", Insights into Imaging 2022 (spec `spinal_wff`,
section 1): 585 patients, 315 of them malignant, several sagittal series of T1WI, T2WI and FS-T2WI
each, rectangles of readers on the slices that show the tumour, age, and three doctors' calls.

Why T2WI and FS-T2WI tell the classes apart better than T1WI (paper Fig. 7) without a knob: nearly
every tumour is a mass of water in fatty marrow, so that T1WI shows benign and malignant alike dark
(the fatty haemangioma apart), whereas their T2 differ: myxoid stroma, blood lakes and cysts of most
benign tumours are bright, packed cells of most malignant ones are only grey, and oedema around them
shows where fat is suppressed.

This module imports cheaply; NumPy, SciPy and pydicom are loaded when a phantom is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from osteon.cohorts.phantom.knee import TransferSyntax

CLASSES = ("benign", "malignant")
SEQUENCES = ("T1WI", "T2WI", "FS-T2WI")

TEST_MALIGNANT = 50 / 140
"""Share of malignant tumours in the paper's test part, primary tumours only (Table 1)."""

Range = tuple[int, int]


class SpineMrPhantomConfig(BaseModel):
    """What a phantom cohort of spine MR holds, and how hard it is.

    Patient i depends on (seed, i) and on the knobs below, never on `patients`: a larger cohort
    begins with the smaller one. Scanner, number of series and slices, region and sex do not depend
    on the class; number of levels, age and the tumour itself do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["spine_mr"] = Field("spine_mr", description="which phantom this is")
    patients: int = Field(60, ge=2, le=20_000, description="patients in the cohort")
    malignant_fraction: float = Field(
        315 / 585, gt=0, lt=1, description="share of malignant tumours in the whole cohort"
    )
    test_share: float = Field(
        140 / 585,
        ge=0,
        lt=1,
        description="share of patients in the test part (column `split`); 0: no part is given",
    )
    primary_test: bool = Field(
        True,
        description="the paper's shift: metastases in the training part only, and 50 of 140 test "
        "patients malignant; false: both parts are alike",
    )
    image_size: int = Field(128, ge=64, le=1024, description="rows and columns of a slice, px")
    field_of_view: float = Field(
        1.0,
        ge=0.5,
        le=1.5,
        description="side of the field, relative to the usual of each region; below 1 a tumour "
        "covers more of the slice",
    )
    slices: Range = Field((11, 16), description="least and most slices of a series, 3 to 60")
    slice_mm: tuple[float, float] = Field(
        (3.0, 7.0), description="least and largest slice thickness, mm, 1 to 10 (paper: 3 to 7)"
    )
    sequences: Range = Field(
        (2, 4),
        description="least and most sagittal series a patient, 1 to 8 (paper: 3.7 on average)",
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="same seed, same bytes")

    lesion_visibility: float = Field(
        1.0,
        ge=0,
        le=2,
        description="median contrast of a lesion: 0 none (classes are alike), 1 plain, 2 florid",
    )
    occult_fraction: float = Field(
        0.04, ge=0, le=1, description="lesions of either class that hardly show"
    )
    confusing_fraction: float = Field(
        0.15, ge=0, le=1, description="lesions of either class that look much like the other class"
    )
    noise: float = Field(1.0, ge=0, le=5, description="noise, relative to each scanner's own")
    age_effect: float = Field(
        1.0, ge=0, le=1, description="0: ages tell nothing of the class; 1: as the tumours come"
    )
    missing_age: float = Field(
        0.03, ge=0, le=1, description="share of patients whose age patients.csv leaves empty"
    )
    off_plane: float = Field(
        0.1, ge=0, le=1, description="share of patients with a coronal or axial series as well"
    )
    localizers: bool = Field(
        True, description="some scanners send a scout view along, as in a real export"
    )
    unlabelled_share: float = Field(
        0.04,
        ge=0,
        lt=1,
        description="share of slices with a lesion that the reader left without a box",
    )
    transfer_syntaxes: dict[TransferSyntax, float] = Field(
        default={
            "explicit_le": 0.75,
            "implicit_le": 0.05,
            "rle": 0.07,
            "jpeg_ls": 0.08,
            "jpeg_2000": 0.05,
        },
        description="relative weight of each DICOM transfer syntax; a patient has one",
    )

    @model_validator(mode="after")
    def _consistent(self) -> SpineMrPhantomConfig:
        _check_range("slices", self.slices, (3, 60))
        _check_range("slice_mm", self.slice_mm, (1, 10))
        _check_range("sequences", self.sequences, (1, 8))
        weights = self.transfer_syntaxes
        if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
            raise ValueError(
                f"transfer_syntaxes is {weights}: give weights of 0 or more, at least one above 0"
            )
        if not 0 < self.train_malignant < 1:
            raise ValueError(
                f"malignant_fraction is {self.malignant_fraction}, test_share {self.test_share}: "
                "with 50 of 140 test patients malignant (primary_test) the training part would "
                f"need a share of {self.train_malignant:.3f}; choose others, or primary_test: false"
            )
        return self

    @property
    def test_malignant(self) -> float:
        """Share of malignant tumours in the test part."""
        return TEST_MALIGNANT if self.primary_test else self.malignant_fraction

    @property
    def train_malignant(self) -> float:
        """Share of malignant tumours in the training part: what the test part leaves for it."""
        left = self.malignant_fraction - self.test_share * self.test_malignant
        return left / (1 - self.test_share)

    def write(self, folder: Path, workers: int = 1) -> None:
        """Write this cohort into `folder`, see `write_spine_mr_phantom`."""
        write_spine_mr_phantom(folder, self, workers)


def _check_range(name: str, found: tuple[float, float], allowed: tuple[float, float]) -> None:
    least, most = found
    if not allowed[0] <= least <= most <= allowed[1]:
        raise ValueError(
            f"{name} is {list(found)}: give the least, then the most, between {allowed[0]} and "
            f"{allowed[1]}"
        )


def write_spine_mr_phantom(folder: Path, config: SpineMrPhantomConfig, workers: int = 1) -> None:
    """Write the cohort into `folder`, an existing empty folder, as a hospital would export it.

    patients.csv (with `split`), images.csv (file, patient and boxes: the sequence must be read from
    the headers), dicom/<study>/<series>/... (MR, file names in no order), a LabelMe JSON beside
    each sagittal slice that a reader marked, and readers.csv with three phantom doctors' calls on
    the test part. The bytes depend on `config` alone, not on `workers` (processes; 0 = all cores)
    or the clock.

    Raises FileNotFoundError where `folder` does not exist, FileExistsError where it is not empty,
    ValueError where `workers` is negative.
    """
    from osteon.cohorts.phantom.common import check_call
    from osteon.cohorts.phantom.spine_mr_export import write_cohort

    check_call(folder, workers)
    write_cohort(folder, config, workers)
