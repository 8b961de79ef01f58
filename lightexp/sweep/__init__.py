"""Sweeps: what their jobs are, what is missing of them, and running that so that nothing is lost."""
