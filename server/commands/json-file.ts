/** Reads JSON from a file of whoever types the command, such as the public keys of an app. */
import { Refusal } from '../errors.ts'
import { readFileStart } from './file-start.ts'

/** Bytes; ten RSA keys with their certificates are less. */
const maximumSize = 64 * 1024

/** The text of the file. Throws `Refusal` when there is none, or no JSON object in it. */
export function readJsonFile(path: string): Promise<string> {
  return readFileStart(path, maximumSize, (start) => {
    if (start.length > maximumSize) throw new Refusal('invalid', `It is larger than ${maximumSize} bytes.`)
    const text = start.toString('utf8')
    readJsonObject(text)
    return text
  })
}

/** The object in a text. Throws `Refusal`. */
export function readJsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {}
  throw new Refusal('invalid', 'It holds no JSON object ({…}).')
}
