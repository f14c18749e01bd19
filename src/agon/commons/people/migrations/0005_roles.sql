-- Roles of users, and what each role may do. Both tables have the columns that their source names.

create table public.user_roles (
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null,
  constraint user_roles_are_unique primary key (user_id, role),
  constraint user_roles_role_is_a_name check (role ~ '^[a-z][a-z0-9_.:-]{0,62}$')
);
comment on table public.user_roles is
  'Which roles a user has. They reach app_metadata of the access token at sign-in and refresh.';
create index user_roles_by_role on public.user_roles (role);
alter table public.user_roles enable row level security;

create table public.role_permissions (
  role text not null,
  permission text not null,
  constraint role_permissions_are_unique primary key (role, permission),
  constraint role_permissions_role_is_a_name check (role ~ '^[a-z][a-z0-9_.:-]{0,62}$'),
  constraint role_permissions_permission_is_a_name
    check (permission ~ '^[a-z][a-z0-9_.:*-]{0,126}$')
);
comment on table public.role_permissions is
  'What a role may do. A role needs no permission to be one, and no user to have permissions.';
alter table public.role_permissions enable row level security;
