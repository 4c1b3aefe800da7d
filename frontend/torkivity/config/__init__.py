"""The TOML file that describes a film and what to do with it."""
