/**
 * The way to an issuer's documents and endpoints: answers are small and read whole, and whatever goes wrong on the network
 * is one kind of error, which the library cannot take for a mistake in its arguments.
 *
 * The addresses come from the operator and from the issuer that the operator trusts; private ones are allowed, because a
 * company's own issuer is often in its own network.
 */
import type { CustomFetchOptions } from 'openid-client'

/** Bytes. */
const longestAnswer = 512 * 1024

/** Nobody answered, not in time, or too much. */
export class Unreachable extends Error {
  override name = 'Unreachable'
}

/** Never follows a redirect: the library asks for `manual`. */
export async function boundedFetch(url: string, options: CustomFetchOptions): Promise<Response> {
  try {
    const response = await fetch(url, options as RequestInit)
    const body = await bytesOf(response)
    const { status, statusText, headers } = response
    return new Response([204, 205, 304].includes(status) ? null : body, { status, statusText, headers })
  } catch (error) {
    if (error instanceof Unreachable) throw error
    throw new Unreachable(reasonOf(error), { cause: error })
  }
}

async function bytesOf(response: Response): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > longestAnswer) throw new Unreachable('its answer is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it does not answer'
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'it does not answer in time'
  const { cause } = error
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
  return `it does not answer${code}`
}
