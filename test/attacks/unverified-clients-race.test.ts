/** What several nodes do at once for apps that nobody here registered by hand. */
import { afterAll, beforeAll, expect } from 'vitest'
import { registrationTokens } from '../../adapters/postgres/registration-tokens.ts'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { postgresTest } from '../support/database.ts'
import { type DocumentHost, documentHost } from '../support/document-host.ts'
import { startNodes } from '../support/nodes.ts'
import { goodMetadata, registerClient } from '../support/registration.ts'

let host: DocumentHost
beforeAll(async () => {
  host = await documentHost()
})
afterAll(() => host.close())

postgresTest('a document is read by one node, and known to both', async () => {
  await using nodes = await startNodes({ settings: { CLIENT_METADATA_DOCUMENTS: 'yes' }, outside: host.outside })
  const id = host.client('race')
  const { promise, resolve } = Promise.withResolvers<void>()
  host.hold = promise
  const address = authorizeUrl({ id, secret: '', redirectUri: new URL('/cb', id).href }, pkce())
  const all = [nodes.first, nodes.second, nodes.first, nodes.second].map((node) => node.visitor().get(address))
  await expect.poll(() => host.asked.length).toBe(1)
  resolve()
  expect((await Promise.all(all)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(host.asked).toEqual([id])
})

postgresTest('a registration token registers as many apps as it says, however many try at once', async () => {
  await using nodes = await startNodes({ settings: { CLIENT_REGISTRATION: 'token' } })
  const expiresAt = new Date(Date.now() + 60_000)
  const wanted = { name: 'A partner', profile: undefined, usesLeft: 3, expiresAt }
  const { token } = await registrationTokens(nodes.database.store.db, () => new Date()).add(wanted)
  const servers = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? nodes.first : nodes.second))
  const answers = await Promise.all(servers.map((server) => registerClient(server, goodMetadata, token)))
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(3)
})
