"""The model of ranks, and the measurements beside it."""
