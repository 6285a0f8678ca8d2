#!/usr/bin/env node
/**
 * The server with a person and an app in it, ready to be clicked through.
 *
 * Person and app are made by the same commands that the README names. Needs the dev dependencies (`openid-client`).
 */
import { type Ports, present, stage, withDevDependencies } from '../stage.ts'

export interface Demo {
  readonly issuer: string
  /** Where the example app is. */
  readonly app: string
  readonly email: string
  readonly password: string
  /** Stops both and removes what they kept. */
  stop(): Promise<void>
}

const person = { email: 'demo@example.com', password: 'try-the-demo', name: 'Dana Demo' }

/** Starts server and app on these ports; 0 for any. Throws what listening throws, `DevDependenciesMissing`. */
export async function startDemo(ports: Ports): Promise<Demo> {
  const { exampleApp } = await withDevDependencies(() => import('./app.ts'))
  const { email, password, name } = person
  const { issuer, app, stop } = await stage(ports, {}, async (it) => {
    await it.run(['user', 'add', '--email', email, '--name', name, '--password-stdin'], password)
    const client = await it.run([
      ...['client', 'add', '--profile', 'web', '--name', 'Example app'],
      ...['--redirect-uri', `${it.app}/callback`, '--post-logout-redirect-uri', `${it.app}/`],
      ...['--scope', 'openid', '--scope', 'profile', '--scope', 'email', '--scope', 'offline_access'],
    ])
    it.serve(
      await exampleApp({
        issuer: it.issuer,
        clientId: String(client['client_id']),
        clientSecret: String(client['client_secret']),
        origin: it.app,
        credentials: { email, password },
      }),
    )
  })
  return { issuer, app, email, password, stop }
}

function welcome({ issuer, app, email, password }: Demo): string {
  return `
The demo is ready.

  1. Open   ${app}        (the example app)
  2. Sign in as   ${email}   with the password   ${password}

The server is at ${issuer}. Ctrl-C stops both; nothing is kept.
`
}

if (import.meta.main) {
  await present(async (ports) => {
    const demo = await startDemo(ports)
    return { welcome: welcome(demo), stop: demo.stop }
  })
}
