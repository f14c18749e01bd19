-- Bots: what follows from their tokens, and who may see them.

create or replace function agon.bot_identity_id(chain_id bigint, contract_address text, token_id numeric)
returns uuid
language sql immutable set search_path = ''
as $$
  -- sha256 of the token's name, its first half: `uuid` takes 32 digits.
  select substr(encode(sha256(convert_to(
    chain_id || ':' || contract_address || ':' || token_id, 'UTF8')), 'hex'), 1, 32)::uuid
$$;
comment on function agon.bot_identity_id(bigint, text, numeric) is
  'The id of the bot that a token is, on every installation. Called by other functions only.';

create or replace function agon.bot_slug(chain_id bigint, contract_address text, token_id numeric)
returns text
language sql immutable set search_path = ''
as $$
  -- Eight digits of the contract: `bot_7` of two contracts, or of one address on two chains, differ.
  select 'bot_' || token_id || '_' || substr(encode(sha256(convert_to(
    chain_id || ':' || contract_address, 'UTF8')), 'hex'), 1, 8)
$$;
comment on function agon.bot_slug(bigint, text, numeric) is
  'The name of a bot that people can say: bot_<token>_<contract>. Called by other functions only.';

revoke all on public.bot_identities from anon, authenticated, service_role;
grant select on public.bot_identities to anon, authenticated, service_role;

drop policy if exists bot_identities_select_everyone on public.bot_identities;
create policy bot_identities_select_everyone on public.bot_identities
  for select to anon, authenticated, service_role using (true);
