"""Checks of the tables that stages hand on, one module a table, for the catalog's `validator:`.

Each module's `schema` is a pandera DataFrameSchema. pandera is imported in those modules only, and
the catalog loads them when a table is first checked.
"""
