/** The official MCP SDK as a client, in a process of its own; the server of the example is made with it, too. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { scopes } from '../../examples/mcp-server/tools.ts'
import { type DocumentHost, documentHost } from '../support/document-host.ts'
import { startApp, traveller } from '../support/interop.ts'
import { type McpNotes, startMcpNotes } from '../support/mcp-notes.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let notes: McpNotes
let host: DocumentHost
beforeAll(async () => {
  host = await documentHost()
  const settings = {
    CLIENT_METADATA_DOCUMENTS: 'yes',
    CLIENT_REGISTRATION: 'open',
    UNVERIFIED_CLIENT_SCOPES: Object.keys(scopes).join(' '),
  }
  server = await startTestServer({ settings, outside: host.outside })
  notes = await startMcpNotes(server.origin)
  await server.resource(notes.resource, Object.keys(scopes), 'jwt')
})
afterAll(async () => {
  await notes[Symbol.asyncDispose]()
  await server.stop()
  await host.close()
})

test('a client that was registered by hand: discovery, sign-in, a tool, a step up, a refresh', async () => {
  await using app = await startApp(server, {
    program: 'mcp-sdk',
    profile: 'mcp',
    registration: { scope: 'openid offline_access', resource_scopes: 'notes:read notes:write' },
    settings: { MCP_SERVER: notes.resource },
  })
  const { open } = traveller(server, app)
  const text = async (path: string) => (await open(path)).text
  const known = async () => JSON.parse(await text('/known')) as { tokens: { scope: string; refresh_token: string } }
  expect(await text('/call/list_notes')).toContain('There are no notes.')
  expect((await known()).tokens.scope).toBe('notes:read')
  expect(await text('/call/add_note?text=Milk')).toContain('There are 1 notes.')
  const { tokens } = await known()
  expect(tokens.scope.split(' ').sort()).toEqual(['notes:read', 'notes:write'])
  await open('/lose-access')
  expect(await text('/call/list_notes')).toContain('Milk')
  expect((await known()).tokens.refresh_token).not.toBe(tokens.refresh_token)
})

test('a client that a document describes signs in and steps up in the same way', async () => {
  const id = host.client('assistant', { redirect_uris: ['http://localhost/callback'], client_name: 'Assistant' })
  await using app = await startApp(server, {
    program: 'mcp-sdk',
    settings: { MCP_SERVER: notes.resource, CLIENT_ID: '', CLIENT_METADATA_URL: id },
  })
  const { open } = traveller(server, app)
  expect((await open('/call/list_notes')).text).toContain('There are no notes.')
  expect((await open('/call/add_note?text=Bread')).text).toContain('There are 1 notes.')
  expect(JSON.parse((await open('/known')).text)).toMatchObject({ registration: { client_id: id } })
})

test('a client that registers itself signs in and steps up in the same way', async () => {
  await using app = await startApp(server, {
    program: 'mcp-sdk',
    settings: { MCP_SERVER: notes.resource, CLIENT_ID: '' },
  })
  const { open } = traveller(server, app)
  expect((await open('/call/list_notes')).text).toContain('There are no notes.')
  expect((await open('/call/add_note?text=Salt')).text).toContain('There are 1 notes.')
  const { registration } = JSON.parse((await open('/known')).text) as { registration: Record<string, unknown> }
  expect(registration).toMatchObject({ client_name: 'Assistant', client_id: expect.stringMatching(/./) })
})
