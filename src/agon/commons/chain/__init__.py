"""The chain: its log read into Postgres, and our transactions on it."""
