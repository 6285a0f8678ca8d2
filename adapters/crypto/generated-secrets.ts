/**
 * The key ring of an installation that was given none: made once, kept in a file that only its owner reads.
 *
 * The file is written aside and linked into place, so that two processes that start at once agree on one ring and none
 * reads half a file. Losing it means losing everything that is sealed: the database must be backed up with it.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Bytes of randomness in a generated secret. */
const secretLength = 48
/** Shortest secret that is taken from the file, characters. */
const minimumLength = 32

/**
 * The secrets in the file, newest first, one per line; makes the file (mode 0600) with one secret when there is none.
 * Throws when the file holds no usable secret: a new ring would not open what the old one sealed.
 */
export function loadOrCreateSecrets(path: string): readonly string[] {
  return readSecrets(path) ?? createSecrets(path)
}

function createSecrets(path: string): readonly string[] {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  const file = openSync(aside, 'wx', 0o600)
  try {
    writeSync(file, `${randomBytes(secretLength).toString('base64url')}\n`)
    fsyncSync(file)
    linkSync(aside, path)
  } catch (error) {
    // Another process was faster: its ring is the ring.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    closeSync(file)
    rmSync(aside, { force: true })
  }
  const secrets = readSecrets(path)
  if (secrets === undefined) throw new Error(`${path} disappeared while it was made`)
  return secrets
}

function readSecrets(path: string): readonly string[] | undefined {
  const text = readIfPresent(path)
  if (text === undefined) return undefined
  const secrets = text.split(/[\s,]+/).filter((secret) => secret !== '')
  if (secrets.length === 0 || secrets.some((secret) => secret.length < minimumLength)) {
    throw new Error(
      `${path} must hold one secret of ${minimumLength} or more characters per line. Restore it from a backup; what is sealed in the database opens with no other.`,
    )
  }
  return secrets
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
