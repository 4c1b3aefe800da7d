"""Boltzmann and drift-diffusion engine. No files, no MPI, no plots in here."""

import os

from torkivity_engine.machine.kernel_cache import default_places, provide_kernel_cache

provide_kernel_cache(default_places(), os.environ)
