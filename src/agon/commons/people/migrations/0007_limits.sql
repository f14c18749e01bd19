-- What stands in tokens is bounded, known networks, and what a sign-in under way has proved.

do $$
begin
  if not exists (
    select from pg_catalog.pg_class c join pg_catalog.pg_roles r on r.oid = c.relowner
    where c.oid = 'auth.users'::regclass and r.rolname = current_user
  ) then
    return;
  end if;

  -- Both stand in every access token, which is sent with every request.
  alter table auth.users
    add constraint users_app_meta_data_is_short check (octet_length(raw_app_meta_data::text) <= 4096),
    add constraint users_user_meta_data_is_short check (octet_length(raw_user_meta_data::text) <= 4096);
end
$$;

create table agon.known_networks (
  user_id uuid not null references auth.users (id) on delete cascade,
  network text not null,
  seen_at timestamptz not null,
  constraint known_networks_are_unique primary key (user_id, network)
);
comment on table agon.known_networks is
  'From where a user has signed in: strangers'' wrong passwords do not lock the user out there.';
create index known_networks_by_age on agon.known_networks (seen_at);
alter table agon.known_networks enable row level security;

alter table agon.flow_states
  add column proved jsonb,
  add constraint flow_states_proved_is_an_object check (jsonb_typeof(proved) = 'object');
-- Sign-ins at a provider end after minutes, those by mail with their mail.
create index flow_states_of_providers_by_age on agon.flow_states (created_at) where provider <> 'email';

create index sessions_by_age on agon.sessions ((coalesce(refreshed_at, created_at)));
