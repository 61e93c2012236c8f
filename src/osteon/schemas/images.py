"""The archive's index: one row a kept frame, as osteon.cohorts.archive describes it."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from osteon.schemas.patients import PSEUDONYM, text

MODALITIES = ("XR", "CT", "MR")
# NumPy type strings: colour, display values, Hounsfield units.
DTYPES = ("|u1", "<u2", "<i2")
HEX64 = r"^[0-9a-f]{64}$"


def whole(low: int, nullable: bool = False) -> pa.Column:
    """A column of whole numbers from low."""
    kind = pd.Int64Dtype() if nullable else int
    return pa.Column(kind, pa.Check.ge(low), nullable=nullable, coerce=True)


def _dtype_of_channels(table: pd.DataFrame) -> pd.Series:
    """Colour is kept as uint8, everything grey is not."""
    return (table["channels"] == 3) == (table["dtype"] == "|u1")


schema = pa.DataFrameSchema(
    {
        "sample_id": text(
            False, checks=pa.Check.str_matches(r"^P[0-9a-f]{16}-\d{3,}$"), unique=True
        ),
        "patient_id": text(False, checks=pa.Check.str_matches(PSEUDONYM)),
        "file_id": text(False, checks=pa.Check.str_matches(r"^F[0-9a-f]{16}$")),
        "frame": whole(0),
        "shard": whole(0),
        "offset": whole(0),
        "rows": whole(1),
        "columns": whole(1),
        "channels": pa.Column(int, pa.Check.isin((1, 3)), coerce=True),
        "dtype": text(False, checks=pa.Check.isin(DTYPES)),
        "modality": text(False, checks=pa.Check.isin(MODALITIES)),
        **{
            name: text()
            for name in (
                "sequence",
                "view",
                "laterality",
                "series_id",
                "manufacturer",
                "model",
                "pixel_spacing_mm",
                "body_part",
                "transfer_syntax",
            )
        },
        "slice": whole(0, nullable=True),
        "burned_in_text": pa.Column(bool, coerce=True),
        "content_hash": text(False, checks=pa.Check.str_matches(HEX64)),
        "phash": text(False, checks=pa.Check.str_matches(r"^[0-9a-f]{16}$")),
        "thumbnail": pa.Column(
            object, pa.Check(lambda one: len(one) == 32 * 32, element_wise=True, name="32 x 32")
        ),
        "boxes": text(False, checks=pa.Check.str_startswith("[")),
        "mask_shard": whole(-1),
        "mask_offset": whole(-1),
    },
    checks=[
        pa.Check(_dtype_of_channels, name="three channels are uint8, one channel is not"),
        pa.Check(
            lambda table: ~table.duplicated(["file_id", "frame"]), name="a frame is listed once"
        ),
    ],
    # Series keep their own further columns (positions, instance numbers).
    strict=False,
    name="images",
)
"""One row a kept frame: where its pixels lie, how it was acquired, its hashes. No identifier."""
