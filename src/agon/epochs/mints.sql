-- Minting bots: which token comes next, and what a repeated request is answered with.

create or replace function agon.next_bot_mint(chain_id bigint, request text, token_id numeric default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  contract constant text := agon.contract_address(next_bot_mint.chain_id, 'BotIdentity');
  own_key constant text := format('epochs.mint:%s:%s', contract, request);
  token numeric := next_bot_mint.token_id;
begin
  if contract is null then
    perform agon.refuse(409, 'contract_missing',
      format('No BotIdentity is known on chain %s.', next_bot_mint.chain_id), '`agon chain deploy` makes one.');
  end if;
  if request !~ '^[A-Za-z0-9._-]{1,64}$' then
    perform agon.refuse(422, 'request_malformed', 'This is no key of a request.',
      'Give up to 64 letters, digits, dots, dashes and underscores.');
  end if;
  perform pg_advisory_xact_lock(hashtextextended('mints of ' || contract, 0));
  -- The same request has the same token: what is meant under its key differs in nothing.
  if token is null then
    select (i.payload ->> 'token_id')::numeric into token from agon.chain_intents i
    where i.chain_id = next_bot_mint.chain_id and i.key = own_key;
  end if;
  if token is null then
    -- After the numbers that a command gives: a random one of 256 bits would leave none.
    select 1 + greatest(0, (
      select max(b.token_id) from public.bot_identities b
      where b.chain_id = next_bot_mint.chain_id and b.contract_address = contract
        and b.token_id < 9223372036854775807), (
      select max((i.payload ->> 'token_id')::numeric) from agon.chain_intents i
      where i.chain_id = next_bot_mint.chain_id and i.purpose = 'epochs.mint'
        and i.to_address = contract)) into token;
  end if;
  return jsonb_build_object('chain_id', next_bot_mint.chain_id, 'to', contract, 'key', own_key,
    'token_id', token::text, 'slug', agon.bot_slug(next_bot_mint.chain_id, contract, token));
end
$$;
comment on function agon.next_bot_mint(bigint, text, numeric) is
  'What a request mints: the token named, else the one that it had before, else the next after all that are known or meant. Others wait until the transaction ends.';
grant execute on function agon.next_bot_mint(bigint, text, numeric) to agon_worker;
