"""Configuration of preprocessing: which slices, which part of them, which colours, which size."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from osteon.imaging.intensity import Stretch

Colour = Literal["grey", "window_composite", "adjacent", "as_is"]
Window = tuple[Annotated[float, Field(gt=0)], float]
Percentile = Annotated[float, Field(ge=0, le=100)]


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
        field_mm: side of the square, mm, so that a prepared pixel is field_mm / size mm along both
            axes in every image, to the rounding of a picture's sides. Of a region that is larger,
            the part about its middle is taken; images whose pixel spacing is not known are left
            out and counted. Needs `letterbox`. None = every region fills the square.
        slices: which ones become samples.
        region: which part of them.
        colour: `grey`; `window_composite`, three windows of a CT as red, green and blue;
            `adjacent`, a slice with its two neighbours; `as_is`, the file's own colours.
        windows: (width, level) in HU; a grey CT is shown in the first one.
        intensity: `display`, greys as the file shows them; `percentile`, from one percentile of
            what is shown to another, as MR needs it. For grey only.
        percentiles: what becomes black and white; this and the next three need `percentile`. In
            this order: crop, background, smoothing, percentiles, size.
        background: what becomes 0 first: `none`; `share`, pixels below a share of the crop's 99.5th
            percentile; `otsu`, pixels up to Otsu's threshold, which takes bone with it where fluid
            or fat is much brighter. With either, files in HU are left out.
        background_share: of that percentile.
        smoothing: standard deviation of a Gaussian, px of the original; 0: none. Where the cohort
            keeps smaller images (`max_side`), it is reduced alike.
        masks: the label maps are prepared beside the images, by nearest neighbour; an image without
            one is left out and counted.
        planes: series of another plane are left out and counted; a series whose plane is unknown
            stays. None = all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(224, ge=16, le=4096)
    resize: Literal["stretch", "letterbox"] = "stretch"
    field_mm: float | None = Field(default=None, gt=0, le=2000)
    slices: SlicesConfig = SlicesConfig()
    region: RegionConfig = RegionConfig()
    colour: Colour = "grey"
    # Bone, soft tissue, wide: spinal_smsdnet's reading of "RGB" for a CT (docs/papers).
    windows: tuple[Window, Window, Window] = ((1500, 300), (400, 40), (2500, 500))
    intensity: Literal["display", "percentile"] = "display"
    percentiles: tuple[Percentile, Percentile] = (1.0, 99.0)
    background: Literal["none", "share", "otsu"] = "none"
    background_share: float = Field(default=0.05, ge=0, le=1)
    smoothing: float = Field(default=0.0, ge=0, le=100)
    masks: bool = False
    planes: tuple[Literal["SAGITTAL", "CORONAL", "AXIAL"], ...] | None = None

    @model_validator(mode="after")
    def _field_needs_letterbox(self) -> Self:
        if self.field_mm is not None and self.resize != "letterbox":
            raise ValueError(
                f"field_mm is {self.field_mm:g} with resize {self.resize}; it needs letterbox"
            )
        return self

    @model_validator(mode="after")
    def _percentile_is_grey(self) -> Self:
        if self.intensity == "percentile" and self.colour != "grey":
            raise ValueError(f"intensity is percentile with colour {self.colour}; it needs grey")
        return self

    @model_validator(mode="after")
    def _stretch_needs_percentile(self) -> Self:
        if self.percentiles[0] >= self.percentiles[1]:
            raise ValueError(
                f"percentiles is {list(self.percentiles)}; the first must be the lower"
            )
        if self.intensity == "percentile":
            return self
        for name in ("percentiles", "background", "background_share", "smoothing"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} is given with intensity display; it needs percentile")
        return self

    @property
    def stretch(self) -> Stretch:
        """Percentiles, background and smoothing as imaging takes them; px of the original."""
        return Stretch(self.percentiles, self.background, self.background_share, self.smoothing)
