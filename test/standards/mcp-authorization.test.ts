/**
 * MCP authorization, revision 2026-07-28: what the server and the example say to the official SDK and to plain HTTP. Whole
 * sign-ins stand in `test/interop/mcp-sdk.test.ts`.
 */
import {
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  exchangeAuthorization,
  extractWWWAuthenticateParams,
  refreshAuthorization,
  startAuthorization,
} from '@modelcontextprotocol/sdk/client/auth.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorize, authorizeUrl, pkce } from '../support/authorize.ts'
import { type McpNotes, startMcpNotes } from '../support/mcp-notes.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
let notes: McpNotes
let other: string
let client: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  notes = await startMcpNotes(server.origin)
  other = 'https://photos.example/mcp'
  await server.resource(notes.resource, ['notes:read', 'notes:write'], 'jwt')
  await server.resource(other, ['photos:read'], 'jwt')
  client = await server.client('mcp', {
    redirect_uris: ['http://127.0.0.1/callback', 'https://assistant.example/callback'],
    scope: 'openid offline_access',
    resource_scopes: 'notes:read notes:write photos:read',
  })
})
afterAll(async () => {
  await notes[Symbol.asyncDispose]()
  await server.stop()
})

const metadata = async () => {
  const found = await discoverAuthorizationServerMetadata(server.origin)
  if (found === undefined) throw new Error('no metadata')
  return found
}

/** The way of the SDK's client, with the person's browser in between. */
async function signIn(resource: string, scope: string, redirectUri = 'http://127.0.0.1:49152/callback') {
  const clientInformation = { client_id: client.id }
  const { authorizationUrl, codeVerifier } = await startAuthorization(server.origin, {
    metadata: await metadata(),
    clientInformation,
    redirectUrl: redirectUri,
    scope,
    resource: new URL(resource),
  })
  const extra = Object.fromEntries(authorizationUrl.searchParams)
  const back = await authorize(server.visitor(), client, pkce(), { extra })
  expect(back.href.startsWith(redirectUri)).toBe(true)
  const tokens = await exchangeAuthorization(server.origin, {
    metadata: await metadata(),
    clientInformation,
    authorizationCode: back.searchParams.get('code') ?? '',
    codeVerifier,
    redirectUri,
    resource: new URL(resource),
  })
  return { tokens, back, clientInformation }
}

function call(token: string | undefined, tool = 'list_notes', query = ''): Promise<Response> {
  return fetch(notes.resource + query, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: tool, arguments: { text: 'Milk' } },
    }),
  })
}

test('from a refusal to the one who gives tokens: RFC 9728, then RFC 8414 or OpenID discovery', async () => {
  const refused = await call(undefined)
  expect(refused.status).toBe(401)
  const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(refused)
  expect(scope).toBe('notes:read')
  if (resourceMetadataUrl === undefined) throw new Error('no address of a document')
  const resource = await discoverOAuthProtectedResourceMetadata(notes.resource, { resourceMetadataUrl })
  expect(resource).toMatchObject({ resource: notes.resource, authorization_servers: [server.origin] })
  expect(await metadata()).toMatchObject({
    issuer: server.origin,
    // Clients refuse servers that do not say so.
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    token_endpoint_auth_methods_supported: expect.arrayContaining(['none']),
  })
})

test('a token opens the server that it was asked for; the callback names the issuer (RFC 8707, RFC 9207)', async () => {
  const { tokens, back } = await signIn(notes.resource, 'notes:read')
  expect(back.searchParams.get('iss')).toBe(server.origin)
  expect(tokens).toMatchObject({ token_type: 'Bearer', scope: 'notes:read' })
  const answer = await call(tokens.access_token)
  expect(answer.status).toBe(200)
})

test('a token for another server opens nothing here, nor does one in the address', async () => {
  const { tokens } = await signIn(other, 'photos:read')
  const refused = await call(tokens.access_token)
  expect(refused.status).toBe(401)
  expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"')
  const mine = await signIn(notes.resource, 'notes:read')
  expect((await call(undefined, 'list_notes', `?access_token=${mine.tokens.access_token}`)).status).toBe(401)
})

test('what a token does not allow is challenged with all that the request needs', async () => {
  const { tokens } = await signIn(notes.resource, 'notes:read')
  const refused = await call(tokens.access_token, 'add_note')
  expect(refused.status).toBe(403)
  const challenge = extractWWWAuthenticateParams(refused)
  expect(challenge).toMatchObject({ error: 'insufficient_scope', scope: 'notes:read notes:write' })
  const more = await signIn(notes.resource, String(challenge.scope))
  expect((await call(more.tokens.access_token, 'add_note')).status).toBe(200)
})

test('refresh tokens of public clients change with each use, and stay with their server (OAuth 2.1 §4.3.1)', async () => {
  const { tokens, clientInformation } = await signIn(notes.resource, 'notes:read')
  const renew = async (refreshToken: string, resource: string) =>
    refreshAuthorization(server.origin, {
      metadata: await metadata(),
      clientInformation,
      refreshToken,
      resource: new URL(resource),
    })
  await expect(renew(tokens.refresh_token ?? '', other)).rejects.toThrow(/resource/)
  const renewed = await renew(tokens.refresh_token ?? '', notes.resource)
  expect(renewed.refresh_token).not.toBe(tokens.refresh_token)
  expect((await call(renewed.access_token)).status).toBe(200)
})

describe('where a client returns to', () => {
  test('https and loopback at any port stand side by side (RFC 8252 §7.3)', async () => {
    for (const uri of ['http://127.0.0.1:1024/callback', 'https://assistant.example/callback']) {
      await signIn(notes.resource, 'notes:read', uri)
    }
  })

  test('another host or path of this machine is refused without a redirect', async () => {
    for (const uri of ['http://localhost:1024/callback', 'http://127.0.0.1:1024/other', 'http://127.0.0.2/callback']) {
      const address = authorizeUrl(client, pkce(), { redirect_uri: uri, resource: notes.resource })
      const answer = await server.visitor().request(address)
      expect(answer).toMatchObject({ status: 400, left: false })
    }
  })
})

test('a request that names no server is refused (RFC 8707 §2)', async () => {
  const address = authorizeUrl({ ...client, redirectUri: 'https://assistant.example/callback' }, pkce(), {
    scope: 'openid notes:read',
  })
  const { url } = await server.visitor().request(address)
  expect(Object.fromEntries(url.searchParams)).toMatchObject({ error: 'invalid_target', iss: server.origin })
})

test('people are asked each time, because any program may listen on loopback (RFC 8252 §8.6)', async () => {
  const person = server.visitor()
  const redirected = { ...client, redirectUri: 'http://127.0.0.1:5000/callback' }
  const extra = { scope: 'openid notes:read', resource: notes.resource }
  await authorize(person, redirected, pkce(), { extra })
  const again = await person.get(authorizeUrl(redirected, pkce(), extra))
  expect(again).toMatchObject({ left: false })
  expect(again.text).toContain('value="allow"')
})
