"""Medical images as NumPy arrays: decode, pixel chain, geometry, resize, fingerprints. No torch."""
