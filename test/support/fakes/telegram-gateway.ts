/**
 * Telegram's Gateway as it is documented (core.telegram.org/gateway/api), strict: what the real one would refuse goes into
 * `complaints`.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export const gatewayToken = 'gateway-token'

export interface GatewayMessage {
  readonly phone_number: string
  readonly code: string
  readonly ttl: number
}

export async function startGateway() {
  const sent: GatewayMessage[] = []
  const complaints: string[] = []
  let answer: { status: number; body: string; headers?: Record<string, string> } | 'silence' | undefined

  const server = createServer(async (request, response) => {
    const body = JSON.parse((await text(request)) || '{}') as Record<string, unknown>
    if (answer === 'silence') return
    if (answer !== undefined) return void response.writeHead(answer.status, answer.headers).end(answer.body)
    const error = problemOf(`${request.method} ${request.url}`, request.headers, body)
    if (error === undefined) sent.push(body as unknown as GatewayMessage)
    else complaints.push(error)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(error === undefined ? { ok: true, result: { request_id: 'r' } } : { ok: false, error }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    root: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent,
    complaints,
    /** From now on every request is answered with this. */
    answerWith(next: typeof answer) {
      answer = next
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function problemOf(asked: string, headers: Record<string, unknown>, body: Record<string, unknown>): string | undefined {
  const { phone_number: phone, code, ttl, ...more } = body
  if (asked !== 'POST /sendVerificationMessage') return 'UNKNOWN_METHOD'
  if (headers['authorization'] !== `Bearer ${gatewayToken}`) return 'ACCESS_TOKEN_INVALID'
  if (headers['content-type'] !== 'application/json') return 'CONTENT_TYPE_INVALID'
  if (typeof phone !== 'string' || !/^\+[1-9]\d{6,14}$/.test(phone)) return 'PHONE_NUMBER_INVALID'
  if (typeof code !== 'string' || !/^\d{4,8}$/.test(code)) return 'CODE_INVALID'
  if (typeof ttl !== 'number' || ttl < 30 || ttl > 3600) return 'TTL_INVALID'
  return Object.keys(more).length > 0 ? 'PARAMETER_UNKNOWN' : undefined
}
