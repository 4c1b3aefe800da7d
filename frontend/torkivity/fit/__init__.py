"""Interface parameters from measured torques."""
