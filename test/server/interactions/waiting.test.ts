/** What a page hears while it waits: how many may listen at a time. */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { afterEach, expect, test } from 'vitest'
import type { Desk } from '../../../server/interactions/desk.ts'
import { waiting } from '../../../server/interactions/waiting.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** Answers every request with the events of one attempt, once `ready` says that it was found. */
async function listenable(ready: () => Promise<unknown>) {
  const stopping = new AbortController()
  const answer = waiting({
    attempts: {
      async watch() {
        await ready()
        return async () => 'waiting'
      },
    },
    cookies: { attempt: () => 'attempt' },
    stopping: stopping.signal,
  })
  const app = new Koa().use((ctx) => answer({ ctx, uid: 'interaction' } as unknown as Desk))
  // It tells the console of those who hang up.
  app.silent = true
  const server = createServer(app.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    stopping.abort()
    server.closeAllConnections()
    server.close()
  })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

test('who hangs up before the answer takes no room from those who stay', async () => {
  let ready: () => Promise<unknown> = async () => undefined
  const { server, url } = await listenable(() => ready())
  for (let count = 0; count < 3; count += 1) {
    const asked = request(url, { headers: { accept: 'text/event-stream' }, agent: false }).on('error', () => undefined)
    server.once('connection', (socket) => {
      const gone = once(socket, 'close')
      ready = () => gone
    })
    const found = once(server, 'request')
    asked.end()
    await found
    const left = ready()
    asked.destroy()
    await left
  }
  ready = async () => undefined
  const stop = new AbortController()
  closing.push(() => stop.abort())
  const response = await fetch(url, { headers: { accept: 'text/event-stream' }, signal: stop.signal })
  expect(response.status).toBe(200)
})
