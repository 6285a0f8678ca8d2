/**
 * `com.atproto.server.getSession` as an app may see it: the PDS tells us whatever all apps of the person were granted
 * together, and one of them need not know the e-mail address.
 */
import { readsEmail } from './permissions.ts'
import { XrpcError } from './xrpc-error.ts'

/** Bytes of an answer that is changed on its way. */
const longestSession = 1_000_000

/** What the PDS says of the person, without the e-mail address where the token does not open it. */
export async function sessionFor(scopes: readonly string[], response: Response): Promise<Record<string, unknown>> {
  const text = await shortText(response)
  const session = parsed(text)
  if (typeof session !== 'object' || session === null || Array.isArray(session)) {
    throw new XrpcError(502, 'UpstreamFailure', 'The PDS did not answer what a PDS answers')
  }
  const entries = Object.entries(session)
  const open = readsEmail(scopes) ? entries : entries.filter(([key]) => !key.toLowerCase().startsWith('email'))
  return Object.fromEntries(open)
}

/** Not the length that is stated, but the bytes that come. */
async function shortText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > longestSession) return ''
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
