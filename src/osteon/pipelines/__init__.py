"""The columns of the grid as templates, and the rows that put them together."""
