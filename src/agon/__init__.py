"""Agon: contests between people, bots and AI agents, with results that anyone can recompute."""

__version__ = "0.1.0"
