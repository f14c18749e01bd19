-- Changing an address: what is proved of it is state of its own, and no proof is had by waiting.

create or replace function agon.refuse_taken_address(hint text default null) returns void
language plpgsql set search_path = ''
as $$
begin
  perform agon.refuse(422, 'email_exists', 'A user with this email address has already been registered', hint);
end
$$;
comment on function agon.refuse_taken_address(text) is
  'Refuses an address that somebody has. Called by other functions only.';

create or replace function agon.begin_email_change(person auth.users, email text, lifetime interval)
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  delete from agon.one_time_tokens t where t.user_id = person.id and t.kind like 'email\_change\_%';
  insert into agon.email_changes as c (user_id, email, present, expires_at, created_at)
  values (person.id, begin_email_change.email,
    case when person.email_confirmed_at is not null then person.email end,
    agon.now() + lifetime, agon.now())
  on conflict (user_id) do update set email = excluded.email, present = excluded.present,
    new_proved_at = null, present_proved_at = null,
    expires_at = excluded.expires_at, created_at = excluded.created_at;
end
$$;
comment on function agon.begin_email_change(auth.users, text, interval) is
  'A change of address, of which nothing is proved yet; a former one is over. Called by other functions only.';

create or replace function agon.prove_email_change(person auth.users, kind text, email text)
returns boolean
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  change agon.email_changes;
begin
  update agon.email_changes c set
    new_proved_at = case when kind = 'email_change_new' then agon.now() else c.new_proved_at end,
    present_proved_at = case when kind = 'email_change_current' then agon.now() else c.present_proved_at end
  where c.user_id = person.id and c.expires_at >= agon.now()
    and prove_email_change.email = case when kind = 'email_change_new' then c.email else c.present end
  returning c.* into change;
  if change.user_id is null then
    return null;
  elsif change.new_proved_at is null
    or (change.present is not null and change.present_proved_at is null)
  then
    return false;
  end if;
  if change.present is null then
    -- Until now nobody had proved anything: whoever was here before is not known to be the owner.
    update auth.users u set encrypted_password = null where u.id = person.id;
    delete from agon.sessions s where s.user_id = person.id;
  end if;
  perform agon.set_address(person.id, change.email, true);
  return true;
end
$$;
comment on function agon.prove_email_change(auth.users, text, text) is
  'Notes that the mail of one half was answered; with both halves the address changes: true. False while one is missing; null where no such change waits. A first address ends the sessions and the password from before. Called by other functions only.';

create or replace function agon.set_address(user_id uuid, email text, is_proved boolean) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  update auth.users u set email = set_address.email, is_anonymous = false,
    email_confirmed_at = agon.now()
  where u.id = set_address.user_id;
  delete from agon.open_sign_ups o where o.user_id = set_address.user_id;
  perform agon.end_pending(set_address.user_id);
  perform agon.note_address(set_address.user_id, set_address.email, is_proved);
  perform agon.note_security('email_changed', set_address.user_id);
exception when unique_violation then
  perform agon.refuse_taken_address();
end
$$;
comment on function agon.set_address(uuid, text, boolean) is
  'A new, confirmed address. is_proved: mail to it has come back to us. Called by other functions only.';
