"""The proof that no segmenter was fitted on a patient whom it judges."""

from typing import Any

import pandas as pd

from osteon.pipelines.evaluation.learners import FITTED
from osteon.pipelines.splitting.nodes import UNCHANGED

PATCHES = (
    "neighbouring patches share most of their pixels: at a stride of 8 px a patch of 32 px shares "
    "75 % with the next. Patches are cut after the split, from the slices of their part alone; no "
    "patch is in two parts as no patient is"
)
NO_STATISTICS = "the threshold of the outlines is given: no threshold or temperature is fitted"


def certify_segmentation(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    near_duplicates: pd.DataFrame,
    **learners: pd.DataFrame,
) -> dict[str, Any]:
    """The leak certificate of a report; a leak stops the run and names the pair.

    Args:
        samples: one row a slice.
        splits: which fold judges which slice.
        near_duplicates: pairs of images that show the same picture, as it is or altered.
        learners: for each learner `<name>__fitted`, the slices that each fold was truly fitted on,
            pretraining, balancing and early stopping included.

    Returns:
        the certificate, with `patches` (why patches need no check of their own) and `statistics`
        (why none was fitted).

    Raises:
        LeakFound: a patient, or a picture, that is judged was seen in training.
        ValueError: no learner's `fitted` is given.
    """
    from osteon.measures.leaks import certify, refuse_leaks
    from osteon.measures.tracing import COLUMNS

    given = [one for name, one in learners.items() if name.endswith(FITTED) and len(one)]
    if not given:
        raise ValueError(
            f"learners: {sorted(learners)} found, the table <name>{FITTED} of at least one needed"
        )
    fitted = pd.concat(given, ignore_index=True)
    altered = near_duplicates["change"] != UNCHANGED
    certificate = certify(
        samples,
        splits,
        fitted,
        near_duplicates=near_duplicates[~altered],
        # An empty record, not an absent one: nothing is fitted, so that nothing is unchecked.
        statistics=pd.DataFrame(columns=COLUMNS),
        altered=near_duplicates[altered],
        networks=sorted(fitted["learner"].unique()),
    )
    refuse_leaks(certificate)
    return certificate | {"patches": PATCHES, "statistics": NO_STATISTICS}
