/**
 * The way to an issuer's documents and endpoints: answers are small and read whole, and whatever goes wrong on the network
 * is one kind of error, which the library cannot take for a mistake in its arguments.
 */
import type { CustomFetchOptions } from 'openid-client'

/** Bytes. */
const longestAnswer = 512 * 1024

/** Nobody answered, not in time, or too much. */
export class Unreachable extends Error {
  override name = 'Unreachable'
}

type Send = (url: string, options: RequestInit) => Promise<Response>

/** What the library asks with, over `send`. Never follows a redirect: the library asks for `manual`. */
export function boundedFetch(send: Send): (url: string, options: CustomFetchOptions) => Promise<Response> {
  return async (url, options) => {
    try {
      const response = await send(url, options as RequestInit)
      const body = await bytesOf(response)
      const { status, statusText, headers } = response
      return new Response([204, 205, 304].includes(status) ? null : body, { status, statusText, headers })
    } catch (error) {
      if (error instanceof Unreachable) throw error
      throw new Unreachable(reasonOf(error), { cause: error })
    }
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
  const causes = causesOf(error)
  const isNamed = (...names: string[]) => causes.some(({ name }) => names.includes(name))
  if (isNamed('ForbiddenDestination')) return 'it names a place that is not on the public internet'
  if (isNamed('TimeoutError', 'AbortError')) return 'it does not answer in time'
  const code = causes.map((cause) => ('code' in cause ? cause.code : undefined)).find((it) => it !== undefined)
  return code === undefined ? 'it does not answer' : `it does not answer (${String(code)})`
}

/** An error and what caused it, outermost first. */
function causesOf(error: unknown): readonly Error[] {
  const found: Error[] = []
  for (let it = error; it instanceof Error && found.length < 10; it = it.cause) found.push(it)
  return found
}
