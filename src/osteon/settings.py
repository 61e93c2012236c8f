"""Kedro settings: how configuration is merged and which hooks run."""

from osteon.hooks import OrderHooks, ParallelHooks, TrackingHooks

HOOKS = (OrderHooks(), TrackingHooks(), ParallelHooks())

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # Without soft merging an environment replaces a paper's whole block of parameters.
    "merge_strategy": {"parameters": "soft"},
}
