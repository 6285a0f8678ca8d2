#!/usr/bin/env node
/**
 * The server, a PDS on this machine with a person in it, and an app that keeps notes in that PDS: ready to be clicked
 * through, without the internet. Needs the dev dependencies (`@atproto/dev-env`, `openid-client`).
 */
import { type Ports, present, stage, withDevDependencies } from '../stage.ts'

export interface NotesDemo {
  readonly issuer: string
  readonly app: string
  /** Origin of the PDS. */
  readonly pds: string
  readonly did: string
  readonly handle: string
  readonly password: string
  stop(): Promise<void>
}

/** Starts everything; 0 for any port. Throws what listening throws, `DevDependenciesMissing`. */
export async function startNotesDemo(ports: Ports): Promise<NotesDemo> {
  const { notesApp, scope } = await withDevDependencies(() => import('./app.ts'))
  const { startHost } = await withDevDependencies(() => import('./host.ts'))
  const host = await startHost()
  const { handle, password } = host.person
  const settings = { ATPROTO_PLC_URL: host.plc, ATPROTO_HANDLE_RESOLVER: host.pds }
  try {
    const { issuer, app, stop } = await stage(ports, settings, async (it) => {
      it.whenDone(host.stop)
      const client = await it.run([
        ...['client', 'add', '--profile', 'web', '--name', 'Notes', '--redirect-uri', `${it.app}/callback`],
        ...scope.split(' ').flatMap((one) => ['--scope', one]),
      ])
      it.serve(
        await notesApp({
          issuer: it.issuer,
          clientId: String(client['client_id']),
          clientSecret: String(client['client_secret']),
          origin: it.app,
          credentials: { handle, password },
        }),
      )
    })
    return { issuer, app, pds: host.pds, did: host.person.did, handle, password, stop }
  } catch (error) {
    await host.stop()
    throw error
  }
}

function welcome({ issuer, app, pds, handle, password }: NotesDemo): string {
  return `
The demo is ready.

  1. Open   ${app}        (an app that keeps notes)
  2. Sign in with the handle   ${handle}
  3. At the PDS the password is   ${password}   (tick "Remember this account": it asks twice)

The server is at ${issuer}, the PDS at ${pds}. Ctrl-C stops all; nothing is kept.
`
}

if (import.meta.main) {
  await present(async (ports) => {
    const demo = await startNotesDemo(ports)
    return { welcome: welcome(demo), stop: demo.stop }
  })
}
