"""How good a set of predictions is: numbers, intervals, paired tests, controls and leak checks.

Everything here reads tables of predictions, samples and splits, never a model or an image. Weights,
labels and scores are NumPy arrays; tables are pandas frames as described in `osteon.schemas`.
"""
