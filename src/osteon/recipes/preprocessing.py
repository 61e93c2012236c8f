"""Configuration of preprocessing: which slices, which part of them, which colours, which size."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Colour = Literal["grey", "window_composite", "adjacent", "as_is"]
Window = tuple[Annotated[float, Field(gt=0)], float]


class SlicesConfig(BaseModel):
    """Which slices of a series become samples.

    Attributes:
        choice: `all`; `lesion`, those that show it, spread evenly over its extent;
            `largest_lesion`, those that show most of it; `even`, spread evenly over the series. A
            series without a drawn lesion falls back on `even`, or on its middle slice, and the
            report says so.
        count: of a series at most; None = no bound (one for `largest_lesion`). Not with `all`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    choice: Literal["all", "lesion", "largest_lesion", "even"] = "all"
    count: int | None = Field(default=None, ge=1, le=10_000)

    @model_validator(mode="after")
    def _all_has_no_bound(self) -> Self:
        if self.choice == "all" and self.count is not None:
            raise ValueError(f"count is {self.count} with choice all; give even, or no count")
        return self


class RegionConfig(BaseModel):
    """Which part of an image the network sees.

    Attributes:
        mode: `whole`; `box_margin`, the lesion's box and a margin; `fixed`, a square around its
            centre. The lesion is an expert's mask, else an expert's box, else what `threshold`
            finds.
        margin: on each side of the box, px of the original.
        threshold: `otsu` or `li` on the smoothed image; `given` takes nothing but mask or box, and
            the whole image where there is none.
        smoothing: standard deviation of the Gaussian before thresholding, px.
        open_radius: of the disk that removes thin bridges from what was found, px.
        close_radius: of the disk that closes its notches, px.
        fixed_side: of the square of `fixed`, px.
        apply_mask: blacken what lies outside the lesion (which removes its surroundings).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["whole", "box_margin", "fixed"] = "whole"
    margin: int = Field(default=20, ge=0, le=4096)
    threshold: Literal["otsu", "li", "given"] = "otsu"
    smoothing: float = Field(default=1.0, ge=0, le=100)
    open_radius: int = Field(default=3, ge=0, le=100)
    close_radius: int = Field(default=3, ge=0, le=100)
    fixed_side: int = Field(default=20, ge=1, le=4096)
    apply_mask: bool = False


class PreprocessingConfig(BaseModel):
    """How kept images become network input.

    Attributes:
        size: side length in px.
        resize: `stretch` ignores the aspect ratio, as the late-fusion paper does; `letterbox` pads.
        slices: which ones become samples.
        region: which part of them.
        colour: `grey`; `window_composite`, three windows of a CT as red, green and blue;
            `adjacent`, a slice with its two neighbours; `as_is`, the file's own colours.
        windows: (width, level) in HU; a grey CT is shown in the first one.
        intensity: `display`, greys as the file shows them; `percentile`, from the 1st to the 99th
            percentile of what is shown, as MR needs it. For grey only.
        planes: series of another plane are left out and counted; a series whose plane is unknown
            stays. None = all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(224, ge=16, le=4096)
    resize: Literal["stretch", "letterbox"] = "stretch"
    slices: SlicesConfig = SlicesConfig()
    region: RegionConfig = RegionConfig()
    colour: Colour = "grey"
    # Bone, soft tissue, wide: spinal_smsdnet's reading of "RGB" for a CT (docs/papers).
    windows: tuple[Window, Window, Window] = ((1500, 300), (400, 40), (2500, 500))
    intensity: Literal["display", "percentile"] = "display"
    planes: tuple[Literal["SAGITTAL", "CORONAL", "AXIAL"], ...] | None = None

    @model_validator(mode="after")
    def _percentile_is_grey(self) -> Self:
        if self.intensity == "percentile" and self.colour != "grey":
            raise ValueError(f"intensity is percentile with colour {self.colour}; it needs grey")
        return self
