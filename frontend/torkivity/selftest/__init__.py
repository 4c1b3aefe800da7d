"""Checks of an installation by what must come out."""
