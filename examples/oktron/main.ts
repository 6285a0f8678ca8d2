#!/usr/bin/env node
/** Runs oktron with settings from the environment: see the README beside this file. */
import { createServer } from 'node:http'
import { type OktronOptions, oktron } from './oktron.ts'

function need(name: string, what: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new RangeError(`Set ${name}: ${what}.`)
  return value
}

function options(): OktronOptions {
  const key = Buffer.from(need('VAULT_KEY', '32 random bytes in hex, from: openssl rand -hex 32'), 'hex')
  const { TELEGRAM_API: apiRoot, OKTO_RESOURCE: resource } = process.env
  return {
    token: need('BOT_TOKEN', 'what BotFather gave you'),
    issuer: need('ISSUER', 'the address of the authorization server'),
    clientId: need('CLIENT_ID', 'what "habitat-auth client add --profile device" printed'),
    api: need('OKTO_API', 'the address of the API'),
    vault: { folder: process.env['VAULT_DIR'] ?? 'oktron-vault', key },
    log: (line) => console.log(`${new Date().toISOString()} ${line}`),
    ...(apiRoot === undefined ? {} : { apiRoot }),
    ...(resource === undefined ? {} : { resource }),
  }
}

try {
  const bot = await oktron(options())
  const { WEBHOOK_URL: address, PORT: port = '8080' } = process.env
  const stop = () => void bot.stop().then(() => process.exit(0))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)
  console.log(`Write to https://t.me/${bot.username}`)
  if (address === undefined) await bot.poll()
  else {
    const secret = need('WEBHOOK_SECRET', '32 to 256 characters, from: openssl rand -hex 32')
    createServer(await bot.webhook(address, secret)).listen(Number(port))
  }
} catch (error) {
  process.stderr.write(`${error instanceof RangeError ? error.message : String((error as Error).stack ?? error)}\n`)
  process.exit(1)
}
