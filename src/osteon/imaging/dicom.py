"""Open a DICOM file: header first, then frame after frame through the pixel chain.

pydicom parses and decodes; what a stored value means is decided here (PS3.3 C.7.6.3, C.11.1,
C.11.2) and computed in `greyscale`. Enhanced multi-frame objects carry these facts per frame in
functional groups (PS3.3 C.7.6.16).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.pixels import apply_color_lut, get_decoder
from pydicom.uid import UID

from osteon.imaging import tags, terms
from osteon.imaging.frames import FrameFacts, check_hounsfield, frame_facts, grey_chain
from osteon.imaging.greyscale import render_grey
from osteon.imaging.mr_sequence import descriptions, recognise, sequence_facts
from osteon.imaging.picture import (
    MAX_PIXELS,
    Array,
    Check,
    Frame,
    Header,
    Picture,
    check_size,
    colour_or_grey,
)
from osteon.imaging.quiet import quiet
from osteon.imaging.refusals import Refused

DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
# The fastest decoder that is exact; pydicom's own order is tried when it is not there.
PREFERRED = {
    "1.2.840.10008.1.2.5": "pylibjpeg",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
}
# Objects with pixels that are no acquired image: PS3.3 A.51 (SEG), A.18 (RT Dose), A.75 (maps).
NO_IMAGE = {
    "SEG": "a segmentation; it belongs under masks/",
    "RTDOSE": "a dose grid",
    "RTSTRUCT": "a structure set",
    "RTPLAN": "a treatment plan",
    "PR": "a presentation state",
    "KO": "a key object note",
    "SR": "a structured report",
    "RWV": "a real world value map",
    "ANN": "bulk annotations",
    "REG": "a registration",
}
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def open_dicom(path: Path, max_pixels: int = MAX_PIXELS, check: Check | None = None) -> Picture:
    """Read a DICOM file's header, with or without preamble and file meta information.

    Args:
        path: the file.
        max_pixels: limit on rows x columns x frames.
        check: looks at the header before the pixels are read from disk, and raises Refused.

    Raises:
        Refused: not_dicom, dicomdir, no_pixels, wrong_modality, too_large, truncated,
            unsupported_transfer_syntax.
    """
    with quiet(), path.open("rb") as file:
        dataset = _parse(file, max_pixels)
        header, first = _header(dataset, max_pixels)
        if check is not None:
            check(header)
        if not any(keyword in dataset for keyword in PIXEL_KEYWORDS):
            _read_pixels(file, dataset)
    return Picture(header, lambda: _decode(dataset, header, first))


def _parse(file: BinaryIO, max_pixels: int) -> Dataset:
    """The header up to the pixels (deflated data sets: the whole)."""
    head = file.read(1024)
    if DEFLATED.encode() in head:
        check_deflated(file, max_pixels)
    file.seek(0)
    deflated = DEFLATED.encode() in head
    try:
        dataset = pydicom.dcmread(file, force=True, stop_before_pixels=not deflated)
    except Exception as error:
        # With so short a file the parser runs out of bytes in the middle of an element.
        code = "truncated" if len(head) < 1024 else "decode_failed"
        code = code if head[128:132] == b"DICM" else "not_dicom"
        raise Refused(code, f"the header cannot be parsed ({type(error).__name__})") from None
    if not len(dataset) or not _plausible(dataset):
        if head[128:132] == b"DICM":
            raise Refused("truncated", "a DICOM preamble, and no data set that can be read")
        raise Refused("not_dicom", "neither a known image format nor a DICOM data set")
    return dataset


def check_deflated(file: BinaryIO, max_pixels: int) -> None:
    """Inflate once without keeping, so that a small file cannot fill the memory.

    Args:
        file: of a deflated data set (PS3.5 A.5); left anywhere.
        max_pixels: limit of the pixels in it, of eight bytes each.

    Raises:
        Refused: too_large, decode_failed, truncated.
    """
    file.seek(128 + 4)
    head = file.read(12)
    length = int.from_bytes(head[8:12], "little") if head[4:6] == b"UL" else 0
    file.seek(128 + 4 + 12 + length)
    inflate, total, limit = zlib.decompressobj(-zlib.MAX_WBITS), 0, 8 * max_pixels + 2**24
    try:
        while chunk := inflate.unconsumed_tail or file.read(2**16):
            total += len(inflate.decompress(chunk, 2**20))
            if total > limit:
                raise Refused("too_large", "the deflated data set is larger than the limit")
            if inflate.eof:
                return
    except zlib.error:
        raise Refused("decode_failed", "the deflated data set cannot be inflated") from None
    raise Refused("truncated", "the deflated data set ends early")


def _plausible(dataset: Dataset) -> bool:
    """Whether a forced parse found DICOM: a text file parses into elements that nobody defined."""
    return any(
        keyword in dataset
        for keyword in ("SOPClassUID", "Modality", "Rows", "PatientID", "StudyInstanceUID")
    ) or ("TransferSyntaxUID" in getattr(dataset, "file_meta", Dataset()))


def _header(dataset: Dataset, max_pixels: int) -> tuple[Header, FrameFacts]:
    """What the file says of itself, and of its first frame."""
    sop_class = tags.text(dataset.file_meta, "MediaStorageSOPClassUID")
    if MEDIA_DIRECTORY in (sop_class, tags.text(dataset, "SOPClassUID")):
        raise Refused("dicomdir", "an index of a DICOM medium")
    modality = tags.code(dataset, "Modality")
    rows, columns = tags.integer(dataset, "Rows"), tags.integer(dataset, "Columns")
    if not rows or not columns:
        what = NO_IMAGE.get(modality, "a DICOM object")
        raise Refused("no_pixels", f"{what}, without rows and columns")
    if modality in NO_IMAGE:
        raise Refused("wrong_modality", f"{NO_IMAGE[modality]}, not an acquired image")
    frames = tags.integer(dataset, "NumberOfFrames") if "NumberOfFrames" in dataset else 1
    if frames is None:
        raise Refused("decode_failed", "NumberOfFrames is not a number")
    check_size(rows, columns, max(frames, 1), max_pixels)
    facts = frame_facts(dataset, 0)
    burned = tags.code(dataset, "BurnedInAnnotation")
    header = Header(
        kind="dicom",
        rows=rows,
        columns=columns,
        frames=max(frames, 1),
        transfer_syntax=str(_transfer_syntax(dataset)),
        modality=modality,
        view=tags.listed(dataset, "ViewPosition", terms.VIEWS),
        laterality=tags.listed(dataset, "ImageLaterality", terms.LATERALITIES)
        or tags.listed(dataset, "Laterality", terms.LATERALITIES)
        or facts.laterality,
        body_part=tags.listed(dataset, "BodyPartExamined", terms.BODY_PARTS),
        manufacturer=tags.maker(dataset, "Manufacturer"),
        model=tags.maker(dataset, "ManufacturerModelName"),
        spacing=facts.spacing,
        burned_in={"YES": True, "NO": False}.get(burned),
        localizer="LOCALIZER" in [str(word) for word in tags.value(dataset, "ImageType") or ()],
        patient_id=tags.text(dataset, "PatientID"),
        sop_uid=tags.text(dataset, "SOPInstanceUID"),
        series_uid=tags.text(dataset, "SeriesInstanceUID"),
        frame_of_reference=tags.text(dataset, "FrameOfReferenceUID"),
        descriptions=descriptions(dataset) if modality == "MR" else (),
    )
    return header, facts


def _transfer_syntax(dataset: Dataset) -> UID:
    """The declared transfer syntax, or the one that parsed a file without meta information."""
    declared = tags.text(dataset.file_meta, "TransferSyntaxUID")
    if declared:
        return UID(declared)
    implicit, little = dataset.original_encoding
    if not little:
        return UID(BIG_ENDIAN)
    return UID(IMPLICIT if implicit else "1.2.840.10008.1.2.1")


def _read_pixels(file: BinaryIO, dataset: Dataset) -> None:
    """Read on from where the header ended; the header is not parsed a second time."""
    implicit, little = dataset.original_encoding
    try:
        rest = read_dataset(file, bool(implicit), bool(little))
    except Exception as error:
        raise Refused("truncated", f"the pixels cannot be read ({type(error).__name__})") from None
    for keyword in PIXEL_KEYWORDS:
        if keyword in rest:
            dataset[keyword] = rest[keyword]
            return
    # Rows and columns were there, so this was an image: encapsulated pixels that end early are
    # dropped by the parser as a whole.
    raise Refused("truncated", "the header describes pixels, and the file ends before them")


def _decode(dataset: Dataset, header: Header, first: FrameFacts) -> Iterator[Frame]:
    """Decode frame after frame; every failure of a decoder becomes Refused."""
    with quiet():
        try:
            syntax = _prepare(dataset, header)
            for number in range(header.frames):
                facts = frame_facts(dataset, number) if number else first
                check_hounsfield(dataset, facts)
                pixels = _render(dataset, _stored(dataset, syntax, number), facts)
                yield Frame(
                    pixels,
                    number,
                    facts.instance,
                    facts.position,
                    facts.orientation,
                    facts.spacing,
                    facts.laterality or header.laterality,
                    recognise(sequence_facts(dataset, number)) if header.modality == "MR" else "",
                )
        except Refused:
            raise
        except NotImplementedError:
            raise Refused("unsupported_transfer_syntax", "no decoder for its pixels") from None
        except Exception as error:
            # The decoder's message may quote the header: only its kind is passed on.
            raise Refused("decode_failed", f"decoding failed ({type(error).__name__})") from None


def _prepare(dataset: Dataset, header: Header) -> UID:
    """Check what a decoder would trip over, and complete what a file without meta lacks."""
    syntax = UID(header.transfer_syntax)
    if not tags.text(dataset.file_meta, "TransferSyntaxUID"):
        dataset.file_meta.TransferSyntaxUID = syntax
    if "PixelData" in dataset and not syntax.is_encapsulated:
        bits = tags.integer(dataset, "BitsAllocated") or 0
        samples = tags.integer(dataset, "SamplesPerPixel") or 1
        photometric = tags.text(dataset, "PhotometricInterpretation")
        pixels = header.rows * header.columns * header.frames
        # PS3.3 C.7.6.3.1.2: 4:2:2 keeps two of three samples
        values = pixels * 2 if photometric == "YBR_FULL_422" else pixels * samples
        if len(dataset.PixelData) < values * bits // 8:
            raise Refused("truncated", "fewer bytes of pixels than the header says")
    return syntax


def _stored(dataset: Dataset, syntax: UID, number: int) -> Array:
    """One frame's stored values, (rows, columns) or (rows, columns, samples)."""
    decoder = get_decoder(syntax)
    found: Array
    preferred = PREFERRED.get(syntax, "")
    if preferred in decoder.available_plugins:
        try:
            found = decoder.as_array(dataset, index=number, decoding_plugin=preferred)[0]
            return found
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException:
            # On damaged data the RLE decoder panics, which is no Exception: try the slower one.
            others = [name for name in decoder.available_plugins if name != preferred]
            if not others:
                raise Refused("decode_failed", "the decoder gave up on its pixels") from None
            found = decoder.as_array(dataset, index=number, decoding_plugin=others[0])[0]
            return found
    found = decoder.as_array(dataset, index=number)[0]
    return found


def _render(dataset: Dataset, stored: Array, facts: FrameFacts) -> Array:
    """Stored values to what is kept."""
    bits = tags.integer(dataset, "BitsStored") or stored.dtype.itemsize * 8
    if tags.text(dataset, "PhotometricInterpretation") == "PALETTE COLOR":
        # PS3.3 C.7.9: one table a colour, 8 or 16 bits deep
        stored = apply_color_lut(stored, dataset)
        bits = stored.dtype.itemsize * 8
    if stored.ndim == 3:
        return colour_or_grey(_to_bytes(stored[..., :3], bits))
    if (
        stored.dtype.kind == "u"
        and bits < stored.dtype.itemsize * 8
        and _has_overlay_bits(stored, bits)
    ):
        # Overlays may hide above BitsStored in old objects (PS3.3 C.9.2, retired)
        stored = np.bitwise_and(stored, (1 << bits) - 1)
    return render_grey(stored, grey_chain(dataset, facts))


def _has_overlay_bits(stored: Array, bits: int) -> bool:
    return bool(int(stored.max()) >> bits)


def _to_bytes(rgb: Array, bits: int) -> NDArray[np.uint8]:
    """Colour samples of any depth as 8 bits."""
    if rgb.dtype == np.uint8 and bits == 8:
        return rgb
    if rgb.dtype.kind == "f":
        raise Refused("decode_failed", "colour samples are not integers")
    top = float((1 << bits) - 1)
    return np.rint(np.clip(rgb.astype(np.float64) / top, 0.0, 1.0) * 255.0).astype(np.uint8)
