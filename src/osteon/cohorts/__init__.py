"""Where samples come from: a folder that a user brings, BTXRD, or a phantom."""
