"""A phantom knee cohort: the configuration, and the folder that a hospital would export.

The cohort follows Wang, Shen et al., "primary osteosarcoma diagnosis from knee X-rays with
biochemical late fusion" (spec `osteosarcoma_fusion`, section 1): osteosarcoma against non-tumour
knee injury, several views a patient, age, sex and serum ALP and LDH with the kit's own range.

This module imports cheaply; NumPy, SciPy and pydicom are loaded when a phantom is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

TransferSyntax = Literal["explicit_le", "implicit_le", "rle", "jpeg_ls", "jpeg_2000"]

CLASSES = ("non_tumour", "osteosarcoma")


class KneePhantomConfig(BaseModel):
    """What a phantom knee cohort holds, and how hard it is.

    Patient i depends on (seed, i) and on the knobs below, never on `patients`: a larger cohort
    begins with the smaller one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["knee"] = "knee"
    patients: int = Field(240, ge=2, le=20_000, description="patients in the cohort")
    osteosarcoma_fraction: float = Field(
        394 / 848,
        gt=0,
        lt=1,
        description="share of patients with osteosarcoma; the paper's 394/848",
    )
    views_min: int = Field(2, ge=1, le=4, description="fewest X-rays a patient")
    views_max: int = Field(4, ge=1, le=4, description="most X-rays a patient")
    image_size: int = Field(256, ge=96, le=2048, description="longer side of a radiograph, px")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="same seed, same bytes")

    lesion_visibility: float = Field(
        1.4,
        ge=0,
        le=2,
        description="median contrast of a lesion that shows: 0 none, 1 plain, 2 florid",
    )
    occult_fraction: float = Field(
        0.2, ge=0, le=1, description="osteosarcomas too early to show in any view"
    )
    confusing_fraction: float = Field(
        0.25, ge=0, le=1, description="injuries whose picture imitates a lesion"
    )
    lab_effect: float = Field(
        1.0,
        ge=0,
        le=3,
        description="how far osteosarcoma raises ALP and LDH: 0 not at all, 1 as is",
    )
    age_effect: float = Field(
        1.0, ge=0, le=1, description="0: both classes share the injuries' ages; 1: as in the clinic"
    )
    missing_labs_non_tumour: float = Field(
        0.12, ge=0, le=1, description="share of injuries whose ALP and LDH were never ordered"
    )
    missing_labs_osteosarcoma: float = Field(
        0.03, ge=0, le=1, description="share of osteosarcomas without ALP and LDH"
    )
    noise: float = Field(
        1.0, ge=0, le=5, description="quantum noise, relative to each scanner's own"
    )
    transfer_syntaxes: dict[TransferSyntax, float] = Field(
        default={
            "explicit_le": 0.7,
            "implicit_le": 0.05,
            "rle": 0.08,
            "jpeg_ls": 0.09,
            "jpeg_2000": 0.08,
        },
        description="relative weight of each DICOM transfer syntax",
    )

    @model_validator(mode="after")
    def _consistent(self) -> KneePhantomConfig:
        if self.views_min > self.views_max:
            raise ValueError(
                f"views_min is {self.views_min}, views_max {self.views_max}: "
                "views_min must not be larger than views_max"
            )
        weights = self.transfer_syntaxes
        if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
            raise ValueError(
                f"transfer_syntaxes is {weights}: give weights of 0 or more, at least one above 0"
            )
        return self

    def write(self, folder: Path, workers: int = 1) -> None:
        """Write the cohort; see `write_knee_phantom`."""
        write_knee_phantom(folder, self, workers)


def write_knee_phantom(folder: Path, config: KneePhantomConfig, workers: int = 1) -> None:
    """Write the cohort into `folder`, an existing empty folder, as a hospital would export it.

    patients.csv, images.csv, dicom/<study>/... (DX, 12 bits in 16, with and without extension),
    a LabelMe JSON beside each radiograph that shows a tumour, and masks/*.png (label maps 0/1).
    The bytes depend on `config` alone, not on `workers` (processes; 0 = all cores) or the clock.

    Raises FileNotFoundError where `folder` does not exist, FileExistsError where it is not empty,
    ValueError where `workers` is negative.
    """
    from osteon.cohorts.phantom.common import check_call
    from osteon.cohorts.phantom.knee_export import write_cohort

    check_call(folder, workers)
    write_cohort(folder, config, workers)
