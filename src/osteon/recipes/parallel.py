"""Where independent work runs: ingestion, folds and trials, by joblib; imports no joblib."""

from typing import Literal, Self

from pydantic import Field, model_validator

from osteon.recipes.base import Strict


class ParallelConfig(Strict):
    """How many tasks run at once, and where.

    Attributes:
        backend: `sequential`, one after the other in this process; `loky`, processes of this
            machine; `dask`, a cluster that runs already.
        workers: tasks at once; 0 = one a core, or with dask one a thread of its workers.
        address: of the cluster's scheduler, such as tcp://10.0.0.5:8786; for dask only.
    """

    backend: Literal["sequential", "loky", "dask"] = "loky"
    workers: int = Field(default=0, ge=0, le=4096)
    address: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.backend == "dask") != (self.address is not None):
            found = "not given" if self.address is None else "given"
            raise ValueError(
                f"address: {found} with backend {self.backend}; dask needs its scheduler's, such "
                "as tcp://10.0.0.5:8786, and the others have none"
            )
        if self.backend == "sequential" and self.workers > 1:
            raise ValueError(
                f"workers: {self.workers} found with backend sequential; allowed are 0 and 1"
            )
        return self

    @property
    def jobs(self) -> int:
        """The same as joblib's `n_jobs`: -1 for one a core."""
        if self.backend == "sequential":
            return 1
        return self.workers or -1
