/** Commands about issuers whose assertions about people are taken here (RFC 7523 §2.1, ID-JAG). */
import type { TrustedIssuer } from '../../adapters/postgres/trusted-issuers.ts'
import { Refusal } from '../errors.ts'
import { additionalGrants, grantOptions } from '../oidc/additional-grants.ts'
import { isLoopback } from '../oidc/redirect-uris.ts'
import { type Answer, type Command, type Context, type Input, UsageError } from './command.ts'
import { table } from './text.ts'

export const issuerCommands: readonly Command[] = [
  {
    name: 'issuer trust',
    usage: '<issuer> --jwks-uri <uri> --client <id>... [--provider <name>]',
    summary: 'let apps act for people whom another server vouches for',
    details: [
      'The issuer can then act as everybody who signs in here with it: trust only who may. The apps need the grant type: client add --grant jwt-bearer. People are those who have signed in here with that issuer; nobody is added.',
      'Saying it again replaces what was said.',
    ],
    arguments: [1, 1],
    options: {
      'jwks-uri': { type: 'string', value: 'uri', summary: 'where its keys are' },
      client: { type: 'string', multiple: true, value: 'id', summary: 'an app that may bring its assertions' },
      provider: {
        type: 'string',
        value: 'name',
        summary: 'the way to sign in under which its people are known (default: the one with this issuer)',
      },
    },
    examples: [
      'issuer trust https://idp.example --jwks-uri https://idp.example/jwks --client 3f9c2a61d07be4185c02',
      'issuer trust https://idp.example --jwks-uri https://idp.example/jwks --client 3f9c2a61d07be4185c02 --provider work',
    ],
    run: trust,
  },
  {
    name: 'issuer list',
    usage: '',
    summary: 'list the issuers whose assertions are taken',
    examples: ['issuer list', 'issuer list --json'],
    async run({ trustedIssuers }) {
      const all = await trustedIssuers.list()
      const rows = all.map((it) => [it.issuer, it.provider, it.clients.join(' '), it.jwksUri])
      return {
        json: { issuers: all.map(describe) },
        text: all.length === 0 ? ['No issuer is trusted.'] : table(['ISSUER', 'PEOPLE OF', 'CLIENTS', 'KEYS'], rows),
      }
    },
  },
  {
    name: 'issuer distrust',
    usage: '<issuer>',
    summary: 'take no more assertions of an issuer; tokens that came of some live until they expire',
    arguments: [1, 1],
    destructive: true,
    examples: ['issuer distrust https://idp.example --dry-run', 'issuer distrust https://idp.example'],
    run: distrust,
  },
]

function describe({ issuer, jwksUri, provider, clients, createdAt }: TrustedIssuer): Record<string, unknown> {
  return { issuer, jwks_uri: jwksUri, provider, clients, created_at: createdAt }
}

async function trust(context: Context, input: Input): Promise<Answer> {
  const issuer = input.argument(0) ?? ''
  const [jwksUri, clients] = [input.text('jwks-uri'), input.list('client') ?? []]
  if (jwksUri === undefined) throw new UsageError('Say where its keys are: --jwks-uri.')
  if (clients.length === 0) throw new UsageError('Say which apps may bring its assertions: --client.')
  const provider = input.text('provider') ?? context.otherIssuers.find((it) => it.issuer === issuer)?.id
  const problems = [
    ...addressProblems(context, issuer, 'The issuer'),
    ...addressProblems(context, jwksUri, 'The address of the keys'),
    ...(issuer === context.config.issuer ? ['That is this server itself.'] : []),
    ...providerProblems(context, provider),
    ...(await Promise.all(clients.map((id) => clientProblem(context, id)))).flat(),
  ]
  if (problems.length > 0) throw new Refusal('invalid', problems.join('\n'))
  const said = { issuer, jwksUri, provider: provider ?? '', clients: [...new Set(clients)] }
  const trusted = await context.trustedIssuers.trust(said)
  await context.audit.record({ event: 'issuer.trusted', detail: { ...said } })
  return { json: describe(trusted), text: [`Trusted ${issuer} about people of ${trusted.provider}.`] }
}

/** Plain http only where this server itself is on the same machine. */
function addressProblems({ config }: Context, text: string, what: string): string[] {
  const url = URL.parse(text)
  const local = isLoopback(config.issuer) && isLoopback(text)
  const usable = url !== null && (url.protocol === 'https:' || local) && url.username === '' && url.hash === ''
  return usable ? [] : [`${what} must be an https address such as https://idp.example, not ${JSON.stringify(text)}.`]
}

function providerProblems({ identityNames }: Context, provider: string | undefined): string[] {
  const known = `There are: ${identityNames.join(', ')}.`
  if (provider === undefined) {
    return [
      `Nobody signs in here with this issuer. Name the way to sign in under which its people are known: --provider. ${known}`,
    ]
  }
  return identityNames.includes(provider)
    ? []
    : [`No way to sign in here is named ${JSON.stringify(provider)}. ${known}`]
}

async function clientProblem({ clients }: Context, id: string): Promise<string[]> {
  const client = await clients.find(id)
  if (client === undefined) return [`There is no client "${id}". See: habitat-auth client list`]
  const grants = client.metadata['grant_types']
  return Array.isArray(grants) && grants.includes(additionalGrants['jwt-bearer'])
    ? []
    : [
        `The app ${id} lacks the grant type. Run: habitat-auth client update ${id} ${grantOptions('jwt-bearer', grants)}`,
      ]
}

async function distrust(context: Context, input: Input): Promise<Answer> {
  const issuer = input.argument(0) ?? ''
  const known = await context.trustedIssuers.find(issuer)
  if (known === undefined)
    throw new Refusal('not-found', `The issuer "${issuer}" is not trusted. See: habitat-auth issuer list`)
  const dryRun = input.flag('dry-run')
  if (!dryRun && (await context.trustedIssuers.distrust(issuer))) {
    await context.audit.record({ event: 'issuer.distrusted', detail: { issuer } })
  }
  return { json: { dry_run: dryRun, issuer }, text: [`${dryRun ? 'Would trust' : 'Trusts'} ${issuer} no more.`] }
}
