"""Running many points: schedule, workers, crews of ranks."""
