/**
 * A throw-away Postgres cluster on a random loopback port.
 *
 * Lives as long as the process that started it, however that ends: a shell holds the server and waits for its
 * standard input to close. Nothing in it is meant to last, so it runs without fsync, unless its speed is the question.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pg from 'pg'

export interface Cluster {
  /** Connection string of a superuser; the database `postgres`. */
  readonly url: string
  close(): Promise<void>
}

/** Folder of the Postgres programs: `initdb` on PATH, else Debian's newest version; undefined when there is none. */
export function findPostgres(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions.map((version) => join(debian, version, 'bin')),
  ]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

// Postgres goes on in the background; when the starter is gone, `cat` ends and takes the server and its files along.
const keeper = `
  "$1/postgres" -D "$2/data" -p "$3" -k "$2" -c listen_addresses=127.0.0.1 -c max_connections=300 \\
    -c shared_buffers=64MB $4 >"$2/log" 2>&1 &
  cat >/dev/null
  kill -INT $!
  wait $!
  rm -rf "$2"
`

const forgetful = '-c fsync=off -c synchronous_commit=off -c full_page_writes=off'

/**
 * Starts a cluster from the programs in `programs`; as the user `postgres` when this process is root. A `durable` one
 * writes to the disk before it answers, as in production.
 */
export async function startCluster(programs: string, { durable = false } = {}): Promise<Cluster> {
  const user = postgresUser()
  const folder = mkdtempSync(join(tmpdir(), 'habitat-postgres-'))
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  const initdb = ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  const port = await freePort()
  try {
    execFileSync(join(programs, 'initdb'), initdb, { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  const child = spawn('sh', ['-c', keeper, 'sh', programs, folder, String(port), durable ? '' : forgetful], {
    ...user,
    cwd: folder,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const close = async () => {
    child.stdin.end()
    await ended
  }
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  try {
    await untilAnswering(url)
  } catch (error) {
    await close()
    throw error
  }
  return { url, close }
}

function postgresUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

/** Waits until the server takes connections; throws the last error after 20 seconds. */
async function untilAnswering(url: string): Promise<void> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const client = new pg.Client({ connectionString: url })
    try {
      await client.connect()
      await client.end()
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
