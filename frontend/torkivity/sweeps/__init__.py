"""Sweeps over the parameters of a film: what they are, and running them."""
