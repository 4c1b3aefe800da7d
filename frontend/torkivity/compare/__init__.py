"""How far drift-diffusion is from the Boltzmann equation."""
