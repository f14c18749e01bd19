-- The model registry: public while active, written by admins.

create or replace trigger models_stamp_updated_at
  before update on public.models
  for each row execute function agon.stamp_updated_at();

create or replace function agon.find_model(model_id text) returns public.models
language plpgsql stable security definer set search_path = ''
as $$
declare
  model public.models;
begin
  select * into model from public.models m where m.id = find_model.model_id and m.active;
  if not found then
    perform agon.refuse(404, 'model_unknown',
      format('There is no active model %s.', coalesce(nullif(find_model.model_id, ''), '(none)')),
      'GET /api/templates names models that work.');
  end if;
  return model;
end
$$;
comment on function agon.find_model(text) is 'An active model; refuses others.';
grant execute on function agon.find_model(text) to agon_worker;

create or replace function agon.put_model(model jsonb) returns public.models
language plpgsql security definer set search_path = ''
as $$
declare
  row public.models;
begin
  perform agon.require_admin();
  insert into public.models
    (id, label, kind, judge, model_hash, verifier, plonk_verifier, binding, signals, params_schema,
     sources, file_accept, notes, active)
  select
    m.id, m.label, m.kind, m.judge, lower(m.model_hash), lower(m.verifier), m.plonk_verifier,
    coalesce(m.binding, false), coalesce(m.signals, '[]'), coalesce(m.params_schema, '{}'),
    m.sources, m.file_accept, m.notes, coalesce(m.active, true)
  from jsonb_populate_record(null::public.models, model) m
  on conflict (id) do update set
    label = excluded.label, kind = excluded.kind, judge = excluded.judge,
    model_hash = excluded.model_hash, verifier = excluded.verifier,
    plonk_verifier = excluded.plonk_verifier, binding = excluded.binding,
    signals = excluded.signals, params_schema = excluded.params_schema,
    sources = excluded.sources, file_accept = excluded.file_accept, notes = excluded.notes,
    active = excluded.active
  returning * into row;
  return row;
end
$$;
comment on function agon.put_model(jsonb) is 'Writes a model, whole; admins only.';
grant execute on function agon.put_model(jsonb) to authenticated, service_role;

revoke all on public.models from anon, authenticated, service_role;
grant select on public.models to anon, authenticated, service_role;

drop policy if exists models_select_active on public.models;
create policy models_select_active on public.models
  for select to anon, authenticated using (active or (select agon.is_admin()));
drop policy if exists models_select_service on public.models;
create policy models_select_service on public.models
  for select to service_role using (true);
