/**
 * Runs a command with `DATABASE_URL` set: `node test/support/postgres.ts npm test`.
 *
 * To the one that is given, else to a throw-away Postgres, which is gone afterwards. Ends with the command's exit code.
 */
import { spawn } from 'node:child_process'
import { findPostgres, startCluster } from './cluster.ts'
import { tools } from './missing-tools.ts'

const [command, ...args] = process.argv.slice(2)
if (command === undefined) {
  console.error('Usage: node test/support/postgres.ts <command> [arguments]')
  process.exitCode = 2
} else {
  process.exitCode = await runOnPostgres(command, args)
}

async function runOnPostgres(command: string, args: readonly string[]): Promise<number> {
  const given = process.env['DATABASE_URL']
  if (given !== undefined) return run(command, args, given)
  const programs = findPostgres()
  if (programs === undefined) {
    console.error(tools.postgres)
    return 2
  }
  const cluster = await startCluster(programs)
  return run(command, args, cluster.url).finally(() => cluster.close())
}

function run(command: string, args: readonly string[], url: string): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, DATABASE_URL: url } })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}
