/** Every place that sends the browser on: only to where it was registered, or to this server (RFC 9700 §4.11). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorizeUrl, pkce, redeem } from '../support/authorize.ts'
import { register, signIn, somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visitor } from '../support/visitor.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const bye = 'https://app.example/bye'

/** Addresses that some parser somewhere reads as another host. */
const strangers = [
  'https://evil.example',
  'https://evil.example/bye',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '\t//evil.example',
  'https:evil.example',
  'https:/evil.example',
  'javascript:alert(1)',
  'data:text/html,x',
  'https://app.example@evil.example/bye',
  'https://app.example.evil.example/bye',
  'https://app.example/bye/../../evil',
  'https://app.example/bye?next=//evil.example',
  'https://app.example/bye#//evil.example',
  'https://app.example/BYE',
  'https://app.example/bye/',
  'https://APP.example/bye',
  'https://app.example:443/bye',
  'http://app.example/bye',
  ' https://app.example/bye',
  'https://app.example/bye%00',
]

/** Follows a logout to its end; where the browser is then. */
async function signedOutAt(person: Visitor, params: Record<string, string>): Promise<string> {
  let page = await person.get(`/logout?${new URLSearchParams(params)}`)
  if (page.text.includes('logout/confirm')) page = await person.submit(page, '/logout/confirm', { logout: 'yes' })
  return page.url.origin
}

describe('after signing out', () => {
  test.each([true, false])('the browser is sent only to a registered address (signed in: %s)', async (signedIn) => {
    const client = await server.client('web', { post_logout_redirect_uris: [bye] })
    const person = server.visitor()
    if (signedIn) await register(person, '/account', somebody())
    for (const target of strangers) {
      const at = await signedOutAt(person, { client_id: client.id, post_logout_redirect_uri: target })
      expect([target, at]).toEqual([target, server.origin])
    }
    const at = await signedOutAt(person, { client_id: client.id, post_logout_redirect_uri: bye })
    expect(at).toBe('https://app.example')
  })

  test('an address that names no client leads nowhere (RP-Initiated Logout §2)', async () => {
    await server.client('web', { post_logout_redirect_uris: [bye] })
    for (const target of [bye, ...strangers]) {
      expect(await signedOutAt(server.visitor(), { post_logout_redirect_uri: target })).toBe(server.origin)
    }
  })

  test('an ID token of one client does not open the addresses of another', async () => {
    const victim = await server.client('web', { post_logout_redirect_uris: [bye], first_party: true })
    const own = await server.client('web', { post_logout_redirect_uris: ['https://own.example/'], first_party: true })
    const proof = pkce()
    const person = server.visitor()
    const back = await register(person, authorizeUrl(own, proof), somebody())
    const tokens = await redeem(server, own, back.url.searchParams.get('code') ?? '', proof)
    const hint = { id_token_hint: tokens.body.id_token ?? '' }
    expect(await signedOutAt(person, { ...hint, post_logout_redirect_uri: bye })).toBe(server.origin)
    expect(await signedOutAt(person, { ...hint, client_id: victim.id, post_logout_redirect_uri: bye })).toBe(
      server.origin,
    )
    const forged = {
      id_token_hint: `${hint.id_token_hint.slice(0, -4)}AAAA`,
      post_logout_redirect_uri: 'https://own.example/',
    }
    expect(await signedOutAt(person, forged)).toBe(server.origin)
    expect((await person.get('/account')).text).toContain('This browser')
  })

  test('a state cannot change the address', async () => {
    const client = await server.client('web', { post_logout_redirect_uris: [bye] })
    const params = { client_id: client.id, post_logout_redirect_uri: bye, state: '#@evil.example/&x=//evil.example' }
    const end = await server.visitor().get(`/logout?${new URLSearchParams(params)}`)
    expect(end.url.origin + end.url.pathname + end.url.hash).toBe(bye)
    expect([...end.url.searchParams.keys()]).toEqual(['state'])
  })
})

test('the account page comes back to pages of the account only, whatever the state says', async () => {
  const person = server.visitor()
  await register(person, '/account', somebody())
  for (const state of [...strangers, '/logout', '/interaction/x', '/account/../logout', '/account//evil.example']) {
    for (const query of [
      new URLSearchParams({ state }),
      new URLSearchParams([
        ['state', state],
        ['state', '/account'],
      ]),
    ]) {
      const answer = await person.request(`/account/signed-in?${query}`)
      expect(answer.status).toBe(303)
      expect([state, answer.url.href]).toEqual([state, `${server.origin}/account`])
    }
  }
  const known = await person.request('/account/signed-in?state=/account/password')
  expect(known.url.pathname).toBe('/account/password')
})

test('the link that restarts a sign-in leads to this server, and from there only to a registered address', async () => {
  const client = await server.client('web')
  const person = server.visitor()
  const page = await person.get(authorizeUrl(client, pkce(), { state: '"><a href=//evil.example>' }))
  const other = server.visitor()
  const expired = await other.get(page.url.pathname)
  const links = [...expired.text.matchAll(/href="([^"]*)"/g)].map(([, href = '']) => href.replaceAll('&amp;', '&'))
  const restart = links.find((href) => href.startsWith('/authorize?')) ?? ''
  expect(links.filter((href) => /evil/.test(href) && !href.startsWith('/authorize?'))).toEqual([])
  expect((await other.get(restart)).text).toContain('name="password"')
})

test('a request for an address that is not registered ends on our page, with any answer and any error', async () => {
  const client = await server.client('web')
  for (const redirect_uri of strangers) {
    for (const extra of [{}, { prompt: 'none' }, { response_type: 'nonsense' }, { response_mode: 'form_post' }]) {
      const page = await server.visitor().get(authorizeUrl(client, pkce(), { redirect_uri, ...extra }))
      expect([redirect_uri, page.status, page.left]).toEqual([redirect_uri, 400, false])
      expect(page.text).not.toMatch(/href="[^"]*evil|action="[^"]*evil/)
    }
  }
})

test('the address that outside providers send the browser back to goes to a step of this browser, or nowhere', async () => {
  const person = server.visitor()
  for (const state of strangers) {
    const answer = await person.request(`/interaction/callback/password?${new URLSearchParams({ state, code: 'x' })}`)
    expect(answer.left).toBe(false)
    expect(answer.text).toContain('This sign-in has expired')
  }
})

test('a path with two slashes is no way out', async () => {
  const person = server.visitor()
  await signIn(person, '/account', somebody()).catch(() => undefined)
  for (const path of [
    '//evil.example',
    '//evil.example/account',
    '/account//evil.example',
    '/%2F%2Fevil.example',
    '/\\evil.example',
  ]) {
    const { status, headers } = await fetch(server.origin + path, { redirect: 'manual' })
    expect([path, status, headers.get('location')]).toEqual([path, 404, null])
  }
})
