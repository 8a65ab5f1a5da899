-- What happened to job $1, oldest first; of very many events the $2 newest.
select * from (
  select e.id, e.at, e.event, e.attempt, e.actor, e.detail::text as detail
  from public.background_job_events e where e.job_id = $1::uuid order by e.id desc limit $2::integer
) newest
order by id
