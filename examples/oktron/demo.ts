#!/usr/bin/env node
/**
 * The server, okto's API and oktron on this machine, for a bot of your own: Telegram brings nothing to this machine, so
 * the bot fetches its updates. Client, API and person are made by the same commands that the README names.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Api } from 'grammy'
import { oktoApi, scopes } from '../okto-api/api.ts'
import { Missing, type Ports, present, stage, withDevDependencies } from '../stage.ts'

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

type Signal = NonNullable<Parameters<Api['getMe']>[0]>

/** Seconds that Telegram may take to say whose token it is. */
const patience = 15

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

/** Whether Telegram takes the bot, asked before anything is started. Throws `Missing`; `seconds`: how long it may take. */
export async function askTelegram({ token, apiRoot }: BotAccess, seconds = patience): Promise<void> {
  const grammy = await withDevDependencies(() => import('grammy'))
  const place = apiRoot ?? 'https://api.telegram.org'
  console.log(`Asking ${place} for the bot of this token; that takes ${seconds} seconds at most.`)
  const signal = AbortSignal.timeout(seconds * 1000)
  try {
    await new grammy.Api(token, { apiRoot: place }).getMe(signal as unknown as Signal)
  } catch (error) {
    if (!(error instanceof grammy.GrammyError)) {
      throw new Missing(`${place} does not answer: the demo needs a way to Telegram from this machine.`)
    }
    // A token that has not even the form of one is answered by 404.
    throw new Missing(
      [401, 404].includes(error.error_code)
        ? 'Telegram does not know this bot: set BOT_TOKEN to what BotFather gave you (/token shows it again).'
        : `${place} does not answer as it should (${error.error_code} ${error.description}): try again later.`,
    )
  }
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
    const access = { token, ...(apiRoot === undefined ? {} : { apiRoot }) }
    await askTelegram(access)
    const demo = await startOktronDemo(ports, access)
    return { welcome: welcome(demo), stop: demo.stop }
  })
}
