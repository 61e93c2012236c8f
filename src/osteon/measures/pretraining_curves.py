"""What greedy pretraining gained, layer by layer, read off the learning curves."""

from typing import Any

import pandas as pd

from osteon.measures.describing import plain

TRAINING = "training"
"""The stage of a learning curve that is no pretraining."""
ERROR, COST = "reconstruction", "loss"
WHAT = {ERROR: "squared error of reconstruction", COST: "cost (squared error, weights, sparsity)"}


def by_layer(history: pd.DataFrame) -> list[dict[str, Any]]:
    """First and last epoch of each layer's pretraining.

    Args:
        history: fold, stage, epoch, and `reconstruction` (the squared error alone) or `loss`; one
            row an epoch, further columns unread.

    Returns:
        one entry a layer in the order of fitting: stage, what (which of the two is told), first and
        last (means over the folds), folds, epochs, and fell (folds in which the last epoch was
        lower than the first). Empty without pretraining.

    Raises:
        ValueError: a column is absent.
    """
    if absent := [name for name in ("fold", "epoch", COST) if name not in history]:
        raise ValueError(f"history: no columns {absent}; found {list(history.columns)}")
    if "stage" not in history:
        return []
    own = history[history["stage"] != TRAINING]
    column = ERROR if ERROR in own and own[ERROR].notna().any() else COST
    found = []
    for stage in own["stage"].dropna().drop_duplicates():
        rows = own[own["stage"] == stage].sort_values("epoch")
        ends = rows.groupby("fold")[column].agg(["first", "last", "size"])
        found.append(
            {
                "stage": str(stage),
                "what": WHAT[column],
                "first": float(ends["first"].mean()),
                "last": float(ends["last"].mean()),
                "folds": len(ends),
                "epochs": int(ends["size"].max()),
                "fell": int((ends["last"] < ends["first"]).sum()),
            }
        )
    return list(plain(found))
