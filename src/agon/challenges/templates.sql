-- Challenge templates: public while active, written by admins.

create or replace trigger challenge_templates_stamp_updated_at
  before update on public.challenge_templates
  for each row execute function agon.stamp_updated_at();

create or replace function agon.put_template(template jsonb) returns public.challenge_templates
language plpgsql security definer set search_path = ''
as $$
declare
  row public.challenge_templates;
begin
  perform agon.require_admin();
  insert into public.challenge_templates
    (id, name, hint, kind, model_id, fields_json, rule_config, active)
  select t.id, t.name, t.hint, t.kind, t.model_id, coalesce(t.fields_json, '[]'), t.rule_config,
    coalesce(t.active, true)
  from jsonb_populate_record(null::public.challenge_templates, template) t
  on conflict (id) do update set
    name = excluded.name, hint = excluded.hint, kind = excluded.kind, model_id = excluded.model_id,
    fields_json = excluded.fields_json, rule_config = excluded.rule_config, active = excluded.active
  returning * into row;
  return row;
end
$$;
comment on function agon.put_template(jsonb) is 'Writes a template, whole; admins only.';
grant execute on function agon.put_template(jsonb) to authenticated, service_role;

revoke all on public.challenge_templates from anon, authenticated, service_role;
grant select on public.challenge_templates to anon, authenticated, service_role;

drop policy if exists challenge_templates_select_active on public.challenge_templates;
create policy challenge_templates_select_active on public.challenge_templates
  for select to anon, authenticated using (active or (select agon.is_admin()));
drop policy if exists challenge_templates_select_service on public.challenge_templates;
create policy challenge_templates_select_service on public.challenge_templates
  for select to service_role using (true);
