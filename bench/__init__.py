"""Measurements: each figure a ratio to a peer in the same run, or with its machine."""
