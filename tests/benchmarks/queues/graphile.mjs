// A worker of Graphile Worker: says "ready", works until SIGTERM, and then says how long each timed job
// took from enqueue to its handler. Or with "install" its tables.
import { Logger, makeWorkerUtils, run } from 'graphile-worker'

const connectionString = process.env.JOBFERRY_DSN
const logger = new Logger(() => () => {})

if (process.argv[2] === 'install') {
  const utils = await makeWorkerUtils({ connectionString, logger })
  await utils.migrate()
  await utils.release()
  console.log('done')
  process.exit(0)
}

const taken = []
const note = sent => taken.push(Number(process.hrtime.bigint()) - sent)
const runner = await run({
  preset: {
    worker: {
      connectionString,
      concurrentJobs: 24,
      maxPoolSize: 10,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0
    }
  },
  logger,
  noHandleSignals: true,
  parsedCronItems: [],
  taskList: { noop: async body => { note(body.sent) } }
})
process.on('SIGTERM', async () => {
  await runner.stop()
  console.log(JSON.stringify({ nanoseconds: taken.slice(-10000) }))
  process.exit(0)
})
console.log('ready')
