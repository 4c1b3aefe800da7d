"""What the commands compute, as plain functions that print nothing."""
