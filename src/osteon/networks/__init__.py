"""Architectures, one a file, in torch and torchvision alone."""
