/** Gives a request whose body was read another one, for the library to read. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/**
 * The request itself stays, because others know it by its identity; the library reads bodies by these two members. The type
 * of the body stays as it is.
 */
export function giveBody(request: IncomingMessage, content: Buffer): void {
  const body = Readable.from([content])
  Object.defineProperties(request, {
    readable: { configurable: true, get: () => body.readable },
    iterator: { configurable: true, value: body.iterator.bind(body) },
  })
  delete request.headers['transfer-encoding']
  request.headers['content-length'] = String(content.length)
}

/** Has the library refuse a request whose body could not be read, as it refuses one that it cannot read itself. */
export function giveNoBody(request: IncomingMessage): void {
  giveBody(request, Buffer.alloc(0))
  // Longer than what comes: to the library it was cut off.
  request.headers['content-length'] = '1'
}
