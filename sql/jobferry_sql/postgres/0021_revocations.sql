-- Tokens that are not to be believed though they have not expired: one by its id, or all that an owner
-- was given before some moment.
--
-- Gateways keep the whole list in memory and read it again when it rings, and after every time in which
-- they could not hear it. So a lost device is locked out at once, also where it is connected now. A
-- token's revocation may say when the token expires: then it is forgotten by the next one made after that.
-- An owner's stays until it is taken back.

create table jobferry.revocations (
  token_id text unique,
  owner text unique,
  issued_before timestamptz,
  expires_at timestamptz,
  reason text,
  revoked_at timestamptz not null default now(),
  revoked_by text not null default session_user,
  constraint revocations_kind check (num_nonnulls(token_id, owner) = 1 and (owner is null) = (issued_before is null))
);

-- Whoever changes the list, it rings.
create function jobferry.ring_revocations() returns trigger
language plpgsql as $$
begin
  perform pg_catalog.pg_notify('jobferry_revocations', '');
  return null;
end $$;

create trigger ring_revocations_trigger after insert or update or delete on jobferry.revocations
  for each row execute function jobferry.ring_revocations();
create trigger ring_no_revocations_trigger after truncate on jobferry.revocations
  for each statement execute function jobferry.ring_revocations();
alter table jobferry.revocations
  enable always trigger ring_revocations_trigger, enable always trigger ring_no_revocations_trigger;

-- Believe this one token no more. Again is no error: the later word counts.
create function jobferry.revoke_token(token_id text, expires_at timestamptz default null, reason text default null)
returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  if revoke_token.token_id is null or revoke_token.token_id = '' then
    raise exception 'a token without an id can not be revoked by its id'
      using errcode = 'JF070', hint = 'Revoke all tokens of its owner: jobferry.revoke_owner.';
  end if;
  delete from jobferry.revocations r where r.expires_at < now() - interval '1 day';
  insert into jobferry.revocations as r (token_id, expires_at, reason)
  values (revoke_token.token_id, revoke_token.expires_at, revoke_token.reason)
  on conflict (token_id) do update set expires_at = excluded.expires_at, reason = excluded.reason,
    revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by;
end $$;

-- Believe no token of this owner that was issued before then. A token says to the second when it was
-- issued, and one that does not say it was issued before anything.
create function jobferry.revoke_owner(owner text, issued_before timestamptz default now(), reason text default null)
returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  if revoke_owner.owner is null or revoke_owner.owner = '' then
    raise exception 'no owner was named' using errcode = 'JF070', hint = 'The owner is the subject of the tokens.';
  end if;
  insert into jobferry.revocations as r (owner, issued_before, reason)
  values (revoke_owner.owner, coalesce(revoke_owner.issued_before, now()), revoke_owner.reason)
  on conflict (owner) do update set issued_before = greatest(r.issued_before, excluded.issued_before),
    reason = excluded.reason, revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by;
end $$;

-- Take it back; was there anything to take back?
create function jobferry.unrevoke_token(token_id text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  delete from jobferry.revocations r where r.token_id = unrevoke_token.token_id;
  return found;
end $$;

create function jobferry.unrevoke_owner(owner text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  delete from jobferry.revocations r where r.owner = unrevoke_owner.owner;
  return found;
end $$;

call jobferry.settle_functions();

grant select, insert, update, delete on jobferry.revocations to jobferry_engine;
grant select on jobferry.revocations to jobferry_gateway, jobferry_auditor, jobferry_admin;
grant execute on function
  jobferry.revoke_token, jobferry.revoke_owner, jobferry.unrevoke_token, jobferry.unrevoke_owner
  to jobferry_admin;
