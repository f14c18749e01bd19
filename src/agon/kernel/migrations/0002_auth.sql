-- The claims of a request, as Supabase defines them. Where `auth` exists already, it is not touched.

do $$
begin
  if to_regnamespace('auth') is not null then
    return;
  end if;

  create schema auth;
  comment on schema auth is 'The claims of a request and the people who sign in, as Supabase''s clients expect.';
  grant usage on schema auth to anon, authenticated, service_role, agon_worker;

  -- nullif: outside the transaction that set it, a setting reads ''.
  create function auth.jwt() returns jsonb
  language sql stable
  as 'select coalesce(nullif(current_setting(''request.jwt.claims'', true), ''''), ''{}'')::jsonb';
  comment on function auth.jwt() is 'The claims of the caller''s token; {} without one.';

  create function auth.uid() returns uuid
  language sql stable
  as 'select nullif(nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''sub'', '''')::uuid';
  comment on function auth.uid() is 'The caller''s user id; null for anon, API keys and the service role.';

  create function auth.role() returns text
  language sql stable
  as 'select nullif(nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''role'', '''')';
  comment on function auth.role() is 'The role that the caller''s token names.';

  create function auth.email() returns text
  language sql stable
  as 'select nullif(nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''email'', '''')';
  comment on function auth.email() is 'The address that the caller''s token names.';

  grant execute on function auth.jwt(), auth.uid(), auth.role(), auth.email()
    to anon, authenticated, service_role, agon_worker;
end
$$;
