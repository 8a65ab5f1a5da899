-- The newest jobs, as the recipe lists them.
SELECT * FROM background_jobs
WHERE (:status IS NULL OR status = :status) AND (:task IS NULL OR task = :task)
ORDER BY "timestamp" DESC, id DESC
LIMIT :limit
