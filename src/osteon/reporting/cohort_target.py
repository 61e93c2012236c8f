"""What the label maps of a cohort show: slices with the target, its share of the pixels."""

import pandas as pd

from osteon.reporting.cells import median, row, share, table

SHARE = "target_share"
"""Column of the samples: the target's share of a slice's pixels, 0..1."""


def target_table(samples: pd.DataFrame, splits: pd.DataFrame, target: str) -> dict[str, object]:
    """Slices and patients that show the target, in all and by part of the split.

    Args:
        samples: one row a slice: sample_id, patient_id and `SHARE`.
        splits: sample_id, fold, split.
        target: what the target is called.

    Returns:
        columns and rows of ready text, as `osteon.reporting.cells.table` shapes them.
    """
    placed = samples.drop(columns=["fold", "split"], errors="ignore").merge(
        splits[["sample_id", "fold", "split"]], on="sample_id", how="left"
    )
    by_fold = "fold " + placed["fold"].astype("Int64").astype("str")
    placed = placed.assign(part=placed["split"].where(placed["split"] != "cv", by_fold))
    order = {"train": "0", "test": "1"}
    names = sorted(placed["part"].dropna().unique(), key=lambda one: order.get(one, one))
    groups = {"all": placed} | {str(name): placed[placed["part"] == name] for name in names}
    shown = {name: one[one[SHARE] > 0] for name, one in groups.items()}
    rows = [
        row("slices", {name: str(len(one)) for name, one in groups.items()}),
        row(
            f"slices with {target}",
            {name: share(len(one), len(groups[name])) for name, one in shown.items()},
        ),
        row(
            f"patients with {target}",
            {
                name: share(one["patient_id"].nunique(), groups[name]["patient_id"].nunique())
                for name, one in shown.items()
            },
        ),
        row(
            "slices with it a patient: median [IQR]",
            {name: median(one["patient_id"].value_counts()) for name, one in shown.items()},
        ),
    ]
    rows += [
        row(
            f"share of {target} in its slices, %: median [IQR]",
            {name: median(100 * one[SHARE], 1) for name, one in shown.items()},
        ),
        row(
            f"share of {target} in all pixels, %",
            {
                name: f"{100 * one[SHARE].mean():.2f}" if len(one) else "–"
                for name, one in groups.items()
            },
        ),
    ]
    return table([*groups], rows)
