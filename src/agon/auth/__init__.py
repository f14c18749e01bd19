"""The auth door: sign-up, sign-in and sessions, as Supabase's clients ask for them."""
