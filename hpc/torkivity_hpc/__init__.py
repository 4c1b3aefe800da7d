"""Storage of results over parameter grids, and the sweeps that fill it."""
