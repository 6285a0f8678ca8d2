/**
 * Apps that nobody here registered by hand, by somebody who means harm: pages that use this server's name for a link that
 * leads elsewhere (RFC 9700 §4.11.2), access without a question (ASVS 5 §10.7.1), programs that pose as others (RFC 8252
 * §8.6), documents that change after people agreed.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { limits } from '../../adapters/postgres/limits.ts'
import { clientDocuments } from '../../server/oidc/client-documents.ts'
import { documentLimits } from '../../server/oidc/document-limits.ts'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { openTestDatabase } from '../support/database.ts'
import { type DocumentHost, documentHost } from '../support/document-host.ts'
import { register, somebody } from '../support/people.ts'
import { goodMetadata, registerClient } from '../support/registration.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let host: DocumentHost
let server: TestServer
let person: Visitor
beforeAll(async () => {
  host = await documentHost()
  const settings = { CLIENT_METADATA_DOCUMENTS: 'yes', CLIENT_REGISTRATION: 'open' }
  server = await startTestServer({ settings, outside: host.outside })
  person = server.visitor()
  await register(person, '/account', somebody())
})
afterAll(async () => {
  vi.useRealTimers()
  await server.stop()
  await host.close()
})
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60 * 60 * 1000 })
})

type Params = Record<string, string | undefined>

function ask(id: string, redirectUri: string, extra: Params = {}, who: Visitor = person): Promise<Visit> {
  return who.get(authorizeUrl({ id, secret: '', redirectUri }, pkce(), extra))
}

async function selfRegistered(metadata: Record<string, unknown> = {}): Promise<string> {
  const { body } = await registerClient(server, { ...goodMetadata, ...metadata })
  return String(body['client_id'])
}

const evil = 'https://photos.example/cb'

describe('RFC 9700 §4.11.2: nobody is sent away by an error', () => {
  const failing: [string, Params][] = [
    ['a scope that it may not have', { scope: 'openid atproto' }],
    ['prompt=none', { prompt: 'none' }],
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }],
    ['another response type', { response_type: 'token' }],
    ['a resource that does not exist', { resource: 'https://nothing.example' }],
    ['prompt=none, answered by a form', { prompt: 'none', response_mode: 'form_post' }],
    ['prompt=none, answered behind a #', { prompt: 'none', response_mode: 'fragment' }],
  ]
  test.each(failing)('%s ends on a page that names the host', async (_name, extra) => {
    const id = await selfRegistered()
    for (const who of [person, server.visitor()]) {
      const page = await ask(id, evil, extra, who)
      expect([page.left, page.headers.get('location')]).toEqual([false, null])
      expect(page.status).toBe(400)
      expect(page.text).toContain('Nobody here has checked this app')
      expect(page.text).not.toContain('document.forms[0]')
    }
  })

  test.each(failing)('… and an app that an administrator registered is told at once: %s', async (_name, extra) => {
    const client = await server.client('spa', { redirect_uris: [evil], scope: 'openid' })
    const page = await ask(client.id, evil, extra)
    expect(page.left || page.text.includes('document.forms[0]')).toBe(true)
  })

  test('who says no stays here, too, and may go on by a link with the host in it', async () => {
    const id = await selfRegistered()
    const page = await person.submit(await ask(id, evil), '/consent', { decision: 'deny' })
    const end = page.left || page.headers.get('location') === null ? page : await person.get(page.url.href)
    expect(end.left).toBe(false)
    expect(end.text).toContain('Go to photos.example')
    expect(end.text).toMatch(/href="https:\/\/photos\.example\/cb\?error=access_denied/)
  })

  test('the same for an app that a document describes', async () => {
    const id = host.client('errors')
    const page = await ask(id, new URL('/cb', id).href, { prompt: 'none' })
    expect([page.left, page.status]).toEqual([false, 400])
    expect(page.text).toContain(new URL(id).host)
  })
})

describe('consent', () => {
  test('is asked of everybody each time, names the host, and says that nobody vouches for the app', async () => {
    const id = await selfRegistered({ client_name: 'Habitat Security' })
    const first = await ask(id, evil)
    expect(first.text).toContain('Nobody here has checked this app')
    expect(first.text).toContain('photos.example')
    expect((await person.submit(first, '/consent', { decision: 'allow' })).left).toBe(true)
    expect((await ask(id, evil)).text).toContain('value="allow"')
  })

  test('names the host of a document beside the one that is returned to', async () => {
    const id = host.client('elsewhere', { redirect_uris: ['https://other.example/cb'] })
    const { text } = await ask(id, 'https://other.example/cb')
    expect(text).toContain(new URL(id).host)
    expect(text).toContain('other.example')
  })

  test('warns of programs on the person’s own computer (RFC 8252 §8.6)', async () => {
    const warning = 'a program on your own computer'
    const local = await selfRegistered({ redirect_uris: ['http://127.0.0.1/cb'] })
    expect((await ask(local, 'http://127.0.0.1:41234/cb')).text).toContain(warning)
    expect((await ask(await selfRegistered(), evil)).text).not.toContain(warning)
  })

  test('is not there for an app of ours, and its page says nothing of the kind', async () => {
    const client = await server.client('web')
    expect((await ask(client.id, client.redirectUri)).text).not.toContain('Nobody here has checked')
  })
})

test('an app that was stopped does not come again, and its document is not read', async () => {
  const id = host.client('stopped')
  const redirectUri = new URL('/cb', id).href
  expect((await ask(id, redirectUri)).text).toContain('value="allow"')
  await server.database.store.db.updateTable('clients').set({ disabled_at: new Date() }).where('id', '=', id).execute()
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60 * 60 * 1000 })
  const before = host.asked.length
  expect((await ask(id, redirectUri)).status).toBe(400)
  expect(host.asked.length).toBe(before)
})

test('a document never takes the place of a client that was registered here', async () => {
  const id = host.client('taken')
  await server.database.store.db
    .insertInto('clients')
    .values({
      id,
      profile: 'web',
      first_party: true,
      metadata: JSON.stringify({ client_name: 'Ours', redirect_uris: ['https://ours.example/cb'] }),
      secret_hashes: '[]',
      created_at: new Date(),
      updated_at: new Date(),
    })
    .execute()
  const before = host.asked.length
  await ask(id, 'https://ours.example/cb')
  expect(host.asked.length).toBe(before)
})

test('only the hosts of the setting are asked', async () => {
  await using other = await startTestServer({
    settings: { CLIENT_METADATA_DOCUMENTS: 'good.habitat-apps.dev' },
    outside: host.outside,
  })
  const [good, bad] = [host.client('good'), host.client('bad')]
  const before = host.asked.length
  expect((await ask(bad, new URL('/cb', bad).href, {}, other.visitor())).status).toBe(400)
  expect(host.asked.length).toBe(before)
  expect((await ask(good, new URL('/cb', good).href, {}, other.visitor())).status).toBe(200)
})

test.each(['document', 'self'])('nor by a sign-out that nobody asked for: an app of origin %s', async (origin) => {
  const goodbye = `${origin === 'self' ? 'https://photos.example' : host.origin('goodbye')}/bye`
  const metadata = { post_logout_redirect_uris: [goodbye] }
  const id = origin === 'self' ? await selfRegistered(metadata) : host.client('goodbye', metadata)
  await ask(id, origin === 'self' ? evil : new URL('/cb', id).href)
  const query = new URLSearchParams({ client_id: id, post_logout_redirect_uri: goodbye })
  const answer = await fetch(`${server.origin}/logout?${query}`, { redirect: 'manual' })
  expect(answer.status).toBe(303)
  expect(new URL(answer.headers.get('location') ?? '', server.origin).origin).toBe(server.origin)
  const page = await person.get(`/logout?${query}`)
  expect((await person.submit(page, '/logout/confirm', {})).left).toBe(false)
})

describe('strangers who make us ask', () => {
  test('name thirty new documents from one address in ten minutes, and no more', async () => {
    await using database = await openTestDatabase()
    const now = () => new Date('2026-03-01T12:00:00Z')
    let asked = 0
    const find = clientDocuments({
      hosts: undefined,
      find: async () => undefined,
      keep: async () => undefined,
      distrust: async () => undefined,
      fetch: async () => {
        asked += 1
        return new Response('', { status: 404 })
      },
      rules: async () => Promise.reject(new Error('nothing is judged')),
      limits: documentLimits(limits(database.store.db, now), now),
      onlyOne: (_id, read) => read(),
      request: () => ({ address: '192.0.2.1', mayRead: true }),
      onProblem: () => undefined,
      now,
    })
    for (let count = 0; count < 40; count += 1) {
      await expect(find(`https://h${count}.habitat-apps.dev/client.json`)).rejects.toThrow()
    }
    expect(asked).toBe(30)
  })

  test('ask for one that fails again and again, and we do not', async () => {
    const id = `${host.origin('missing')}/client.json`
    for (let count = 0; count < 6; count += 1) await ask(id, evil)
    expect(host.asked.filter((it) => it === id).length).toBeLessThanOrEqual(3)
  })
})
