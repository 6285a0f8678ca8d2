/** Large bodies pass through as streams: nobody may fill our memory by being slower than the other side. */
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Proxied, proxied } from '../../support/proxied.ts'

let house: Proxied
let token: string
beforeAll(async () => {
  house = await proxied({ patience: 1_000 })
  token = (await house.tokens.issue({ scope: 'atproto transition:generic' })).value
})
afterAll(() => house[Symbol.asyncDispose]())

const megabyte = new Uint8Array(1024 * 1024)
/** Megabytes that connections and streams may hold together. */
const held = 24
const whole = 96

/** Writes until the other side takes no more; answers how many megabytes it took. */
async function pourInto(response: ServerResponse): Promise<number> {
  for (let count = 1; count <= whole; count += 1) {
    if (response.write(megabyte)) continue
    const took = await new Promise<boolean>((resolve) => {
      const stalled = setTimeout(() => resolve(false), 300)
      response.once('drain', () => {
        clearTimeout(stalled)
        resolve(true)
      })
    })
    if (!took) return count
  }
  return whole
}

test('a PDS is held back by an app that reads slowly, and all arrives in the end', async () => {
  const { promise: poured, resolve } = Promise.withResolvers<number>()
  house.serve(async (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/vnd.ipld.car' })
    const count = await pourInto(response)
    resolve(count)
    response.once('drain', () => response.end())
  })
  const response = await fetch(`${house.origin}/xrpc/com.atproto.sync.getRepo`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const count = await poured
  expect(count).toBeLessThan(held)
  let bytes = 0
  for await (const chunk of response.body ?? []) bytes += chunk.length
  expect(bytes).toBe(count * megabyte.length)
})

test('an app that takes nothing of an answer does not hold the connection to the PDS for ever', async () => {
  await using impatient = await proxied({ idle: 300 })
  const { value } = await impatient.tokens.issue({ scope: 'atproto transition:generic' })
  const { promise: ended, resolve: end } = Promise.withResolvers<boolean>()
  impatient.serve(async (_request, response) => {
    response
      .writeHead(200, { 'content-type': 'application/vnd.ipld.car' })
      .on('close', () => end(response.writableFinished))
    await pourInto(response)
  })
  const socket = connect(impatient.port, '127.0.0.1').on('error', () => undefined)
  socket.pause()
  const { host } = new URL(impatient.origin)
  socket.write(`GET /xrpc/com.atproto.sync.getRepo HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${value}\r\n\r\n`)
  expect(await ended).toBe(false)
  socket.destroy()
})

test('an app is held back by a PDS that reads slowly, and all arrives in the end', async () => {
  let sent = 0
  let arrived = 0
  const { promise: asked, resolve: ask } = Promise.withResolvers<() => void>()
  house.serve((request, response) => {
    ask(() => {
      request.on('data', (chunk: Buffer) => {
        arrived += chunk.length
      })
      request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
    })
  })
  const { promise: stalled, resolve: stall } = Promise.withResolvers<void>()
  let quiet: NodeJS.Timeout | undefined
  const body = new ReadableStream({
    pull(controller) {
      clearTimeout(quiet)
      quiet = setTimeout(stall, 300)
      sent += 1
      if (sent <= whole) controller.enqueue(megabyte)
      else controller.close()
    },
  })
  const answer = fetch(`${house.origin}/xrpc/com.atproto.repo.uploadBlob`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'video/mp4' },
    body,
    duplex: 'half',
  } as RequestInit)
  const read = await asked
  await stalled
  expect(sent).toBeLessThan(held)
  read()
  expect([(await answer).status, arrived]).toEqual([200, whole * megabyte.length])
})

test('a PDS that refuses a large body without reading it is heard', async () => {
  house.serve((_request, response) => {
    response.writeHead(400, { 'content-type': 'application/json' })
    response.end('{"error":"BlobTooLarge","message":"too large"}')
  })
  const answer = await fetch(`${house.origin}/xrpc/com.atproto.repo.uploadBlob`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'video/mp4' },
    body: new Uint8Array(300_000),
  })
  expect([answer.status, await answer.json()]).toEqual([400, { error: 'BlobTooLarge', message: 'too large' }])
})

test('a large body keeps its length, its type and its bytes', async () => {
  house.serve(undefined)
  const bytes = Buffer.alloc(200_000, 'habitat ')
  await fetch(`${house.origin}/xrpc/com.atproto.repo.uploadBlob`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'image/png' },
    body: bytes,
  })
  const seen = house.upstream.at(-1)
  expect(seen?.headers).toMatchObject({ 'content-length': '200000', 'content-type': 'image/png' })
  expect(seen?.body).toBe(bytes.toString('latin1'))
})

test('a token costs the database one statement, beside what is held for a second', async () => {
  house.serve(undefined)
  const statements = house.statements()
  await fetch(`${house.origin}/xrpc/com.atproto.repo.describeRepo`, { headers: { authorization: `Bearer ${token}` } })
  expect(statements().filter((sql) => !/from "(identities|clients)"/.test(sql))).toHaveLength(1)
})
