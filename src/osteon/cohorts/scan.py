"""What lies in a cohort folder: candidate images, LabelMe files and label maps, matched by name.

No file is opened here. Links are followed only inside the folder.
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from osteon.cohorts.errors import CohortError

# Longest first, so that x.nii.gz loses both parts.
SUFFIXES = (
    ".nii.gz",
    *(".dicom", ".jpeg", ".tiff", ".dcm", ".ima", ".nii", ".png", ".jpg", ".tif", ".bmp"),
)
# Not a user's data: what operating systems leave behind, and the mark of a finished phantom.
NOISE = frozenset({"thumbs.db", "desktop.ini", "digest.txt"})
NOISE_FOLDERS = frozenset({"__macosx"})
MASKS = "masks"
ANNOTATIONS = "annotations"


@dataclass
class Scan:
    """Files under the root as sorted POSIX paths, by their part; `refused` as (file, code, why)."""

    images: list[str] = field(default_factory=list)
    annotations: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)


def scan_folder(root: Path, tables: Iterable[str] = ()) -> Scan:
    """List the files of a cohort folder, at any depth.

    JSON files are annotations, whatever lies under a top folder `masks` is a label map, and every
    other file is a candidate image, because DICOM files often have no or any extension. Tables,
    hidden files, DICOMDIR and what operating systems leave behind are passed over.

    Raises:
        CohortError: a link in the folder leads outside.
    """
    scan = Scan()
    tables = {table.casefold() for table in tables}
    resolved = root.resolve()
    for top, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if _walked(Path(top, name), resolved))
        for name in sorted(names):
            path = Path(top, name)
            file = path.relative_to(root).as_posix()
            if not _noise(name) and name != "DICOMDIR" and file.casefold() not in tables:
                _place(scan, file, path, resolved)
    for part in (scan.images, scan.annotations, scan.masks):
        part.sort()
    return scan


def _walked(folder: Path, root: Path) -> bool:
    if folder.is_symlink():
        _check_inside(folder, root)
        return False  # its files are found at their own place
    name = folder.name.casefold()
    return not name.startswith(".") and name not in NOISE_FOLDERS


def _noise(name: str) -> bool:
    return name.startswith(".") or name.casefold() in NOISE


def _place(scan: Scan, file: str, path: Path, root: Path) -> None:
    problem = _unusable(path, root)
    if problem:
        printable = file.encode("utf-8", "backslashreplace").decode("utf-8")
        scan.refused.append((printable, "missing_file", problem))
    elif file.casefold().endswith(".json"):
        scan.annotations.append(file)
    elif file.casefold().startswith(f"{MASKS}/"):
        scan.masks.append(file)
    else:
        scan.images.append(file)


def _unusable(path: Path, root: Path) -> str | None:
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return "its name holds bytes that are not UTF-8; rename it"
    if path.is_symlink():
        _check_inside(path, root)
    try:
        mode = path.stat().st_mode
    except OSError:
        return "a link that leads to no file, or a file that may not be read"
    # Opening a pipe or a device would wait for ever.
    return None if stat.S_ISREG(mode) else "a pipe, socket or device, not a file"


def _check_inside(path: Path, root: Path) -> None:
    if not path.resolve().is_relative_to(root):
        raise CohortError(
            "a symbolic link in the cohort folder leads outside of it; copy the files into the "
            "folder, or set cohort.path to the folder that holds them"
        )


def inside(root: Path, text: str) -> str:
    r"""Return a path from a table as a normal POSIX path relative to the root.

    Windows separators are read as /. The file need not exist.

    Raises:
        ValueError: absolute, with `..`, or through a link that leaves the root; the message says
            which, without the path.
    """
    posix = text.replace("\\", "/")
    windows = PureWindowsPath(text)
    if posix.startswith("/") or windows.drive or windows.root:
        raise ValueError("is an absolute path; give it relative to the cohort folder")
    parts = PurePosixPath(posix).parts
    if ".." in parts:
        raise ValueError("holds '..'; a path in a table cannot leave the cohort folder")
    if "\0" in posix or not parts:
        raise ValueError("is not a path")
    resolved = root.resolve()
    try:
        target = (resolved / posix).resolve()
    except (OSError, RuntimeError):  # a loop of links
        raise ValueError("is not a path that can be followed") from None
    if not target.is_relative_to(resolved):
        raise ValueError("leads through a link that leaves the cohort folder")
    return PurePosixPath(*parts).as_posix()


def stem(file: str) -> str:
    """Return a path without its image suffix; other dots stay, as in a DICOM UID."""
    folded = file.casefold()
    suffix = next((suffix for suffix in SUFFIXES if folded.endswith(suffix)), "")
    return file[: len(file) - len(suffix)]


def match_companions(companions: list[str], images: list[str], folder: str) -> dict[str, list[str]]:
    """Match LabelMe files or label maps to images by name.

    `a/x.json` belongs to `a/x.png` (or `a/x.png.json` to it); `folder/a/x.json` belongs to
    `a/x.png`, or to the only image anywhere that is called x. `x_mask` is read as x.

    Args:
        companions: POSIX paths of JSON files or label maps.
        images: POSIX paths of candidate images.
        folder: top folder that mirrors the images (`annotations` or `masks`), any case.

    Returns:
        for each companion the images that it may belong to: one, none, or several (ambiguous).
    """
    by_path: dict[str, list[str]] = defaultdict(list)
    by_name: dict[str, list[str]] = defaultdict(list)
    for image in images:
        for key in {image, stem(image)}:
            by_path[key].append(image)
            by_name[PurePosixPath(key).name].append(image)
    return {item: _matches(item, by_path, by_name, folder) for item in companions}


def _matches(
    item: str, by_path: dict[str, list[str]], by_name: dict[str, list[str]], folder: str
) -> list[str]:
    base = item[: -len(".json")] if item.casefold().endswith(".json") else stem(item)
    mirrored = base.casefold().startswith(f"{folder}/")
    keys = [base] + ([base[len(folder) + 1 :]] if mirrored else [])
    keys += [key.removesuffix("_mask") for key in keys if key.endswith("_mask")]
    for key in keys:
        if found := by_path.get(key):
            return found
    if mirrored:
        for key in keys:
            if found := by_name.get(PurePosixPath(key).name):
                return found
    return []
