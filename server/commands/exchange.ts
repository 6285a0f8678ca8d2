/** Commands about which app may exchange whose tokens for what (RFC 8693): nobody may anything that is not allowed here. */
import type { Client } from '../../adapters/postgres/clients.ts'
import type { ExchangePolicy } from '../../adapters/postgres/exchange-policies.ts'
import { Refusal } from '../errors.ts'
import { additionalGrants, grantOptions } from '../oidc/additional-grants.ts'
import { resourceScopesOf } from '../oidc/client-scopes.ts'
import { type Answer, type Command, type Context, type Input, UsageError } from './command.ts'
import { table } from './text.ts'

const client = { type: 'string', value: 'id', summary: 'the app that exchanges' } as const

export const exchangeCommands: readonly Command[] = [
  {
    name: 'exchange allow',
    usage: '--client <id> --from <client or API> --to <API> --scope <scope>...',
    summary: 'let an app exchange tokens of people for tokens for an API',
    details: [
      'The app needs the grant type: client add --grant token-exchange. --from names whose tokens: those that were issued to an app, or those that are for an API. The new token ends with the old one at the latest, and names the app as the one who acts, unless --impersonate.',
      'With --issuer the app gets an assertion for another authorization server that trusts this one (ID-JAG), of its own ID tokens; --client-there is its id at that server.',
      'Saying it again for the same app, source and target replaces what was said.',
    ],
    options: {
      client,
      from: { type: 'string', value: 'client or API', summary: 'whose tokens: an app, or the API that they are for' },
      to: { type: 'string', value: 'API', summary: 'the API that the new tokens are for' },
      scope: { type: 'string', multiple: true, value: 'scope', summary: 'what the new tokens may open' },
      impersonate: { type: 'boolean', summary: 'the new tokens do not say that the app acts for the person' },
      'may-act': { type: 'string', value: 'client', summary: 'the one app that may act with the new tokens in turn' },
      issuer: { type: 'string', value: 'uri', summary: 'another authorization server, instead of --from and --to' },
      'client-there': { type: 'string', value: 'id', summary: 'id of the app at that server' },
      resource: { type: 'string', multiple: true, value: 'uri', summary: 'an API there that the app may name' },
    },
    examples: [
      'exchange allow --client 3f9c2a61d07be4185c02 --from https://orders.example --to https://stock.example --scope stock:read',
      'exchange allow --client 3f9c2a61d07be4185c02 --issuer https://auth.partner.example --client-there app-7 --scope chat.read',
    ],
    run: allow,
  },
  {
    name: 'exchange list',
    usage: '[--client <id>]',
    summary: 'list what may be exchanged',
    options: { client },
    examples: ['exchange list', 'exchange list --json'],
    async run({ exchangePolicies }, input) {
      const all = await exchangePolicies.list(input.text('client'))
      const rows = all.map((it) => [it.id, it.clientId, it.source, it.target, it.scopes.join(' '), remark(it)])
      return {
        json: { policies: all.map(describe) },
        text:
          all.length === 0
            ? ['Nothing may be exchanged.']
            : table(['ID', 'CLIENT', 'FROM', 'TO', 'SCOPES', 'REMARK'], rows),
      }
    },
  },
  {
    name: 'exchange deny',
    usage: '<id>',
    summary: 'take back what exchange allow gave; tokens that were exchanged live until they expire',
    arguments: [1, 1],
    destructive: true,
    examples: ['exchange deny 5b0c9a7e11d2 --dry-run', 'exchange deny 5b0c9a7e11d2'],
    run: deny,
  },
]

function describe(policy: ExchangePolicy): Record<string, unknown> {
  return {
    id: policy.id,
    client_id: policy.clientId,
    kind: policy.kind,
    from: policy.source,
    to: policy.target,
    scopes: policy.scopes,
    impersonate: policy.impersonate,
    may_act: policy.mayAct ?? null,
    client_there: policy.clientThere ?? null,
    resources: policy.resources,
    created_at: policy.createdAt,
  }
}

function remark({ kind, impersonate, mayAct }: ExchangePolicy): string {
  if (kind === 'id-jag') return 'assertion for that server'
  return [impersonate ? 'does not say who acts' : undefined, mayAct && `then ${mayAct} may act`]
    .filter(Boolean)
    .join(', ')
}

async function allow(context: Context, input: Input): Promise<Answer> {
  const app = await exchangingClient(context, input)
  const policy =
    input.text('issuer') === undefined ? await ofToken(context, input, app) : ofAssertion(context, input, app)
  const allowed = await context.exchangePolicies.allow(policy)
  await context.audit.record({
    event: 'exchange.allowed',
    clientId: app.id,
    detail: { from: policy.source, to: policy.target, scope: policy.scopes.join(' '), impersonate: policy.impersonate },
  })
  return { json: describe(allowed), text: [`Allowed as ${allowed.id}.`] }
}

/** The app of `--client`. Throws `Refusal`. */
async function exchangingClient({ clients }: Context, input: Input): Promise<Client> {
  const id = input.text('client')
  if (id === undefined) throw new UsageError('Say which app: --client.')
  const app = await clients.find(id)
  if (app === undefined) throw new Refusal('not-found', `There is no client "${id}". See: habitat-auth client list`)
  const grants = app.metadata['grant_types']
  if (!Array.isArray(grants) || !grants.includes(additionalGrants['token-exchange'])) {
    throw new Refusal(
      'invalid',
      `The app lacks the grant type. Run: habitat-auth client update ${id} ${grantOptions('token-exchange', grants)}`,
    )
  }
  // Whoever holds a token could else be anybody who found it.
  if (app.metadata['token_endpoint_auth_method'] === 'none') {
    throw new Refusal('invalid', 'The app cannot prove who it is: only one with a secret or a key exchanges tokens.')
  }
  return app
}

type NewPolicy = Omit<ExchangePolicy, 'id' | 'createdAt'>

async function ofToken(context: Context, input: Input, app: Client): Promise<NewPolicy> {
  const [source, target, mayAct] = [input.text('from'), input.text('to'), input.text('may-act')]
  if (source === undefined || target === undefined)
    throw new UsageError('Say whose tokens, and for which API: --from and --to.')
  if (input.text('client-there') !== undefined || input.list('resource') !== undefined) {
    throw new UsageError('--client-there and --resource go with --issuer.')
  }
  const scopes = scopesOf(input)
  const [sourceApi, sourceClient, api, next] = await Promise.all([
    context.resources.find(source),
    context.clients.find(source),
    context.resources.find(target),
    mayAct === undefined ? undefined : context.clients.find(mayAct),
  ])
  const registered = resourceScopesOf(app.metadata)
  const problems = [
    ...((sourceApi ?? sourceClient) ? [] : [`There is no client and no API "${source}" (--from).`]),
    ...(api === undefined ? [`There is no API "${target}" (--to). See: habitat-auth resource list`] : []),
    ...(mayAct !== undefined && next === undefined ? [`There is no client "${mayAct}" (--may-act).`] : []),
    ...scopes
      .filter((scope) => api !== undefined && !api.scopes.includes(scope))
      .map((scope) => `The API ${target} has no scope "${scope}".`),
    ...scopes
      .filter((scope) => api?.scopes.includes(scope) === true && !registered.includes(scope))
      .map((scope) => `The app is not registered for the scope "${scope}". See: habitat-auth client update --help`),
    ...(scopes.length === 0 && api !== undefined && api.scopes.length > 0 ? ['Name what may be opened: --scope.'] : []),
  ]
  if (problems.length > 0) throw new Refusal('invalid', problems.join('\n'))
  const impersonate = input.flag('impersonate')
  const said = { clientId: app.id, kind: 'access-token', source, target, scopes } as const
  return { ...said, resources: [], impersonate, mayAct, clientThere: undefined }
}

function ofAssertion({ config }: Context, input: Input, app: Client): NewPolicy {
  const [target = '', clientThere] = [input.text('issuer'), input.text('client-there')]
  const others = ['from', 'to', 'may-act'].some((name) => input.text(name) !== undefined) || input.flag('impersonate')
  if (others) throw new UsageError('With --issuer go --client-there, --scope and --resource.')
  if (clientThere === undefined || clientThere === '')
    throw new UsageError('Say what the app is called there: --client-there.')
  const url = URL.parse(target)
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new Refusal('invalid', 'The issuer must be an address such as https://auth.partner.example (--issuer).')
  }
  if (url.origin === config.issuer) {
    throw new Refusal('invalid', 'That is this server itself: for tokens of its own APIs say --from and --to.')
  }
  const scopes = scopesOf(input)
  if (scopes.length === 0) throw new UsageError('Name what the app may ask for there: --scope.')
  const resources = input.list('resource') ?? []
  // RFC 8707 §2.
  const wrong = resources.find((one) => URL.parse(one) === null || one.includes('#'))
  if (wrong !== undefined) {
    throw new Refusal(
      'invalid',
      `An API there is named by an address such as https://api.example, not ${JSON.stringify(wrong)}.`,
    )
  }
  const said = { clientId: app.id, kind: 'id-jag', source: app.id, target, scopes, resources } as const
  return { ...said, impersonate: false, mayAct: undefined, clientThere }
}

function scopesOf(input: Input): readonly string[] {
  const scopes = [...new Set((input.list('scope') ?? []).flatMap((text) => text.split(/\s+/).filter(Boolean)))]
  // RFC 6749 §3.3: the characters of a scope.
  const wrong = scopes.find((scope) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))
  if (wrong !== undefined) throw new Refusal('invalid', 'A scope has a character that RFC 6749 §3.3 does not allow.')
  return scopes
}

async function deny(context: Context, input: Input): Promise<Answer> {
  const id = input.argument(0) ?? ''
  const known = (await context.exchangePolicies.list()).find((policy) => policy.id === id)
  if (known === undefined) throw new Refusal('not-found', `There is no policy "${id}". See: habitat-auth exchange list`)
  if (input.flag('dry-run')) return { json: { dry_run: true, ...describe(known) }, text: [`Would take back ${id}.`] }
  const denied = await context.exchangePolicies.deny(id)
  if (denied !== undefined) {
    const detail = { from: denied.source, to: denied.target }
    await context.audit.record({ event: 'exchange.denied', clientId: denied.clientId, detail })
  }
  return { json: { dry_run: false, ...describe(known) }, text: [`Took back ${id}.`] }
}
