"""The processes of ``make demo``: which there are, and the supervisor that keeps them running."""
