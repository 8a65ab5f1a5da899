-- Compaction: the queue stays small even while vacuum can't make it so.
--
-- Somebody's old snapshot (a report that runs for hours, a forgotten transaction) keeps vacuum from taking
-- away what died after it, anywhere in the database. The ledger bears that: it is never read from the
-- start. But every claim would walk over all jobs that have ended since, at about 0.2 microseconds each.
-- The jobs that live are few, so they are put into a fresh file instead, and the old one is dropped at once.
--
-- That is done only if the file has grown large and would be a tenth of that with the living alone, and if
-- the table can be had at once (20 ms): whoever has read the queue in a transaction that is still open (a
-- dump) keeps it from us, and claims stay as slow as they are. A snapshot older than the file finds the queue
-- empty; for a caller of ours in such a transaction see jobferry.hold_jobs.

-- The jobs of the queue, unless they would fill more than a tenth of so many octets: then null.
create function jobferry.few_living(octets bigint) returns jobferry.queue[]
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  most bigint := octets / 1500;
  living jobferry.queue[] := array(select q from jobferry.queue q limit most + 1);
begin
  return case when cardinality(living) <= most then living end;
end $$;

create function jobferry.compact_queue(most_octets bigint default 4000000) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '20ms' as $$
declare
  octets bigint := pg_relation_size('jobferry.queue'::regclass);
  living jobferry.queue[];
begin
  -- What others have added since an older snapshot it would not see, and throw away.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'the queue is compacted in READ COMMITTED transactions, not %', upper(current_setting('transaction_isolation'))
      using errcode = 'JF031', hint = 'Compact it in a transaction of its own.';
  end if;
  if octets < most_octets or jobferry.few_living(octets) is null then
    return false;
  end if;
  begin
    lock table jobferry.queue in access exclusive mode;
  exception when lock_not_available then
    return false;
  end;
  living := jobferry.few_living(octets);
  if living is null then
    return false;
  end if;
  truncate jobferry.queue;
  insert into jobferry.queue select l.* from unnest(living) l;
  return true;
end $$;

call jobferry.settle_functions();

grant truncate on jobferry.queue to jobferry_engine;
grant execute on function jobferry.few_living to jobferry_engine;
grant execute on function jobferry.compact_queue to jobferry_processor;
