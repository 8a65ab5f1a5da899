-- What the gateway does to the ledger, in sets: the group commit of all its devices' operations.
--
-- Both functions run as jobferry_engine, so the row triggers stand aside and everything a trigger
-- would have written (queue, events, notices) is written here, once per statement. A test compares
-- the two ways row by row.

-- Ring for the gateways that serve these owners' devices.
create function jobferry.announce(owners text[]) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  select pg_notify('jobferry_changes', owner) from unnest(owners) owner where octet_length(owner) < 7900
$$;

-- A job was to be written and is not there, though nobody else has its id or its key.
create function jobferry.refuse_left_out() returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'a trigger on public.background_jobs left the job out'
    using errcode = 'integrity_constraint_violation', hint = 'Its BEFORE INSERT triggers decide what is let in.';
end $$;

-- Insert the submits of many devices. Every array has one element per submit, or is null where all of them are;
-- `flags` holds array literals. Ids are inserted in order, so two gateways can't deadlock on the same ids; of one id the
-- first in the arrays counts. Returns only the refused, by their place in the arrays: `id_taken`
-- (another owner has that id), `content_differs` (the owner used it for another job) or `gone` (it was
-- here, and was pruned or deleted). The same job again is no error and told to its device once more: that
-- is what makes a resend safe. What is known is not even tried, as ON CONFLICT would wait for whoever is writing that
-- row. A last code, `busy`, is for jobs with a key that somebody is at work on this moment: ask again.
-- Jobs without a key have no part in that.
create function jobferry.submit_batch(
  ids uuid[], owners text[], client_ids uuid[], timestamps timestamptz[], payloads text[], tasks text[],
  queue_names text[], priorities smallint[], run_ats timestamptz[], max_attempts smallint[], job_keys text[],
  flags text[], database_ids uuid[], cancels boolean[]
) returns table (number integer, code text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  added integer;
  ready integer;
  owners_added text[];
  keyed boolean := cardinality(array_remove(job_keys, null)) > 0;
  way record;
  held integer[] := '{}';
  place integer;
begin
  if keyed then
    select * into way from jobferry.make_way(ids, owners, client_ids, job_keys, cancels);
    held := way.held;
    foreach place in array coalesce(way.overtaken, '{}') loop
      cancels[place] := true;
    end loop;
  end if;

  with input as (
    select * from unnest(ids, owners, client_ids, timestamps, payloads, tasks, queue_names, priorities,
      run_ats, submit_batch.max_attempts, job_keys, submit_batch.flags, database_ids, cancels) with ordinality
      as i(id, owner, client_id, "timestamp", payload, task, queue_name, priority,
        run_at, max_attempts, job_key, flags, database_id, cancelled, number)
  ),
  added as (
    insert into public.background_jobs (id, submitted_by, client_id, "timestamp", payload, task, queue_name,
      priority, run_at, max_attempts, job_key, flags, database_id, cancelled, status, finished_at)
    select i.id, i.owner, i.client_id, i."timestamp", i.payload::jsonb, i.task, i.queue_name,
      i.priority, coalesce(i.run_at, now() - (cardinality(ids) - i.number) * interval '1 microsecond'), i.max_attempts, i.job_key, i.flags::text[], i.database_id, i.cancelled,
      case when i.cancelled then 'cancelled' when i.run_at > now() then 'scheduled' else 'queued' end,
      case when i.cancelled then now() end
    from input i
    where i.number <> all (held)
      and not exists (select from public.background_jobs b where b.id = i.id)
      and not exists (select from jobferry.tombstones t where t.job_id = i.id)
    order by i.id, i.number
    on conflict do nothing
    returning id, submitted_by, client_id, task, queue_name, priority, run_at, max_attempts, flags, status
  ),
  queued as (
    insert into jobferry.queue (job_id, task, queue_name, priority, run_at, attempts, max_attempts, flags)
    select id, task, queue_name, priority, run_at, 0, max_attempts, flags from added where status <> 'cancelled'
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select id, submitted_by, 'submitted', 0, 'device ' || client_id from added
  )
  select count(*), count(*) filter (where status <> 'cancelled'), array_agg(distinct submitted_by)
  into added, ready, owners_added from added;

  perform jobferry.announce(owners_added);
  if ready > 0 then
    perform pg_notify('jobferry_queue', '');
  end if;
  if keyed then
    perform jobferry.note_overtaken(array(select ids[n] from unnest(way.overtaken) n), way.heirs);
    return query
      select i.number::integer, 'busy' from unnest(ids, job_keys) with ordinality i(id, job_key, number)
      where i.job_key is not null and not exists (select from public.background_jobs b where b.id = i.id)
        and not exists (select from jobferry.tombstones t where t.job_id = i.id);
  end if;
  if added < cardinality(ids) then
    -- A trigger of somebody else's on an adopted table can leave a row out without a word. It is that row's
    -- fault: the gateway looks for it by halves and rejects it.
    perform from unnest(ids, job_keys) i(id, job_key)
    where i.job_key is null and not exists (select from public.background_jobs b where b.id = i.id)
      and not exists (select from jobferry.tombstones t where t.job_id = i.id);
    if found then
      perform jobferry.refuse_left_out();
    end if;
    return query
      select i.number::integer, case when b.submitted_by is distinct from i.owner then 'id_taken' else 'content_differs' end
      from unnest(ids, owners, payloads, tasks, client_ids) with ordinality i(id, owner, payload, task, client_id, number)
      join public.background_jobs b on b.id = i.id
      where b.submitted_by is distinct from i.owner
        or ((b.task <> i.task or b.payload <> i.payload::jsonb)
          -- What the device once sent, and the server has revised since, is still its job.
          and (b.revised is null or b.client_id is distinct from i.client_id))
      union all
      select i.number::integer, case when t.owner <> i.owner then 'id_taken' else 'gone' end
      from unnest(ids, owners) with ordinality i(id, owner, number)
      join jobferry.tombstones t on t.job_id = i.id
      where not exists (select from public.background_jobs b where b.id = i.id);
    perform jobferry.tell_again(ids, owners, client_ids, payloads, tasks);
  end if;
end $$;

-- Cancels that are accepted and could not be done at once, since somebody was writing that very row.
create table jobferry.postponed_cancels (
  job_id uuid primary key,
  owner text not null,
  client_id uuid not null
);

-- Cancel jobs of the given owners. Returns what was not done, by its place: `not_found` (no such job of that
-- owner) or `postponed` (somebody is writing that row this moment: it is noted, see below). A finished job is
-- neither: nothing is left to cancel. Never waits for a row lock, so one stuck writer elsewhere can't hold
-- up the commit of all devices, and there is no lock order to break.
create function jobferry.cancel_batch(ids uuid[], owners text[], client_ids uuid[])
returns table (number integer, code text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  done uuid[];
  owners_hit text[];
begin
  with wanted as materialized (
    select b.id, i.client_id
    from unnest(ids, owners, client_ids) i(id, owner, client_id)
    join public.background_jobs b on b.id = i.id and b.submitted_by = i.owner
    where b.finished_at is null
    for update of b skip locked
  ),
  hit as (
    update public.background_jobs b
    set cancelled = true, status = 'cancelled', finished_at = now(), version = pg_current_xact_id()
    from (select distinct on (id) id, client_id from wanted) w where b.id = w.id
    returning b.id, b.submitted_by, b.attempts, w.client_id
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select id, submitted_by, 'cancelled', attempts, 'device ' || client_id from hit
  )
  select array_agg(id), array_agg(distinct submitted_by) into done, owners_hit from hit;
  perform jobferry.announce(owners_hit);

  delete from jobferry.queue
  where job_id in (select q.job_id from jobferry.queue q where q.job_id = any (done) for update skip locked);

  insert into jobferry.postponed_cancels (job_id, owner, client_id)
  select distinct on (b.id) b.id, i.owner, i.client_id
  from unnest(ids, owners, client_ids) i(id, owner, client_id)
  join public.background_jobs b on b.id = i.id and b.submitted_by = i.owner
  where b.finished_at is null
  on conflict do nothing;

  return query
    select i.number::integer, case when b.id is null then 'not_found' else 'postponed' end
    from unnest(ids, owners) with ordinality i(id, owner, number)
    left join public.background_jobs b on b.id = i.id and b.submitted_by = i.owner
    where b.finished_at is null;
end $$;

-- Try the postponed cancels again; how many are left. Any gateway may, for all of them.
create function jobferry.cancel_postponed() returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  remaining integer;
begin
  perform jobferry.cancel_batch(array_agg(job_id), array_agg(owner), array_agg(client_id))
  from jobferry.postponed_cancels having count(*) > 0;
  delete from jobferry.postponed_cancels p
  where not exists (select from public.background_jobs b where b.id = p.job_id and b.finished_at is null);
  select count(*) into remaining from jobferry.postponed_cancels;
  return remaining;
end $$;

-- The rows that were new to the device, or revised, and left the target's sight before their page
-- came; see changes_page. Out of its sight is what was written by a transaction that was under way then, or later.
create function jobferry.moved_page(
  owner text, device uuid, since pg_snapshot, target pg_snapshot,
  after_version xid8, after_id uuid, active boolean, max_rows integer
) returns setof public.background_jobs
language sql stable set search_path = pg_catalog, pg_temp as $$
  with moved as materialized (
    select b.id from (
      select * from public.background_jobs b where b.submitted_by = owner and b.version >= pg_snapshot_xmax(target)
      union all
      select * from public.background_jobs b
      where b.submitted_by = owner and b.version = any (array(select pg_snapshot_xip(target)))
    ) b
    where pg_visible_in_snapshot(b.created, target)
      and (since is null
        or (b.client_id is distinct from device and not pg_visible_in_snapshot(b.created, since))
        or (not pg_visible_in_snapshot(b.revised, since) and pg_visible_in_snapshot(b.revised, target)))
      and (active is null or active = (b.finished_at is null))
      and (after_version is null or pg_visible_in_snapshot(after_version, target) or b.id > after_id)
  )
  select b.* from (select id from moved order by id limit max_rows) m join public.background_jobs b using (id)
  order by b.id
$$;

-- One page of what a device has not seen, in the order (version, id).
--
--   since   the device's cursor: a row whose version is visible in it is known. Null: everything.
--   target  where this walk ends; fixed with its first page, so that rows which go on changing
--           can't keep it from ending. They come again with the next.
--   after   the last row of the page before.
--   active  on a first walk, unfinished jobs come first (true), then the finished (false); null: all.
--   gone    are there tombstones to look for? Null: no. False: after the rows. True: this page goes on
--           among them, after the last of the page before.
--
-- The payload is left out where the device has it: it sent it, or an earlier page carried it. That is
-- told by the transactions that inserted the row and that last revised what it says, so a walk must
-- not end before it has shown every row that its target sees. One that was new to the device, or
-- revised, and changed before its page came has left the target's sight: such rows follow at the end,
-- by their ids, which stay where they are.
--
-- A tombstone is a row of nothing but id and version. A device that reads everything needs none.
--
-- Stops at `max_rows` rows or once `max_bytes` octets of payload and result are in the page; `room`
-- is what was left of them after each row. The rows are read one by one from a cursor, so what does
-- not fit is never fetched out of line.
--
-- A transaction that stays open elsewhere keeps the cursor's xmin where it is, and all that is written
-- meanwhile lies behind that. So where it is far behind, the index is read at the transactions that were
-- under way, one by one as long as they are few, and then from the cursor's xmax on.
--
-- There is one good plan, the index `background_jobs_cursor` in its own order. It is settled on once:
-- planning anew for each device takes longer than reading a page.
create function jobferry.changes_page(
  owner text, device uuid, since pg_snapshot, target pg_snapshot,
  after_version xid8, after_id uuid, active boolean, max_rows integer, max_bytes integer, gone boolean default null
) returns table (room integer, job public.background_jobs)
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
declare
  number integer := 0;
  -- The transactions from whose rows on there may be something to read, and up to which.
  lows xid8[];
  highs xid8[] := '{}';
begin
  room := max_bytes;
  if gone is distinct from true then
    if pg_snapshot_xmax(since)::text::bigint - pg_snapshot_xmin(since)::text::bigint > 1000 then
      highs := array(select pg_snapshot_xip(since) order by 1);
    end if;
    -- A device may send back a cursor that was never ours, with thousands of them.
    if cardinality(highs) between 1 and 20 then
      lows := highs || pg_snapshot_xmax(since);
    else
      highs := '{}';
      lows := array[coalesce(pg_snapshot_xmin(since), '0')];
    end if;
    highs := highs || '9223372036854775807'::xid8;
    for span in 1 .. cardinality(lows) loop
      for job in
        select * from public.background_jobs b
        where b.submitted_by = owner
          and b.version between lows[span] and highs[span]
          and (b.version, b.id) > (coalesce(after_version, '0'::xid8), coalesce(after_id, '00000000-0000-0000-0000-000000000000'))
          and (since is null or not pg_visible_in_snapshot(b.version, since))
          and pg_visible_in_snapshot(b.version, target)
          and (active is null or active = (b.finished_at is null))
          -- A device knows what it has just sent; its acknowledgement said so. (The server's own jobs have none.)
          and (since is null or b.client_id is distinct from device or b.version <> b.created or b.finished_at is not null)
          and (after_version is null or pg_visible_in_snapshot(after_version, target))
        order by b.version, b.id
        limit max_rows - number
      loop
        if since is not null and (job.client_id = device or pg_visible_in_snapshot(job.created, since))
           and (job.revised is null or pg_visible_in_snapshot(job.revised, since)) then
          job.payload := null;
        end if;
        number := number + 1;
        room := room - coalesce(octet_length(job.payload::text), 0) - coalesce(octet_length(job.result::text), 0);
        return next;
        if number >= max_rows or room <= 0 then
          return;
        end if;
      end loop;
    end loop;

    -- On its first page a walk sees all that its target sees.
    if target::text <> pg_current_snapshot()::text then
      for job in
        select * from jobferry.moved_page(owner, device, since, target, after_version, after_id, active, max_rows)
      loop
        number := number + 1;
        room := room - octet_length(job.payload::text) - coalesce(octet_length(job.result::text), 0);
        return next;
        if number >= max_rows or room <= 0 then
          return;
        end if;
      end loop;
    end if;
  end if;

  if gone is not null and since is not null then
    job := null;
    for job.version, job.id in
      select * from jobferry.gone_page(owner, since, target,
        case when gone then after_version end, case when gone then after_id end, max_rows - number)
    loop
      return next;
    end loop;
  end if;
end $$;

-- What makes this database this one and no other: cluster, timeline, database, and the identity
-- given to it when it was migrated.
create function jobferry.epoch() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select md5(concat_ws(' ',
    (select system_identifier from pg_control_system()),
    case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
    (select oid from pg_database where datname = current_database()),
    (select id from jobferry.identity)))
$$;

-- What devices said of themselves since the last time, in one statement for all of them.
create function jobferry.note_devices(
  client_ids uuid[], owners text[], versions text[], pendings integer[], oldest timestamptz[]
) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobferry.devices as d (client_id, owner, client_version, pending, oldest_pending_at)
  select distinct on (i.client_id, i.owner) i.client_id, i.owner, i.version, i.pending, i.oldest
  from unnest(client_ids, owners, versions, pendings, oldest) i(client_id, owner, version, pending, oldest)
  order by i.client_id, i.owner
  on conflict (client_id, owner) do update set
    client_version = coalesce(excluded.client_version, d.client_version),
    pending = excluded.pending, oldest_pending_at = excluded.oldest_pending_at, last_seen = now()
$$;
