/** A PDS and a directory of DIDs on this machine, with one person: what stands for the AT network in the demonstration. */
import { TestPds, TestPlc } from '@atproto/dev-env'

export interface Host {
  readonly plc: string
  readonly pds: string
  readonly person: { readonly did: string; readonly handle: string; readonly password: string }
  stop(): Promise<void>
}

/** Starts both on free ports. */
export async function startHost(): Promise<Host> {
  const plc = await TestPlc.create({})
  const pds = await TestPds.create({ didPlcUrl: plc.url })
  const account = { handle: 'alice.test', email: 'alice@example.com', password: 'try-the-notes' }
  const answer = await fetch(`${pds.url}/xrpc/com.atproto.server.createAccount`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(account),
  })
  if (!answer.ok) throw new Error(`the PDS did not make the account: ${answer.status} ${await answer.text()}`)
  const { did } = (await answer.json()) as { did: string }
  return {
    plc: plc.url,
    pds: pds.url,
    person: { did, handle: account.handle, password: account.password },
    async stop() {
      await pds.close()
      await plc.close()
    },
  }
}
