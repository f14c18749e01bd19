"""Users, wallets and, later, sessions, roles and credentials."""
