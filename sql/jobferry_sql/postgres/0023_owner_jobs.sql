-- How many unfinished jobs an owner may have, for gateways that are told a limit (JOBFERRY_OWNER_JOBS).
-- Without one nothing here is called.
--
-- A submit counts nothing. `at_most` is a bound: what was counted last, and all that was let in since.
-- While it is below the limit a submit costs one row of this table for each owner. Once it is not, the
-- gateway holds the push back, has the jobs of all owners counted in one look at the queue, and asks
-- again: only what is over a count that was made after it came is refused.
--
-- Gateways take turns at an owner, at the lock of its row. So the bound holds for all of them together,
-- and a job that another one is writing this moment is known as such, not refused. What is added by SQL
-- or revived is seen with the next count, which is also made once a minute.
--
-- Lock order: the rows of the owners in the order of their names, before anything else.

create table jobferry.owner_jobs (
  owner text primary key,
  at_most bigint not null default 0,
  -- All that was ever let in: tells a count what came while it was being made.
  let_in bigint not null default 0
) with (fillfactor = 50);

-- Which of these submits are too many, by their place: `busy` (ask again after a count) or, for those that
-- were counted, `too_many_jobs`. What the ledger has, had, or gets as cancelled is never too many. What is
-- not returned is let in.
create function jobferry.over_limit(ids uuid[], owners text[], cancels boolean[], counted boolean[], most bigint)
returns table (number integer, code text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  places bigint[];
begin
  insert into jobferry.owner_jobs (owner) select distinct o from unnest(owners) o order by o on conflict do nothing;
  perform from jobferry.owner_jobs o where o.owner = any (owners) order by o.owner for update;

  with fresh as (
    select min(i.number) as number, i.owner
    from unnest(ids, owners, cancels) with ordinality i(id, owner, cancelled, number)
    where not i.cancelled
      and not exists (select from public.background_jobs b where b.id = i.id)
      and not exists (select from jobferry.tombstones t where t.job_id = i.id)
    group by i.id, i.owner
  ),
  ranked as (
    select f.number, f.owner, o.at_most + row_number() over (partition by f.owner order by f.number) > most as over
    from fresh f join jobferry.owner_jobs o on o.owner = f.owner
  ),
  let_in as (
    update jobferry.owner_jobs o set at_most = o.at_most + r.number, let_in = o.let_in + r.number
    from (select owner, count(*) as number from ranked where not over group by owner) r
    where o.owner = r.owner
  )
  select array_agg(r.number) into places from ranked r where r.over;

  return query
    select p::integer, case when counted[p] then 'too_many_jobs' else 'busy' end from unnest(places) p;
end $$;

-- Count the unfinished jobs of all owners.
create function jobferry.count_owner_jobs() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  seen record;
begin
  -- One snapshot for both: what it sees let in it also sees in the queue.
  select array_agg(owner) as owners, array_agg(coalesce(c.number, 0) - coalesce(o.let_in, 0)) as rests into seen
  from jobferry.owner_jobs o
  full join (
    select b.submitted_by as owner, count(*) as number
    from jobferry.queue q join public.background_jobs b on b.id = q.job_id
    where b.submitted_by is not null
    group by b.submitted_by
  ) c using (owner);

  insert into jobferry.owner_jobs as o (owner, at_most)
  select * from unnest(seen.owners, seen.rests) s(owner, rest) order by s.owner
  on conflict (owner) do update set at_most = excluded.at_most + o.let_in;
end $$;

call jobferry.settle_functions();

grant select, insert, update on jobferry.owner_jobs to jobferry_engine;
grant select on jobferry.owner_jobs to jobferry_auditor;
grant execute on function jobferry.over_limit, jobferry.count_owner_jobs to jobferry_gateway;
