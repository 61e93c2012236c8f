"""A phantom cohort of spine CT: the configuration, and the folder that a hospital would export.

The cohort follows He and Bi, "Automatic classification of spinal osteosarcoma and giant cell tumor
of bone using optimized DenseNet", J. Bone Oncology 2024 (spec `spinal_smsdnet`, section 1):
osteosarcoma against giant cell tumour in axial CT, 168 to 81 patients.

This module imports cheaply; NumPy, SciPy and pydicom are loaded when a phantom is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from osteon.cohorts.phantom.knee import TransferSyntax

CLASSES = ("giant_cell_tumor", "osteosarcoma")


class SpinePhantomConfig(BaseModel):
    """What a phantom spine cohort holds, and how hard it is.

    Patient i depends on (seed, i) and on the knobs below, never on `patients`: a larger cohort
    begins with the smaller one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["spine"] = Field("spine", description="which phantom this is")
    patients: int = Field(120, ge=2, le=20_000, description="patients in the cohort")
    osteosarcoma_fraction: float = Field(
        168 / 249, gt=0, lt=1, description="share of patients with osteosarcoma (paper: 168 of 249)"
    )
    image_size: int = Field(128, ge=64, le=1024, description="rows and columns of a slice, px")
    slices: int = Field(16, ge=4, le=400, description="axial slices a patient")
    slice_mm: float = Field(
        3.0, ge=0.5, le=10, description="slice thickness and distance, mm (paper: 1)"
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="same seed, same bytes")

    lesion_visibility: float = Field(
        1.2,
        ge=0,
        le=2,
        description="median contrast of a lesion: 0 none (classes are alike), 1 plain, 2 florid",
    )
    occult_fraction: float = Field(
        0.05, ge=0, le=1, description="lesions of either class that hardly show"
    )
    confusing_fraction: float = Field(
        0.1, ge=0, le=1, description="lesions of either class that look much like the other class"
    )
    noise: float = Field(1.0, ge=0, le=5, description="noise, relative to each scanner's own")
    age_effect: float = Field(
        0.1, ge=0, le=1, description="0: ages tell nothing; 1: giant cell tumours 15 years younger"
    )
    localizers: bool = Field(
        True, description="some scanners send a scout view along, as in a real export"
    )
    transfer_syntaxes: dict[TransferSyntax, float] = Field(
        default={
            "explicit_le": 0.7,
            "implicit_le": 0.05,
            "rle": 0.08,
            "jpeg_ls": 0.09,
            "jpeg_2000": 0.08,
        },
        description="relative weight of each DICOM transfer syntax; a series has one",
    )

    @model_validator(mode="after")
    def _consistent(self) -> SpinePhantomConfig:
        weights = self.transfer_syntaxes
        if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
            raise ValueError(
                f"transfer_syntaxes is {weights}: give weights of 0 or more, at least one above 0"
            )
        return self

    def write(self, folder: Path, workers: int = 1) -> None:
        """Write this cohort into `folder`, see `write_spine_phantom`."""
        write_spine_phantom(folder, self, workers)


def write_spine_phantom(folder: Path, config: SpinePhantomConfig, workers: int = 1) -> None:
    """Write the cohort into `folder`, an existing empty folder, as a hospital would export it.

    patients.csv, images.csv, dicom/<study>/<series>/... (CT, axial, HU by rescale, file names in no
    order), a LabelMe JSON beside each slice that holds a lesion, and masks/*.png (label maps 0/1).
    The bytes depend on `config` alone, not on `workers` (processes; 0 = all cores) or the clock.

    Raises FileNotFoundError where `folder` does not exist, FileExistsError where it is not empty,
    ValueError where `workers` is negative.
    """
    from osteon.cohorts.phantom.common import check_call
    from osteon.cohorts.phantom.spine_export import write_cohort

    check_call(folder, workers)
    write_cohort(folder, config, workers)
