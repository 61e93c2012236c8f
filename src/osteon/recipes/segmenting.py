"""How a map of probabilities becomes an outline, and within how much an outline counts as right."""

from pydantic import Field

from osteon.recipes.base import Strict


class PostprocessConfig(Strict):
    """From a map to an outline on the image's own pixels; the same for all learners of a row.

    Attributes:
        threshold: probability from which a pixel, or a patch, is called the target. It is given,
            never chosen on a sample, so that nothing that is judged has a part in it.
        least_px: connected parts of fewer pixels of the image are dropped; 0 = none.
        fill_holes: pixels that an outline encloses belong to it.
        tolerance_mm: boundaries within this distance agree (NSD). 2 mm is our choice, about three
            pixels of the paper's scanner and less than its slice of 3 mm; the paper has no such
            measure.
    """

    threshold: float = Field(default=0.5, gt=0, lt=1)
    least_px: int = Field(default=64, ge=0, le=1_000_000)
    fill_holes: bool = True
    tolerance_mm: float = Field(default=2.0, ge=0, le=100)
