/**
 * Runs a command with `DATABASE_URL` set to a throw-away Postgres: `node test/support/postgres.ts npm test`.
 *
 * Ends with the exit code of the command; the cluster is gone afterwards.
 */
import { spawn } from 'node:child_process'
import { findPostgres, startCluster } from './cluster.ts'
import { tools } from './missing-tools.ts'

const [command, ...args] = process.argv.slice(2)
const programs = findPostgres()
if (command === undefined || programs === undefined) {
  console.error(command === undefined ? 'Usage: node test/support/postgres.ts <command> [arguments]' : tools.postgres)
  process.exit(2)
}
const cluster = await startCluster(programs)
const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, DATABASE_URL: cluster.url } })
const code = await new Promise<number>((resolve, reject) => {
  child.once('error', reject)
  child.once('exit', (exitCode) => resolve(exitCode ?? 1))
}).finally(() => cluster.close())
process.exitCode = code
