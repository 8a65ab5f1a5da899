-- How many jobs that have failed for good, and stand so, ended in each of the stretches of time that begin at $1, the
-- first being 1. Failures are few and matter most, so they are counted one by one in their index, the newest $2 of
-- them and one more, by which one sees that there are more.
select recent.stretch, count(*) as number from (
  select width_bucket(b.finished_at, $1::timestamptz[]) as stretch
  from public.background_jobs b where b.status = 'failed' and b.finished_at >= ($1::timestamptz[])[1]
  order by b.finished_at desc limit $2::integer + 1
) recent
group by recent.stretch
