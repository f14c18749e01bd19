"""The published Supabase clients, driven against the doors."""
