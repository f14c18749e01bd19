-- Who may vote on challenges: which act of ours comes next, and who may act where we may not.

create or replace function agon.next_validator_act(chain_id bigint, account text, act text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  escrow constant text := agon.contract_address(next_validator_act.chain_id, 'ChallengePay');
  acts integer;
  last agon.chain_intents;
begin
  if escrow is null then
    perform agon.refuse(409, 'contract_missing',
      format('No ChallengePay is known on chain %s.', next_validator_act.chain_id),
      '`agon chain deploy` makes one.');
  end if;
  select count(*) into acts from agon.chain_intents i
  where i.chain_id = next_validator_act.chain_id and i.purpose = 'challenges.validator'
    and i.to_address = escrow and i.payload ->> 'account' = account;
  select i.* into last from agon.chain_intents i
  where i.chain_id = next_validator_act.chain_id and i.purpose = 'challenges.validator'
    and i.to_address = escrow and i.payload ->> 'account' = account
  order by i.id desc limit 1;
  return jsonb_build_object('chain_id', next_validator_act.chain_id, 'to', escrow,
    'key', case
      when last.payload ->> 'act' = act and last.status <> 'confirmed' then last.key
      else format('challenges.validator:%s:%s:%s', escrow, account, acts) end,
    'under_way', case when last.status not in ('confirmed', 'failed') then last.payload ->> 'act' end,
    'admins', (
      select coalesce(jsonb_agg(r.account order by r.account), '[]') from (
        select distinct on (l.args ->> 'account') l.args ->> 'account' as account, l.event
        from agon.chain_logs l
        where l.chain_id = next_validator_act.chain_id and l.contract = 'ChallengePay'
          and l.event in ('RoleGranted', 'RoleRevoked') and l.address = escrow
          and l.args ->> 'role' = '0x' || repeat('0', 64)
        order by l.args ->> 'account', l.block_number desc, l.log_index desc
      ) r where r.event = 'RoleGranted'));
end
$$;
comment on function agon.next_validator_act(bigint, text, text) is
  'The key of an act (add, remove) on a validator: that of the last one while it is the same and not confirmed, else a new one; which act is under way; and ChallengePay''s admins, as far as its logs are read.';
grant execute on function agon.next_validator_act(bigint, text, text) to agon_worker;
