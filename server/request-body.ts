/**
 * Reads the body of a request, up to a limit.
 *
 * What is wrong with one is a value, because each of those who read bodies says it in another way.
 */
import type { IncomingMessage } from 'node:http'
import rawBody from 'raw-body'

/** Why there is no body: it is longer than `limit`, or it broke off. */
export type BodyFault = 'too-large' | 'broken'

/** The whole body; `limit` in bytes. Of one that states its length and is too large nothing is read. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | BodyFault> {
  try {
    return await rawBody(request, { limit, length: request.headers['content-length'] ?? null })
  } catch (error) {
    return (error as { status?: number }).status === 413 ? 'too-large' : 'broken'
  }
}
