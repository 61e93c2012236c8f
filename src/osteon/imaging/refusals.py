"""Why a file is not used: the codes of the quarantine table, and what a person can do about each.

A reason never repeats a file name or a text from a header, because it is written where no
identifier may appear. The code and the kind of error say enough to act on.
"""

ADVICE: dict[str, str] = {
    "missing_file": "Correct the path in the images table, or put the file there.",
    "empty_file": "Export the file again: it holds no bytes.",
    "truncated": "Export or copy the file again: it ends before its pixels do.",
    "not_dicom": "Not an image format that is read here (DICOM, PNG, JPEG, TIFF, BMP, NIfTI, "
    "MATLAB). Convert it, or take it out of the folder.",
    "dicomdir": "Nothing to do: an index of a DICOM medium, not an image.",
    "no_pixels": "Nothing to do if this is a report or a plan; otherwise export the image object.",
    "decode_failed": "Export the file again, uncompressed if the archive can.",
    "unsupported_transfer_syntax": "Export the file again in another transfer syntax, "
    "uncompressed for example.",
    "too_large": "Raise max_pixels in the cohort's parameters if the file is as large as it says.",
    "wrong_modality": "Take the file out, add its modality to the cohort's modalities, or, for a "
    "secondary capture, state the sequence in the images table.",
    "no_rescale": "Export the original slices, with RescaleSlope and RescaleIntercept to HU.",
    "screenshot": "Nothing to do if it is a screenshot, a rendering or a dose report; otherwise "
    "export the original slices.",
    "localizer": "Nothing to do: a scout view that only plans a CT or MR series.",
    "sequence_left_out": "Nothing to do if you want such series left out; otherwise take their "
    "words out of cohort.sequences, or name the sequence in the images table.",
    "missing_geometry": "Export the series with its position and orientation tags.",
    "no_patient": "Add the file with its patient to the images table, or put it in a folder named "
    "after the patient.",
    "patient_conflict": "Correct the images table or the file: they name two different patients.",
    "not_in_patients_csv": "Add the patient to the patients table, or map the file to a listed "
    "patient in the images table.",
    "unknown_label": "Fill the patient's label in the patients table.",
    "duplicate_sop": "Nothing to do: the same object is kept once, from the first path.",
    "duplicate_pixels": "Nothing to do if it is a copy: the same pixels of this patient are kept "
    "once.",
    "mask_unreadable": "Save the mask as an 8-bit PNG label map of the image's size.",
    "mask_shape_mismatch": "Draw the mask on the original image: rows and columns must be equal.",
    "mask_geometry_mismatch": "Draw the mask on this very series and save it with its geometry: "
    "the affine of a NIfTI, the references and positions of a DICOM segmentation.",
    "mask_unknown_values": "Name the values in cohort.mask_values (null: background), or their "
    "classes in cohort.mask_classes.",
    "boxes_unreadable": "Save the boxes again as LabelMe JSON.",
    "box_outside_image": "Correct the box: it must lie inside the image.",
    "boxes_without_image": "Put the image beside its LabelMe file under the same name, name the "
    "file in column boxes of the images table, or take it out.",
    "burned_in_text_suspected": "Look at the image; blank or crop the text, or set burned_in_text "
    "to warn when it names nobody.",
}


class Refused(Exception):
    """A file, mask or box that is not used.

    Attributes:
        code: one of the keys of `ADVICE`.
        reason: plain text, free of file names and header values.
    """

    def __init__(self, code: str, reason: str) -> None:
        if code not in ADVICE:
            raise ValueError(f"code: {code!r} is not one of {sorted(ADVICE)}")
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"

    @property
    def advice(self) -> str:
        """What a person can do about it."""
        return ADVICE[self.code]
