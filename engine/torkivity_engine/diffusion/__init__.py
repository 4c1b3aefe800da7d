"""Drift-diffusion: interface tensors, networks of layers, the boundary layer at an interface."""
