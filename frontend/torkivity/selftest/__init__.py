"""Checks of an installation against exact results."""
