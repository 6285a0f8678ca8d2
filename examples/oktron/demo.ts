#!/usr/bin/env node
/**
 * The server, okto's API and oktron on this machine, for a bot of your own: Telegram brings nothing to this machine, so
 * the bot fetches its updates. Client, API and person are made by the same commands that the README names.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { oktoApi, scopes } from '../okto-api/api.ts'
import { type Ports, present, stage, withDevDependencies } from '../stage.ts'

export interface OktronDemo {
  readonly issuer: string
  readonly api: string
  /** The bot's name at Telegram. */
  readonly username: string
  readonly email: string
  readonly password: string
  stop(): Promise<void>
}

export interface BotAccess {
  /** From BotFather. */
  token: string
  /** Another Bot API server than Telegram's. */
  apiRoot?: string
}

const person = { email: 'demo@example.com', password: 'try-the-demo', name: 'Dana Demo' }

/** Starts all three on these ports; 0 for any. Throws what listening throws, and when Telegram refuses the bot. */
export async function startOktronDemo(ports: Ports, access: BotAccess): Promise<OktronDemo> {
  const { oktron } = await withDevDependencies(() => import('./oktron.ts'))
  const { email, password, name } = person
  let username = ''
  const { issuer, app, stop } = await stage(ports, {}, async (it) => {
    await it.run(['user', 'add', '--email', email, '--name', name, '--password-stdin'], password)
    const asked = Object.entries(scopes).flatMap(([scope, words]) => ['--scope', `${scope}=${words}`])
    await it.run(['resource', 'add', it.app, '--name', 'okto', ...asked])
    it.serve(oktoApi({ issuer: it.issuer, resource: it.app, onError: console.error }))
    const wanted = `openid profile ${Object.keys(scopes).join(' ')}`
    const client = await it.run(['client', 'add', '--profile', 'device', '--name', 'oktron', '--scope', wanted])
    const folder = await mkdtemp(join(tmpdir(), 'oktron-'))
    it.whenDone(() => rm(folder, { recursive: true, force: true }))
    const bot = await oktron({
      ...access,
      issuer: it.issuer,
      client: { id: String(client['client_id']) },
      api: it.app,
      vault: { folder, key: randomBytes(32) },
      log: (line) => console.log(`oktron: ${line}`),
    })
    it.whenDone(() => bot.stop())
    username = bot.username
    bot.poll().catch((error: unknown) => console.error(error))
  })
  return { issuer, api: app, username, email, password, stop }
}

function welcome({ issuer, api, username, email, password }: OktronDemo): string {
  return `
The demo is ready: the server at ${issuer}, okto's API at ${api}, and your bot.

  1. Open https://t.me/${username}, press Start, and send /connect.
  2. Open the address that the bot names in a browser on this machine, enter the code,
     and sign in as ${email} with the password ${password}.
  3. Choose a PIN, then try /whoami, /note Buy milk and /disconnect.

Ctrl-C stops all; nothing is kept.
`
}

if (import.meta.main) {
  await present(async (ports) => {
    const { BOT_TOKEN: token, TELEGRAM_API: apiRoot } = process.env
    if (token === undefined || token === '') {
      throw new RangeError(
        'The demo needs a bot of yours: write /newbot to https://t.me/BotFather and set BOT_TOKEN to what it gives you.',
      )
    }
    const demo = await startOktronDemo(ports, { token, ...(apiRoot === undefined ? {} : { apiRoot }) })
    return { welcome: welcome(demo), stop: demo.stop }
  })
}
