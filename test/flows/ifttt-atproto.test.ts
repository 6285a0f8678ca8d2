/** Somebody whose account is at a PDS connects IFTTT: their handle brings them through three servers and back. */
import { expect, test } from 'vitest'
import { ifttt } from '../support/fakes/ifttt.ts'
import { allow, iftttSettings, registerService } from '../support/ifttt-settings.ts'
import { startPds } from '../support/pds.ts'
import { comeBack } from '../support/pds-sign-in.ts'
import { startTestServer } from '../support/server.ts'

test('a newcomer connects by handle; the name is the handle, the id is not the DID, and the PDS is needed no more', async () => {
  await using pds = await startPds()
  await using server = await startTestServer({ settings: { ...pds.settings, ...iftttSettings } })
  const platform = ifttt(await registerService(server))
  const alice = await pds.account()
  const visitor = server.visitor()

  const connection = await platform.connect(async (url) => {
    const page = await visitor.submit(await visitor.get(url), '/start/atproto')
    const away = await visitor.submit(page, '/answer', { handle: alice.handle })
    const newcomer = await comeBack(visitor, await pds.login(away.url, alice))
    return allow(visitor, await visitor.submit(newcomer, '/newcomer', { decision: 'create', name: '' }))
  })
  expect(connection.user).toMatchObject({ name: alice.handle, id: expect.not.stringContaining('did:') })

  pds.setMood('refuse')
  connection.access = 'one-that-is-no-more'
  expect(await platform.user(connection)).toEqual(connection.user)
})
