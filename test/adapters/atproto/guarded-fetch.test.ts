import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { guardedFetch, Unreachable } from '../../../adapters/atproto/guarded-fetch.ts'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serve(listener: RequestListener): Promise<string> {
  const listening = createServer(listener)
  server = listening
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}/`
}

test('a document is read whole with its status and headers', async () => {
  const url = await serve((_request, response) => response.writeHead(201, { 'x-one': '1' }).end('text'))
  const response = await guardedFetch({ open: true }).document(new Request(url))
  expect([response.status, response.headers.get('x-one'), await response.text()]).toEqual([201, '1', 'text'])
})

test('an answer without a body is taken', async () => {
  const url = await serve((_request, response) => response.writeHead(204).end())
  expect((await guardedFetch({ open: true }).document(url)).status).toBe(204)
})

test('a document of more than 512 KiB is not read, whatever its length says', async () => {
  const url = await serve((_request, response) => {
    response.on('error', () => undefined)
    for (let part = 0; part < 20; part += 1) response.write(Buffer.alloc(64 * 1024))
    response.end()
  })
  await expect(guardedFetch({ open: true }).document(url)).rejects.toThrow(Unreachable)
  const answer = await guardedFetch({ open: true }).traffic(url)
  expect((await answer.arrayBuffer()).byteLength).toBe(20 * 64 * 1024)
})

test('a document that drips is given up in time, and so is a silent one', async () => {
  const timers = new Set<NodeJS.Timeout>()
  const url = await serve((request, response) => {
    if (request.url === '/silent') return
    response.write('a')
    timers.add(setInterval(() => response.write('a'), 20))
  })
  try {
    const { document } = guardedFetch({ open: true, patience: { question: 200, change: 200 } })
    await expect(document(url)).rejects.toMatchObject({ name: 'Unreachable', timeout: true })
    await expect(document(`${url}silent`)).rejects.toMatchObject({ name: 'Unreachable', timeout: true })
    await expect(document(url, { method: 'POST' })).rejects.toMatchObject({ name: 'Unreachable', timeout: true })
  } finally {
    for (const timer of timers) clearInterval(timer)
  }
})

test('traffic goes on for as long as there is life in it, and is given up when it falls silent', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/silent') return
    response.write('a')
    if (request.url === '/stops') return
    let left = 20
    const timer = setInterval(() => {
      response.write('a')
      left -= 1
      if (left > 0) return
      clearInterval(timer)
      response.end()
    }, 100)
  })
  const { traffic } = guardedFetch({ open: true, patience: { question: 300, silence: 1_000 } })
  await expect(traffic(`${url}silent`)).rejects.toMatchObject({ name: 'Unreachable', timeout: true })
  const stopped = await traffic(`${url}stops`)
  await expect(stopped.text()).rejects.toThrow()
  expect(await (await traffic(url)).text()).toHaveLength(21)
})

test('traffic streams both ways', async () => {
  const url = await serve((request, response) => request.pipe(response))
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  const init = { method: 'POST', body: readable, duplex: 'half' } as RequestInit
  const answer = guardedFetch({ open: true }).traffic(url, init)
  await writer.write(Buffer.from('first '))
  const reader = ((await answer).body ?? new ReadableStream()).getReader()
  expect(Buffer.from((await reader.read()).value ?? '').toString()).toBe('first ')
  await writer.write(Buffer.from('second'))
  expect(Buffer.from((await reader.read()).value ?? '').toString()).toBe('second')
  await writer.close()
  expect((await reader.read()).done).toBe(true)
})

test('a question is asked once more where the connection was closed under it, a change is not', async () => {
  const asked: (string | undefined)[] = []
  const url = await serve((request, response) => {
    asked.push(request.method)
    if (asked.length === 1) return request.socket.destroy()
    response.end('well')
  })
  const { document } = guardedFetch({ open: true })
  expect(await (await document(url)).text()).toBe('well')
  expect(asked).toEqual(['GET', 'GET'])
  asked.length = 0
  await expect(document(url, { method: 'POST' })).rejects.toThrow(Unreachable)
  expect(asked).toEqual(['POST'])
})

test('a place where nobody listens is unreachable at once', async () => {
  const url = await serve(() => undefined)
  server?.close()
  await expect(guardedFetch({ open: true }).document(url)).rejects.toMatchObject({
    name: 'Unreachable',
    timeout: false,
  })
})
