/** Reads a file of whoever types the command; only the CLI's own process does so, never a server. */
import { createReadStream } from 'node:fs'
import { Refusal } from '../errors.ts'

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file.',
  EISDIR: 'It is a folder.',
  EACCES: 'It may not be read.',
}

/**
 * What `read` makes of the first bytes of a file: one more than `maximum`, so that too large a file is seen to be one.
 * Throws `Refusal`, with the name of the file, when there is none or `read` refuses it.
 */
export async function readFileStart<T>(path: string, maximum: number, read: (start: Buffer) => T): Promise<T> {
  try {
    return read(await startOf(path, maximum))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!(error instanceof Refusal) && reasons[code] === undefined) throw error
    const reason = error instanceof Refusal ? error.message : reasons[code]
    throw new Refusal('invalid', `${path}: ${reason}`, { cause: error })
  }
}

/** It may be a pipe, or have no end. */
async function startOf(path: string, maximum: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  // `end` is the last byte that is read.
  for await (const chunk of createReadStream(path, { end: maximum }) as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
