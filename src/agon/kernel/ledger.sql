-- Who may see which migrations stand in the database: the engine, for /readyz and the doctor.

grant select on agon.schema_migrations to agon_worker;
drop policy if exists schema_migrations_select_worker on agon.schema_migrations;
create policy schema_migrations_select_worker on agon.schema_migrations
  for select to agon_worker using (true);
