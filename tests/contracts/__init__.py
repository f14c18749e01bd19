"""Our contracts, on a chain of this machine."""
