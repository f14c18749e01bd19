-- The stages that a wallet can be at with a challenge.

create table agon.lifecycle_stages (
  stage text primary key,
  position smallint not null unique,
  sentence text not null,
  constraint lifecycle_stages_are_upper_case check (stage ~ '^[A-Z]+$')
);
comment on table agon.lifecycle_stages is 'What agon.resolve_lifecycle answers with, and what each stage means.';
alter table agon.lifecycle_stages enable row level security;
insert into agon.lifecycle_stages (position, stage, sentence) values
  (1, 'PENDING', 'The challenge waits to be approved.'),
  (2, 'OPEN', 'The challenge is open; this wallet does not take part.'),
  (3, 'JOINED', 'This wallet takes part and has submitted no evidence.'),
  (4, 'SUBMITTED', 'The evidence waits to be judged.'),
  (5, 'PASSED', 'The evidence meets the rule; the outcome is not final.'),
  (6, 'MISSED', 'The evidence does not meet the rule; the outcome is not final.'),
  (7, 'WON', 'The challenge succeeded and this wallet met the rule; there is nothing to claim now.'),
  (8, 'LOST', 'The challenge is final, and this wallet has no reward.'),
  (9, 'CLAIMABLE', 'A reward can be claimed.'),
  (10, 'PAYABLE', 'No reward, but the contracts owe this wallet something: a refund, cashback, a fee or a grant.'),
  (11, 'CLAIMED', 'This wallet has claimed.'),
  (12, 'REJECTED', 'The challenge was turned down.'),
  (13, 'CANCELED', 'The challenge was called off.');
