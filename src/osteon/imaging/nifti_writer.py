"""Write label maps of a series as one NIfTI volume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from osteon.imaging.slice_planes import Masks, SlicePlane, check_maps, grid_of, maps_of_files

ENDINGS = (".nii", ".nii.gz")


def write_nifti(path: Path, masks: Masks, planes: Sequence[SlicePlane]) -> NDArray[np.int64]:
    """Write label maps of one series as a NIfTI-1 volume of bytes, (columns, rows, slices).

    Axes run as ITK writes them; the affine (sform) leads to right-anterior-superior mm. A gap in
    the series is filled with zeros, which there mean "no slice", not "nothing found".

    Args:
        path: ending in .nii or .nii.gz.
        masks: (S, H, W) label values; another size than the file's is brought to it.
        planes: S, where the slices lie.

    Returns:
        (S,) the place of each slice along the third axis.

    Raises:
        ValueError: another ending or shape, or slices that make no grid (`grid_of`).
    """
    import nibabel as nib

    if not path.name.endswith(ENDINGS):
        raise ValueError(f"path: {path.name} found, an ending of .nii or .nii.gz allowed")
    check_maps(masks, planes)
    grid = grid_of(planes)
    volume = np.zeros((planes[0].columns, planes[0].rows, grid.depth), np.uint8)
    volume[..., grid.places] = maps_of_files(masks, planes).transpose(2, 1, 0)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine  # left-posterior to right-anterior
    image = nib.Nifti1Image(volume, affine)
    image.header.set_xyzt_units("mm")
    image.header.set_intent("label")
    image.set_sform(affine, code="scanner")
    # A quaternion cannot hold a shear; a reader that trusts it would straighten the stack.
    image.set_qform(affine, code="unknown" if grid.sheared else "scanner")
    nib.save(image, path)
    return grid.places
