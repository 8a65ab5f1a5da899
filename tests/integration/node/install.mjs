// The tables of Graphile Worker and pg-boss, made by themselves.
import pg from 'pg'
import { makeWorkerUtils } from 'graphile-worker'
import { PgBoss } from 'pg-boss'

const pgPool = new pg.Pool({ connectionString: process.env.JOBFERRY_DSN })
pgPool.on('error', error => console.error(error))
const utils = await makeWorkerUtils({ pgPool })
await utils.migrate()
await utils.release()
await pgPool.end()

const boss = new PgBoss({ connectionString: process.env.JOBFERRY_DSN, supervise: false, schedule: false })
boss.on('error', error => console.error(error))
await boss.start()
await boss.createQueue('shout')
await boss.stop({ graceful: false })
