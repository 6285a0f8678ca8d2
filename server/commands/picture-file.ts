/** Reads a picture from a file of whoever types the command; only the CLI's own process does so, never a server. */
import { createReadStream } from 'node:fs'
import { Refusal } from '../errors.ts'
import { encodeLogo, maximumLogoSize } from '../oidc/logo.ts'

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file.',
  EISDIR: 'It is a folder.',
  EACCES: 'It may not be read.',
}

/** The picture in its stored form. Throws `Refusal` when there is none, or none that is taken. */
export async function readPicture(path: string): Promise<string> {
  try {
    return encodeLogo(await readStart(path))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!(error instanceof Refusal) && reasons[code] === undefined) throw error
    const reason = error instanceof Refusal ? error.message : reasons[code]
    throw new Refusal('invalid', `${path}: ${reason}`, { cause: error })
  }
}

/** No more than says that the file is too large: it may be a pipe, or have no end. */
async function readStart(path: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  // `end` is the last byte that is read.
  for await (const chunk of createReadStream(path, { end: maximumLogoSize }) as AsyncIterable<Buffer>)
    chunks.push(chunk)
  return Buffer.concat(chunks)
}
