-- API keys of organisations: shown once, held to their scopes, their rate and their time.

revoke all on public.api_keys from anon, authenticated, service_role;
