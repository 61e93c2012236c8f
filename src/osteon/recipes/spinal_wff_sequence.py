"""Network of the sequence classifier of the weighted fusion framework (`sequence_networks`).

How long: the paper's network on tubes of 16 × 112 × 112 is for a GPU. With `arch: resnext3d`, width
0.125, blocks 1, 1, 1, 1 and cardinality 8 (188,010 parameters) one core trains on about a hundred
tubes of 16 × 64 × 64, or several hundred of 4 × 48 × 48, a second.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from osteon.recipes.base import Strict

if TYPE_CHECKING:
    from torch import nn

Architecture = Literal["resnext3d_101", "resnext3d", "resnext2d_stack", "resnet3d_18"]
Trunk = Literal["resnext101_32x4d", "resnet18", "resnet34", "resnet50"]
Count = Annotated[int, Field(ge=1)]

OPTIONS: dict[str, tuple[str, ...]] = {
    "resnext3d_101": (),
    "resnext3d": ("blocks", "cardinality", "width"),
    "resnext2d_stack": ("trunk", "width"),
    "resnet3d_18": (),
}


class SequenceNetworkConfig(Strict):
    """The paper's sequence classifier, its other reading, and smaller ones.

    Attributes:
        arch: resnext3d_101 (our reading of the paper), resnext3d (the same, of any size),
            resnext2d_stack (slices as channels of a 2D network) or resnet3d_18.
        dropout: in front of the last layer.
        weights: none, or a local file with the names of the public networks.
        blocks: of each of the four stages; none for 3, 4, 23, 3. resnext3d.
        cardinality: groups of the 3³ convolutions; none for 32. resnext3d.
        width: factor on all channels; none for 1. resnext3d and resnext2d_stack.
        trunk: the 2D network; none for resnext101_32x4d. resnext2d_stack.
    """

    arch: Architecture = "resnext3d_101"
    dropout: float = Field(default=0.0, ge=0, lt=1)
    weights: str = Field(default="none", min_length=1)
    blocks: tuple[Count, Count, Count, Count] | None = None
    cardinality: int | None = Field(default=None, ge=1, le=64)
    width: float | None = Field(default=None, gt=0, le=4)
    trunk: Trunk | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "SequenceNetworkConfig":
        for name in ("blocks", "cardinality", "width", "trunk"):
            found = getattr(self, name)
            if found is not None and name not in OPTIONS[self.arch]:
                raise ValueError(f"{name}: {found} found; arch {self.arch!r} has no such option")
        scaled = self.arch == "resnext2d_stack" and self.width not in (None, 1.0)
        if scaled and self.trunk in (None, "resnext101_32x4d"):
            raise ValueError(
                f"width: {self.width:g} found; with trunk 'resnext101_32x4d' it must be 1"
            )
        return self

    def build(self, slices: int, classes: int) -> "nn.Module":
        """A new network for tubes of this many slices, seeded by torch's current state.

        Args:
            slices: N, of a tube.
            classes: number of logits; 1 for a single sigmoid.

        Raises:
            FileNotFoundError, ValueError: of the file of weights.
        """
        from osteon.networks.sequence_networks import build_sequence_network

        given: dict[str, Any] = {name: getattr(self, name) for name in OPTIONS[self.arch]}
        own = {name: value for name, value in given.items() if value is not None}
        return build_sequence_network(
            self.arch, slices, classes, weights=self.weights, dropout=self.dropout, **own
        )
