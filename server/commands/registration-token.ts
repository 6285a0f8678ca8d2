/** Commands about the tokens by which apps register themselves (RFC 7591). */
import { Refusal } from '../errors.ts'
import { profileOf } from '../oidc/profiles.ts'
import { selfDescribedProfiles } from '../oidc/self-described.ts'
import { type Answer, type Command, type Context, type Input, UsageError } from './command.ts'
import { table, time } from './text.ts'

const most = { uses: 1_000, days: 365 }
const day = 24 * 60 * 60 * 1000

export const registrationTokenCommands: readonly Command[] = [
  {
    name: 'registration-token create',
    usage: '--name <for whom> [--profile <profile>] [--uses <n>] [--days <n>]',
    summary: 'make a token by which an app may register itself, and print it, once only',
    details: [
      'It is taken where CLIENT_REGISTRATION is token. What is registered by it is held to the rules for apps that nobody vouches for.',
    ],
    options: {
      name: { type: 'string', value: 'for whom', summary: 'for whom it is, in words' },
      profile: {
        type: 'string',
        value: 'profile',
        summary: `which kind of app is registered: ${selfDescribedProfiles.join(', ')} (default: what the app says of itself)`,
      },
      uses: { type: 'string', value: 'n', summary: `how many apps (default 1, at most ${most.uses})` },
      days: { type: 'string', value: 'n', summary: `how long it may be used (default 7, at most ${most.days})` },
    },
    examples: [
      'registration-token create --name "The partner’s build"',
      'registration-token create --name "Assistants" --profile mcp --uses 20 --days 30 --json',
    ],
    run: create,
  },
  {
    name: 'registration-token list',
    usage: '',
    summary: 'list the tokens that may still be used',
    examples: ['registration-token list', 'registration-token list --json'],
    async run({ registrationTokens }) {
      const all = await registrationTokens.list()
      const rows = all.map((it) => [it.id, it.profile ?? 'any', String(it.usesLeft), time(it.expiresAt), it.name])
      return {
        json: {
          registration_tokens: all.map((it) => ({
            id: it.id,
            name: it.name,
            profile: it.profile ?? null,
            uses_left: it.usesLeft,
            created_at: it.createdAt,
            expires_at: it.expiresAt,
          })),
        },
        text: all.length === 0 ? ['No token.'] : table(['ID', 'PROFILE', 'USES LEFT', 'UNTIL', 'NAME'], rows),
      }
    },
  },
  {
    name: 'registration-token revoke',
    usage: '<id>',
    summary: 'end a token; the apps that were registered by it stay',
    arguments: [1, 1],
    destructive: true,
    examples: ['registration-token revoke 3f9c2a61d07b'],
    run: revoke,
  },
]

async function create(context: Context, input: Input): Promise<Answer> {
  const name = input.text('name')?.trim() ?? ''
  if (name === '' || name.length > 100) throw new UsageError('--name says for whom it is, in at most 100 characters.')
  const profile = input.text('profile')
  if (profile !== undefined && !selfDescribedProfiles.some((it) => it === profileOf(profile)?.name)) {
    throw new UsageError(`--profile must be one of ${selfDescribedProfiles.join(', ')}.`)
  }
  const usesLeft = numberIn(input, 'uses', 1)
  const expiresAt = new Date(context.now().getTime() + numberIn(input, 'days', 7) * day)
  const { id, token } = await context.registrationTokens.add({ name, profile, usesLeft, expiresAt })
  await context.audit.record({ event: 'registration-token.created', detail: { id, name, uses: usesLeft } })
  const closed = context.config.unverifiedClients.registration !== 'token'
  return {
    json: { id, token, name, profile: profile ?? null, uses_left: usesLeft, expires_at: expiresAt },
    text: [`id: ${id}`, `until: ${time(expiresAt)}`, '', `token: ${token}`],
    notice: `The token is shown this once and kept nowhere.${closed ? ' It is taken once CLIENT_REGISTRATION is token.' : ''}`,
  }
}

async function revoke(context: Context, input: Input): Promise<Answer> {
  const id = input.argument(0) ?? ''
  const known = (await context.registrationTokens.list()).find((it) => it.id === id)
  if (known === undefined) throw new Refusal('not-found', `There is no token "${id}". See registration-token list.`)
  if (input.flag('dry-run')) return { json: { dry_run: true, id }, text: [`Would end ${id} (${known.name}).`] }
  await context.registrationTokens.revoke(id)
  await context.audit.record({ event: 'registration-token.revoked', detail: { id } })
  return { json: { dry_run: false, id }, text: [`Ended ${id} (${known.name}).`] }
}

function numberIn(input: Input, option: 'uses' | 'days', usual: number): number {
  const text = input.text(option) ?? String(usual)
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > most[option]) throw new UsageError(`--${option} must be a number from 1 to ${most[option]}.`)
  return value
}
