/** A real PDS with one person, in a process of its own; its pages are answered for by the person when the bench asks. */
import { type PdsAccount, startPds } from '../test/support/pds.ts'

export interface PdsStarted {
  readonly url: string
  readonly settings: Record<string, string>
  readonly account: PdsAccount
  /** Of a record that may be read. */
  readonly record: string
}

process.on('disconnect', () => process.exit(0))
const pds = await startPds()
const account = await pds.account()
const token = await pds.accessToken(account)
const written = await fetch(`${pds.url}/xrpc/com.atproto.repo.createRecord`, {
  method: 'POST',
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  body: JSON.stringify({
    repo: account.did,
    collection: 'app.bsky.feed.post',
    record: { $type: 'app.bsky.feed.post', text: 'a small record', createdAt: new Date().toISOString() },
  }),
})
const { uri } = (await written.json()) as { uri: string }
const [, rkey = ''] = /\/([^/]+)$/.exec(uri) ?? []
const query = new URLSearchParams({ repo: account.did, collection: 'app.bsky.feed.post', rkey })

process.on('message', (message: { login: string }) => {
  pds.login(message.login, account).then(
    (back) => process.send?.({ back: back.href }),
    (error: unknown) => process.send?.({ error: String((error as Error).stack ?? error) }),
  )
})
process.send?.({
  url: pds.url,
  settings: pds.settings,
  account,
  record: `/xrpc/com.atproto.repo.getRecord?${query}`,
} satisfies PdsStarted)
