-- From where on a contract's logs are all here: later than its first block if we had passed that.

alter table agon.chain_contracts
  add column read_from bigint not null,
  add constraint chain_contracts_are_read_from_a_block_of_theirs check (read_from >= from_block);
