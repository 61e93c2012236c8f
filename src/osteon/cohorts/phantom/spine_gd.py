"""A phantom cohort of sagittal Gd-T1 spine MR: the configuration, and the folder of an export.

The cohort follows Chen et al., the patch-extraction network for spinal tumours on
gadolinium-enhanced T1WI (spec `spinal_penn`, section 1): 68 adults of 16 to 42 years with at least
one lesion, one sagittal series of 15 slices of 3 mm each (TR 774, TE 8.7, field 260 mm, 3 T), and a
label map of every slice drawn by hand: other, tumour, vertebra.

What makes it hard is what makes it hard in a clinic: the tumour takes up contrast agent, and so do
veins, muscles, worn end plates and organs; without fat suppression healthy marrow is about as
bright; a lesion may be necrotic inside a thin enhancing rim; small ones fill a few voxels, which
share their signal with the surroundings; and the coil shades the image.

This module imports cheaply; NumPy, SciPy and pydicom are loaded when a phantom is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from osteon.cohorts.phantom.knee import TransferSyntax

MASK_CLASSES = ("other", "tumour", "vertebra")
"""What the values 0, 1 and 2 of a label map mean."""

SMALLEST, LARGEST = 4.0, 60.0
"""Bounds of `lesion_mm`, mm."""


class SpineGdPhantomConfig(BaseModel):
    """What a phantom cohort of Gd-T1 spine MR holds, and how hard it is.

    Patient i depends on (seed, i) and on the knobs below, never on `patients`: a larger cohort
    begins with the smaller one. Every patient has at least one slice that shows a tumour.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["spine_gd"] = Field("spine_gd", description="which phantom this is")
    patients: int = Field(68, ge=2, le=20_000, description="patients in the cohort (paper: 68)")
    test_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of patients in the test part (column `split`); 0: no part is given",
    )
    image_size: int = Field(128, ge=48, le=1024, description="rows and columns of a slice, px")
    field_of_view: float = Field(
        260.0, ge=120, le=400, description="side of the square field, mm (paper: 260)"
    )
    slices: int = Field(15, ge=3, le=60, description="slices of a series (paper: 15)")
    slice_mm: float = Field(3.0, ge=1, le=10, description="slice thickness, mm (paper: 3)")
    second_series: float = Field(
        0.12,
        ge=0,
        le=1,
        description="share of patients with two series: of two regions, or of one with and "
        "without fat suppression",
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="same seed, same bytes")

    lesion_mm: tuple[float, float] = Field(
        (8.0, 40.0),
        description="least and largest diameter of a lesion, mm; log-uniform between them",
    )
    several_share: float = Field(
        0.3, ge=0, le=1, description="share of patients with lesions at two or three levels"
    )
    border_share: float = Field(
        0.05, ge=0, le=1, description="share of patients whose lesion the image border cuts"
    )
    enhancement: float = Field(
        1.0,
        ge=0,
        le=2,
        description="contrast agent that lesions take up: 0 none, 1 usual, 2 twice the usual",
    )
    fat_saturated: float = Field(
        0.75, ge=0, le=1, description="share of patients scanned with fat suppression"
    )
    distractors: float = Field(
        1.0,
        ge=0,
        le=2,
        description="how many and how bright other enhancing things are: veins, worn end plates, "
        "joints; 0 none",
    )
    noise: float = Field(1.0, ge=0, le=5, description="noise, relative to each scanner's own")
    bias: float = Field(1.0, ge=0, le=3, description="strength of the shading by coils; 0 none")
    label_noise: float = Field(
        0.5,
        ge=0,
        le=4,
        description="how far the reader's edge strays from the true one, mm (standard deviation)",
    )
    localizers: bool = Field(
        True, description="some scanners send a scout view along, as in a real export"
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
    def _consistent(self) -> SpineGdPhantomConfig:
        least, most = self.lesion_mm
        if not SMALLEST <= least <= most <= LARGEST:
            raise ValueError(
                f"lesion_mm is {list(self.lesion_mm)}: give the least, then the most, between "
                f"{SMALLEST:g} and {LARGEST:g}"
            )
        weights = self.transfer_syntaxes
        if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
            raise ValueError(
                f"transfer_syntaxes is {weights}: give weights of 0 or more, at least one above 0"
            )
        return self

    def write(self, folder: Path, workers: int = 1) -> None:
        """Write this cohort into `folder`, see `write_spine_gd_phantom`."""
        write_spine_gd_phantom(folder, self, workers)


def write_spine_gd_phantom(folder: Path, config: SpineGdPhantomConfig, workers: int = 1) -> None:
    """Write the cohort into `folder`, an existing empty folder, as a hospital would export it.

    patients.csv (no label: the masks hold it; `split` where `test_share` asks for one), images.csv
    (file, patient and mask: the sequence must be read from the headers), dicom/<study>/<series>/...
    (MR, file names in no order), and masks/*.png, one label map a sagittal slice (8-bit grey,
    values as in `MASK_CLASSES`). The bytes depend on `config` alone, not on `workers` (processes;
    0 = all cores) or the clock.

    Raises FileNotFoundError where `folder` does not exist, FileExistsError where it is not empty,
    ValueError where `workers` is negative.
    """
    from osteon.cohorts.phantom.common import check_call
    from osteon.cohorts.phantom.spine_gd_export import write_cohort

    check_call(folder, workers)
    write_cohort(folder, config, workers)
