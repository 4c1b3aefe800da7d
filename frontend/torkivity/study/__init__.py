"""Films over axes, evaluated by models."""
