"""Phantom cohorts: synthetic patients written as real DICOM files with a known truth."""
