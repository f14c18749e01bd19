"""What people are told: mail, and notifications in the app."""
