#!/usr/bin/env node
/** Runs oktron with settings from the environment: see the README beside this file. */
import { createServer, type RequestListener } from 'node:http'
import { type OktronOptions, oktron } from './oktron.ts'

function need(name: string, what: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new RangeError(`Set ${name}: ${what}.`)
  return value
}

function options(): OktronOptions {
  const key = Buffer.from(need('VAULT_KEY', '32 random bytes in hex, from: openssl rand -hex 32'), 'hex')
  const { TELEGRAM_API: apiRoot, OKTO_RESOURCE: resource, CLIENT_SECRET: secret } = process.env
  return {
    token: need('BOT_TOKEN', 'what BotFather gave you'),
    issuer: need('ISSUER', 'the address of the authorization server'),
    client: {
      id: need('CLIENT_ID', 'what "habitat-auth client add --profile device" printed'),
      ...(secret === undefined ? {} : { secret }),
    },
    web: webOptions(),
    api: need('OKTO_API', 'the address of the API'),
    vault: { folder: process.env['VAULT_DIR'] ?? 'oktron-vault', key },
    log: (line) => console.log(`${new Date().toISOString()} ${line}`),
    ...(apiRoot === undefined ? {} : { apiRoot }),
    ...(resource === undefined ? {} : { resource }),
  }
}

/** Where people's browsers come, if there is a client for that. */
function webOptions(): OktronOptions['web'] {
  const { WEB_CLIENT_ID: id, PUBLIC_URL: given, WEBHOOK_URL: webhook } = process.env
  if (id === undefined) return undefined
  const address = given ?? webhook
  if (address === undefined) throw new RangeError('Set PUBLIC_URL: the https address at which browsers reach oktron.')
  const { origin = '', protocol, hostname } = URL.parse(address) ?? {}
  if (protocol !== 'https:' && hostname !== 'localhost') throw new RangeError('PUBLIC_URL must be an https address.')
  return { address: origin, client: { id, secret: need('WEB_CLIENT_SECRET', 'what was printed with WEB_CLIENT_ID') } }
}

/** Telegram's updates go to the address of the webhook, everything else to the pages. */
function both(webhook: RequestListener, address: string, pages: RequestListener | undefined): RequestListener {
  const { pathname } = new URL(address)
  return (request, response) => {
    const isUpdate = request.method === 'POST' && request.url?.split('?', 1)[0] === pathname
    const answer = isUpdate || pages === undefined ? webhook : pages
    answer(request, response)
  }
}

try {
  const bot = await oktron(options())
  const { WEBHOOK_URL: address, PORT: port = '8080' } = process.env
  const stop = () => void bot.stop().then(() => process.exit(0))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)
  console.log(`Write to https://t.me/${bot.username}`)
  if (address === undefined) {
    if (bot.pages !== undefined) createServer(bot.pages).listen(Number(port))
    await bot.poll()
  } else {
    const secret = need('WEBHOOK_SECRET', '32 to 256 characters, from: openssl rand -hex 32')
    createServer(both(await bot.webhook(address, secret), address, bot.pages)).listen(Number(port))
  }
} catch (error) {
  process.stderr.write(`${error instanceof RangeError ? error.message : String((error as Error).stack ?? error)}\n`)
  process.exit(1)
}
