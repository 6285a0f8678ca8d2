/**
 * Looks an installation over: what is wrong, and what to do about it.
 *
 * Each check stands alone: one that fails does not keep the others from being made. Changes nothing.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { Refusal } from '../errors.ts'
import { buildMetadata } from '../oidc/client-metadata.ts'
import { scopesOf } from '../oidc/client-scopes.ts'
import { needsSecret } from '../oidc/client-secrets.ts'
import { iftttPath } from '../oidc/ifttt-resource.ts'
import { metadataRules } from './client-metadata-options.ts'
import type { Answer, Command, Context } from './command.ts'
import type { Finding } from './finding.ts'
import { inspectIfttt } from './ifttt-findings.ts'
import { inspectOtherIssuers } from './other-issuers-findings.ts'
import { inspectSignOuts } from './sign-out-findings.ts'
import { inspectTelegram } from './telegram-findings.ts'
import { table } from './text.ts'

/** Milliseconds. */
const reachTimeout = 3_000
const tolerableSkew = 2_000
const harmfulSkew = 30_000

export const doctorCommands: readonly Command[] = [
  {
    name: 'doctor',
    usage: '',
    summary: 'look for what is wrong with this installation, and say what to do',
    details: ['Exits with 1 when there is a problem; warnings alone exit with 0.'],
    examples: ['doctor', 'doctor --json'],
    needsNoTables: true,
    async run(context) {
      const database = await inspectDatabase(context)
      const usable = database.every(({ check, level }) => level !== 'problem' || check === 'clock')
      return report([
        { check: 'settings', level: 'ok', message: 'The settings are usable.' },
        ...inspectDataFolder(context),
        ...database,
        ...(usable
          ? [...(await inspectKeys(context)), ...(await inspectClients(context)), ...(await inspectSignOuts(context))]
          : []),
        ...(await inspectIssuer(context)),
        ...(await inspectOtherIssuers(context)),
        ...(await inspectTelegram(context)),
      ])
    },
  },
]

/** The answer that lists findings; exit code 1 when one is a problem. */
export function report(findings: readonly Finding[]): Answer {
  const healthy = findings.every(({ level }) => level !== 'problem')
  return {
    json: { healthy, findings: findings.map(({ remedy, ...finding }) => ({ ...finding, remedy: remedy ?? null })) },
    text: [
      ...table(
        ['', 'CHECK', 'FINDING'],
        findings.map(({ check, level, message, remedy }) => [
          level,
          check,
          remedy === undefined ? message : `${message} ${remedy}`,
        ]),
      ).slice(1),
      healthy ? 'Nothing is wrong.' : 'Something is wrong.',
    ],
    exitCode: healthy ? 0 : 1,
  }
}

function inspectDataFolder({ config }: Context): Finding[] {
  const wanted = [
    { path: config.dataDir, mode: 0o700 },
    { path: join(config.dataDir, 'secrets'), mode: 0o600 },
  ]
  const open = wanted.flatMap(({ path, mode }) => {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined || (found.mode & 0o077) === 0) return []
    return [
      {
        check: 'data folder',
        level: 'problem' as const,
        message: `Others on this machine may read ${path}.`,
        remedy: `Run: chmod ${mode.toString(8)} ${path}`,
      },
    ]
  })
  if (open.length > 0) return open
  return [{ check: 'data folder', level: 'ok', message: `Nobody else reads ${config.dataDir}.` }]
}

async function inspectDatabase({ examination, migrations, config, now }: Context): Promise<Finding[]> {
  const before = now()
  let time: Date
  try {
    time = await examination.databaseTime()
  } catch (error) {
    const remedy =
      config.database.kind === 'postgres'
        ? 'Check that DATABASE_URL is right and that Postgres runs.'
        : 'Check DATA_DIR, or restore it from a backup.'
    return [{ check: 'database', level: 'problem', message: `The database does not answer: ${reason(error)}.`, remedy }]
  }
  const missing = (await migrations.migrations()).filter(({ executedAt }) => executedAt === undefined)
  const names = missing.map(({ name }) => name).join(', ')
  return [
    { check: 'database', level: 'ok', message: 'The database answers.' },
    missing.length === 0
      ? { check: 'migrations', level: 'ok', message: 'Every migration is applied.' }
      : {
          check: 'migrations',
          level: 'problem',
          message: `Not applied: ${names}.`,
          remedy: 'Run: habitat-auth migrate up',
        },
    inspectClock(before, time, now()),
  ]
}

function inspectClock(before: Date, time: Date, after: Date): Finding {
  const skew = Math.max(before.getTime() - time.getTime(), time.getTime() - after.getTime(), 0)
  if (skew <= tolerableSkew) return { check: 'clock', level: 'ok', message: 'The clocks agree.' }
  return {
    check: 'clock',
    level: skew > harmfulSkew ? 'problem' : 'warning',
    message: `The clock of the database is off by ${Math.round(skew / 1000)} s.`,
    remedy: 'Let both machines follow an NTP server: tokens are judged by the time.',
  }
}

async function inspectKeys({ examination }: Context): Promise<Finding[]> {
  const keys = await examination.keysThatOpen()
  const closed = keys.filter(({ opens }) => !opens)
  if (closed.length > 0) {
    return [
      {
        check: 'signing keys',
        level: 'problem',
        message: `SECRETS do not open ${closed.map(({ kid }) => kid).join(', ')}.`,
        remedy: 'Put the secret with which they were sealed back into SECRETS, after the newest one.',
      },
    ]
  }
  if (keys.length > 0) return [{ check: 'signing keys', level: 'ok', message: `${keys.length} key(s), all open.` }]
  return [
    {
      check: 'signing keys',
      level: 'warning',
      message: 'There is none yet.',
      remedy: 'Start the server: it makes them.',
    },
  ]
}

async function inspectClients(context: Context): Promise<Finding[]> {
  const all = await context.clients.list()
  const rules = await metadataRules(context)
  const findings: Finding[] = []
  for (const { id, profile, firstParty, metadata, secretHashes, disabledAt } of all) {
    const warn = (message: string, remedy: string) =>
      findings.push({ check: 'clients', level: 'warning', message: `${id}: ${message}`, remedy })
    if (disabledAt !== undefined) warn('It is disabled.', `Run: habitat-auth client enable ${id} (or remove)`)
    if (needsSecret({ profile, metadata, secretHashes })) {
      warn('It has no secret and cannot get tokens.', `Run: habitat-auth client rotate-secret ${id}`)
    }
    const wanted = metadata['required_identity']
    if (wanted !== undefined && !context.identityNames.includes(String(wanted))) {
      warn(
        `It demands to sign in with ${JSON.stringify(wanted)}, which is not offered here: nobody can sign in to it.`,
        `Put that way into the settings, or run: habitat-auth client update ${id} --required-identity ""`,
      )
    }
    if (context.config.telegram === undefined) {
      const remedy = 'Set TELEGRAM_BOT_TOKEN (docs/telegram.md)'
      if (metadata['approve_in_chat'] === true) {
        warn('It may ask people in Telegram, where this server has no bot.', remedy)
      }
      if (profile === 'mini-app') warn('It is a Mini App in Telegram, and this server has no bot to judge by.', remedy)
    }
    try {
      const { resource_scopes: _, ...given } = metadata
      const scope = scopesOf(metadata).join(' ')
      await buildMetadata({ id, profile, firstParty, given: { ...given, ...(scope === '' ? {} : { scope }) } }, rules)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      warn(error.message.replaceAll('\n', ' '), `Run: habitat-auth client update ${id} (see --help)`)
    }
  }
  const odd: Finding[] =
    findings.length > 0
      ? findings
      : [{ check: 'clients', level: 'ok', message: `${all.length} client(s), none of them odd.` }]
  const api = await context.resources.find(context.config.issuer + iftttPath)
  return [...odd, ...inspectIfttt(all, api, context.config)]
}

async function inspectIssuer({ config }: Context): Promise<Finding[]> {
  const { issuer, production } = config
  const insecure: Finding[] =
    issuer.startsWith('https:') || !production
      ? []
      : [
          {
            check: 'issuer',
            level: 'problem',
            message: `${issuer} is not https.`,
            remedy: 'Put it behind a TLS proxy.',
          },
        ]
  const level = production ? 'problem' : 'warning'
  try {
    const response = await fetch(`${issuer}/.well-known/openid-configuration`, {
      signal: AbortSignal.timeout(reachTimeout),
      redirect: 'error',
    })
    const discovered = response.ok ? ((await response.json()) as { issuer?: unknown }).issuer : undefined
    if (discovered === issuer) return [...insecure, { check: 'issuer', level: 'ok', message: `${issuer} answers.` }]
    const message = `${issuer} is answered by something else (status ${response.status}).`
    return [...insecure, { check: 'issuer', level, message, remedy: 'Check ISSUER and where the TLS proxy leads.' }]
  } catch (error) {
    const message = `${issuer} does not answer: ${reason(error)}.`
    const remedy = 'Start the server, or check ISSUER and the TLS proxy.'
    return [...insecure, { check: 'issuer', level, message, remedy }]
  }
}

/** The innermost message: libraries wrap the telling one. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error.cause instanceof Error) return reason(error.cause)
  const { code } = error as NodeJS.ErrnoException
  return error.message === '' ? (code ?? error.name) : (error.message.split('\n')[0] ?? error.name)
}
