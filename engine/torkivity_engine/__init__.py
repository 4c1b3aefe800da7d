"""Boltzmann and drift-diffusion engine. No files, no MPI, no plots in here."""
