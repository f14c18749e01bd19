"""Epochs: bots that exist as tokens, and who owns them."""
