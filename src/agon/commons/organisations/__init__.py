"""Organisations: who belongs to one, with what role, and what acts for it."""
