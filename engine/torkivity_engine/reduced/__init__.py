"""The reduced method: layers as small operators on azimuthal moments, and their closure."""
