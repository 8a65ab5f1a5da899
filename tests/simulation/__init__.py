"""A whole system in one process, under a seeded scheduler and a clock that jumps."""
