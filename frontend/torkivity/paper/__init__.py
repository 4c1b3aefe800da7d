"""The figures of the paper and its claims, recomputed."""
