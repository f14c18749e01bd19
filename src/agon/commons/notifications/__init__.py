"""What people are told: mail."""
