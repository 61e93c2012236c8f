"""osteon: train, compare and audit the deep-learning models of five bone-tumour papers."""

__version__ = "0.1.0"
