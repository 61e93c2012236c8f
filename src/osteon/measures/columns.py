"""What the tables agree on; imports nothing, so that configuration may read it."""

SUBGROUPS = ("sex", "age", "site", "location", "sequence", "view", "centre", "scanner")
"""Columns that predictions carry along, and subgroups are formed by."""

ALWAYS_TRAIN = -1
"""Fold of what is never judged: the train part of a split that the cohort fixes."""
