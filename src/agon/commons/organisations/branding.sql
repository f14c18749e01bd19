-- Branding: how an organisation looks, and the domain of its own.

create or replace trigger whitelabel_configs_stamp_updated_at
  before update on public.whitelabel_configs
  for each row execute function agon.stamp_updated_at();

revoke all on public.whitelabel_configs from anon, authenticated, service_role;
