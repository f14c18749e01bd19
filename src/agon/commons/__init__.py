"""What several systems share: people, content, and later notifications, chain and tokens."""
