/**
 * What oktron keeps of each person, in one file each: sealed with AES-256-GCM, named by a keyed hash of the Telegram
 * user id. Without the key nobody can read a token, nor find out whose file it is.
 *
 * It knows no chat. Files are replaced as a whole, so a crash leaves the one before or the one after.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pin } from './pin.ts'

export interface Tokens {
  readonly accessToken: string
  /** Milliseconds since 1970. */
  readonly accessExpiresAt: number
  readonly refreshToken: string
}

export interface Connection extends Tokens {
  /** What the person is called, as the server told when they connected. */
  readonly name: string
  /** Undefined until they have chosen one. */
  readonly pin?: Pin
}

export interface Vault {
  find(userId: number): Promise<Connection | undefined>
  keep(userId: number, connection: Connection): Promise<void>
  forget(userId: number): Promise<void>
}

const ivLength = 12
const tagLength = 16

/** `key`: 32 random bytes. The folder is made where it is missing. Reading throws where a file was changed or the key is another. */
export async function vault({ folder, key }: { folder: string; key: Buffer }): Promise<Vault> {
  if (key.length !== 32) throw new RangeError(`The key of the vault has 32 bytes, not ${key.length}.`)
  const derived = (purpose: string) => Buffer.from(hkdfSync('sha256', key, '', `oktron ${purpose}`, 32))
  const [nameKey, sealKey] = [derived('names'), derived('contents')]
  await mkdir(folder, { recursive: true, mode: 0o700 })

  /** Without the key one would only have to try all user ids: there are few. */
  const nameOf = (userId: number) => createHmac('sha256', nameKey).update(String(userId)).digest('hex')

  function seal(name: string, text: string): Buffer {
    const iv = randomBytes(ivLength)
    // The name is part of what is sealed: a file that somebody renamed opens for nobody.
    const cipher = createCipheriv('aes-256-gcm', sealKey, iv).setAAD(Buffer.from(name))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), sealed])
  }

  function unseal(name: string, bytes: Buffer): string {
    const decipher = createDecipheriv('aes-256-gcm', sealKey, bytes.subarray(0, ivLength), { authTagLength: tagLength })
    decipher.setAAD(Buffer.from(name)).setAuthTag(bytes.subarray(ivLength, ivLength + tagLength))
    return decipher.update(bytes.subarray(ivLength + tagLength), undefined, 'utf8') + decipher.final('utf8')
  }

  return {
    async find(userId) {
      const name = nameOf(userId)
      const bytes = await readFile(join(folder, name)).catch(missing)
      return bytes === undefined ? undefined : (JSON.parse(unseal(name, bytes)) as Connection)
    },

    async keep(userId, connection) {
      const name = nameOf(userId)
      const unfinished = join(folder, `${name}.${randomBytes(4).toString('hex')}`)
      const file = await open(unfinished, 'wx', 0o600)
      try {
        await file.writeFile(seal(name, JSON.stringify(connection)))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(unfinished, join(folder, name))
    },

    forget: (userId) => rm(join(folder, nameOf(userId)), { force: true }),
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
