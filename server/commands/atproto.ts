/** Commands about our client at people's PDSs: the keys by which it proves itself there, and what it declares. */
import { declaredScopes } from '../atproto/declared-scopes.ts'
import { Refusal } from '../errors.ts'
import type { Answer, Command, Context } from './command.ts'
import { table, time } from './text.ts'

export const atprotoCommands: readonly Command[] = [
  {
    name: 'atproto keys',
    usage: '',
    summary: 'list the keys by which this server proves itself to PDSs, without their private part',
    examples: ['atproto keys', 'atproto keys --json'],
    run: list,
  },
  {
    name: 'atproto rotate-key',
    usage: '',
    summary: 'make a new key for PDSs; what is linked keeps working',
    details: [
      'The new key is published at once and used for new links after 15 minutes, when PDSs have seen it. Older keys serve the links that began with them and go with the last one.',
    ],
    examples: ['atproto rotate-key'],
    run: rotate,
  },
  {
    name: 'atproto scopes',
    usage: '',
    summary: 'list the scopes that this server declares to PDSs',
    details: [
      'They follow from ATPROTO_SCOPE and from what the apps are registered for. A PDS may take up to ten minutes to see a new one.',
    ],
    examples: ['atproto scopes'],
    async run({ config, clients }) {
      const scopes = declaredScopes(config.atproto.scope, await clients.resourceScopes())
      return { json: { scopes }, text: scopes }
    },
  },
]

async function list({ atprotoKeys }: Context): Promise<Answer> {
  const all = await atprotoKeys.list()
  return {
    json: {
      keys: all.map(({ kid, createdAt, retiredAt }) => ({ kid, created_at: createdAt, retired_at: retiredAt ?? null })),
    },
    text:
      all.length === 0
        ? ['No key: the server makes one where ISSUER is https.']
        : table(
            ['KEY', 'CREATED', 'RETIRED'],
            all.map(({ kid, createdAt, retiredAt }) => [kid, time(createdAt), time(retiredAt)]),
          ),
  }
}

async function rotate({ atprotoKeys, config, audit }: Context): Promise<Answer> {
  if (!config.issuer.startsWith('https:')) {
    throw new Refusal(
      'invalid',
      'Where ISSUER is http this server is a client without keys: there is nothing to rotate.',
    )
  }
  const kid = await atprotoKeys.rotate()
  await audit.record({ event: 'pds.key-rotated', detail: { kid } })
  return { json: { kid }, text: [`Made the key ${kid}. It is used for new links in 15 minutes.`] }
}
