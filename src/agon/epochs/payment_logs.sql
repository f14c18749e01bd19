-- What the logs of EpochPayout and Edition say of payouts and editions, and how it is taken back.

create or replace function agon.recompute_payments(
  chain_id bigint, from_block bigint, to_block bigint, below bigint
) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  meant record;
begin
  -- By id, as the sender notes them: who waits for a row holds none that the other waits for.
  for meant in
    select distinct i.id, i.purpose from agon.chain_logs l
    join agon.chain_intents i on i.chain_id = l.chain_id and i.to_address = l.address
      and i.key = case l.contract
        when 'Edition' then 'epochs.edition:' || (l.args ->> 'tokenId')
        else format('epochs.payout:%s:%s', l.args ->> 'epoch', l.args ->> 'batch') end
    where l.chain_id = recompute_payments.chain_id
      and (l.contract, l.event) in (('EpochPayout', 'BatchPushed'), ('Edition', 'Transfer'))
      and l.block_number between recompute_payments.from_block and recompute_payments.to_block
    order by i.id
  loop
    if meant.purpose = 'epochs.edition' then
      perform agon.recompute_edition(meant.id, below);
    else
      perform agon.recompute_payouts(meant.id, below);
    end if;
  end loop;
end
$$;
comment on function agon.recompute_payments(bigint, bigint, bigint, bigint) is
  'Batches and editions that blocks tell of, by the logs of blocks below one. Called by effects only.';

create or replace function agon.apply_payments(chain_id bigint, from_block bigint, to_block bigint) returns void
language sql security definer set search_path = ''
as $$ select agon.recompute_payments(chain_id, from_block, to_block, to_block + 1) $$;
comment on function agon.apply_payments(bigint, bigint, bigint) is
  'Effect of BatchPushed, with the Credited before it, and of Transfer of Edition: of minting alone.';

create or replace function agon.undo_payments(chain_id bigint, first_undone bigint) returns void
language sql security definer set search_path = ''
as $$ select agon.recompute_payments(chain_id, first_undone, 9223372036854775807, first_undone) $$;
comment on function agon.undo_payments(bigint, bigint) is 'Takes back agon.apply_payments.';

select agon.register_chain_effect('EpochPayout', 'BatchPushed', 140, 'agon.apply_payments', 'agon.undo_payments');
select agon.register_chain_effect('Edition', 'Transfer', 140, 'agon.apply_payments', 'agon.undo_payments');
