-- All jobs that match a filter and can be changed: with $1 = 'cancel' those that have not ended, with 'retry' those
-- that have failed for good, or wait because they have and are not due yet. How many they are, of which no more than
-- $12 are looked for, the first $11 of these, and when that was. What was erased can't be retried; it would stand first
-- for ever.
--
-- Who confirms a number gets no other jobs than it counted: $2 is when it was counted (null: now), and what has come
-- or failed since is left out. The filter is that of dashboard_jobs: owner $3, device $4, task $5, statuses $6,
-- named queue $7, received from $8 and before $9, text in the payload $10; null does not matter. Only the queue and the
-- index of the failed are gone through, never the ledger.
with candidate as (
  select q.job_id as id from jobferry.queue q
  where ($1::text = 'cancel' or (q.locked_by is null and q.attempts > 0 and q.run_at > now()))
    and ($5::text is null or q.task = $5) and ($7::text is null or q.queue_name = $7)
  union all
  select b.id from public.background_jobs b where $1 = 'retry' and b.status = 'failed'
),
matching as (
  select b.id from candidate c join public.background_jobs b on b.id = c.id
  where case $1 when 'cancel' then b.finished_at is null
      else b.status in ('failed', 'retrying') and b.error ->> 'code' is distinct from 'erased' end
    and greatest(b.received_at, b.finished_at) <= coalesce($2::timestamptz, now())
    and ($3::text is null or b.submitted_by = $3)
    and ($4::uuid is null or b.client_id = $4)
    and ($5 is null or b.task = $5)
    and ($6::text[] is null or case when b.status = 'scheduled' and b.run_at <= now() then 'queued' else b.status end = any ($6))
    and ($7 is null or b.queue_name = $7)
    and ($8::timestamptz is null or b.received_at >= $8)
    and ($9::timestamptz is null or b.received_at < $9)
    and ($10::text is null or position(lower($10) in lower(b.payload::text)) > 0)
  -- Beside a million that wait, who asks for what most of them match need not be told how many that is.
  limit $12::integer
)
select count(*) as number, coalesce((array_agg(m.id order by m.id))[1:$11::integer], '{}') as ids, now() as asked from matching m
