"""Training and prediction in plain torch: one fit loop for every network of every paper."""
