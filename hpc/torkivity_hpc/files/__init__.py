"""Result files: layout, rows, locks, resuming."""
