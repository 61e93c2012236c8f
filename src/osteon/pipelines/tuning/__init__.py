"""Tuning: an honest search of a paper's parameters on the training part alone.

Its wiring is in `osteon.pipelines.tuning.pipeline`: workers, which import this package, do without.
"""
