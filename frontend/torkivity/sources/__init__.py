"""Where tables of interface amplitudes come from: models that this program can solve itself."""
