"""Leagues: competitions, brackets, disputes, seasons, and the organisations that hold them."""
