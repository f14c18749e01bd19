-- Who keeps a picture of the schema is told when it changes: channel pgrst, as PostgREST listens.

create or replace function agon.notify_schema_change() returns event_trigger
language plpgsql set search_path = ''
as $$
declare
  changed boolean;
begin
  -- Temporary tables come and go with every session, and nobody else sees them.
  if tg_event = 'sql_drop' then
    select count(*) > 0 into changed from pg_event_trigger_dropped_objects() as gone
      where not gone.is_temporary and gone.object_type in (
        'schema', 'table', 'foreign table', 'view', 'materialized view', 'table column',
        'table constraint', 'function', 'type', 'domain', 'cast', 'trigger', 'rule');
  else
    select count(*) > 0 into changed from pg_event_trigger_ddl_commands() as command
      where command.schema_name is distinct from 'pg_temp' and command.command_tag in (
        'CREATE SCHEMA', 'ALTER SCHEMA', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO',
        'ALTER TABLE', 'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'CREATE VIEW', 'ALTER VIEW',
        'CREATE MATERIALIZED VIEW', 'ALTER MATERIALIZED VIEW', 'CREATE FUNCTION', 'ALTER FUNCTION',
        'CREATE TYPE', 'ALTER TYPE', 'CREATE DOMAIN', 'ALTER DOMAIN', 'CREATE CAST',
        'CREATE TRIGGER', 'CREATE RULE', 'COMMENT');
  end if;
  if changed then
    notify pgrst, 'reload schema';
  end if;
end
$$;
comment on function agon.notify_schema_change() is
  'Tells the listeners of channel pgrst that tables, views, functions or types have changed.';

-- Only a superuser may make an event trigger, and Agon never needs one: without it the servers
-- look for themselves every few seconds, and `agon migrate` tells them.
do $$
begin
  if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    drop event trigger if exists agon_schema_changed;
    drop event trigger if exists agon_schema_dropped;
    create event trigger agon_schema_changed on ddl_command_end
      execute function agon.notify_schema_change();
    create event trigger agon_schema_dropped on sql_drop
      execute function agon.notify_schema_change();
  end if;
end
$$;
