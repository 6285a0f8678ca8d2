/**
 * A folder of sealed files (AES-256-GCM), one for each person and kind, named by a keyed hash of the Telegram user id.
 * Without the key nobody can read one, nor find out whose it is.
 *
 * Files are replaced as a whole, so a crash leaves the one before or the one after.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

export interface SealedFiles<T> {
  /** Throws where the file was changed or the key is another. */
  find(userId: number): Promise<T | undefined>
  keep(userId: number, content: T): Promise<void>
  forget(userId: number): Promise<void>
  /** What all of them hold; names tell nothing. */
  all(): Promise<readonly T[]>
}

const ivLength = 12
const tagLength = 16

/** `key`: 32 random bytes; files of another `kind` are not seen. The folder is made where it is missing. */
export async function sealedFiles<T>(folder: string, key: Buffer, kind: string): Promise<SealedFiles<T>> {
  if (key.length !== 32) throw new RangeError(`The key of the vault has 32 bytes, not ${key.length}.`)
  const derived = (purpose: string) => Buffer.from(hkdfSync('sha256', key, '', `oktron ${purpose}`, 32))
  const [nameKey, sealKey] = [derived('names'), derived('contents')]
  const ending = `.${kind}`
  await mkdir(folder, { recursive: true, mode: 0o700 })

  /** Without the key one would only have to try all user ids: there are few. */
  const nameOf = (userId: number) => createHmac('sha256', nameKey).update(String(userId)).digest('hex') + ending

  function seal(name: string, content: T): Buffer {
    const iv = randomBytes(ivLength)
    // The name is part of what is sealed: a file that somebody renamed opens for nobody.
    const cipher = createCipheriv('aes-256-gcm', sealKey, iv).setAAD(Buffer.from(name))
    const sealed = Buffer.concat([cipher.update(JSON.stringify(content), 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), sealed])
  }

  async function unsealed(name: string): Promise<T | undefined> {
    const bytes = await readFile(join(folder, name)).catch(missing)
    if (bytes === undefined) return undefined
    const decipher = createDecipheriv('aes-256-gcm', sealKey, bytes.subarray(0, ivLength), { authTagLength: tagLength })
    decipher.setAAD(Buffer.from(name)).setAuthTag(bytes.subarray(ivLength, ivLength + tagLength))
    return JSON.parse(decipher.update(bytes.subarray(ivLength + tagLength), undefined, 'utf8') + decipher.final('utf8'))
  }

  return {
    find: (userId) => unsealed(nameOf(userId)),

    async keep(userId, content) {
      const name = nameOf(userId)
      const unfinished = join(folder, `${name}.${randomBytes(4).toString('hex')}`)
      const file = await open(unfinished, 'wx', 0o600)
      try {
        await file.writeFile(seal(name, content))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(unfinished, join(folder, name))
    },

    forget: (userId) => rm(join(folder, nameOf(userId)), { force: true }),

    async all() {
      const names = (await readdir(folder)).filter((name) => name.endsWith(ending))
      const found = await Promise.all(names.map(unsealed))
      return found.filter((content) => content !== undefined)
    },
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
