"""The dense method: B matrix, modes and matching, on any mesh."""
