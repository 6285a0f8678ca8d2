/** Who acts for a person, as tokens say it (RFC 8693 §4.1, §4.4): an actor, and who acted before. */
import { type Client, errors } from 'oidc-provider'
import type { ExchangePolicy } from '../../adapters/postgres/exchange-policies.ts'
import { accessTokenType } from './exchanged-tokens.ts'
import type { OwnTokens } from './own-tokens.ts'

/** The claim `act`: the outermost acts, what is inside acted before. */
export interface Actor {
  /** A person as the client knows them, or the id of a client that acts by itself. */
  readonly sub: string
  readonly client_id: string
  readonly act?: Actor
}

/** How many may have acted one after the other: tokens must not grow without end. */
const longest = 4

/** By which name a client knows a person: that of their account, or one of its own (OIDC Core §8). */
export type NameFor = (client: Client, accountId: string) => string

/** The actor that a request names. Throws `InvalidRequest`, `InvalidGrant`. */
export async function actorOf(
  { tokens, nameFor }: { readonly tokens: OwnTokens; readonly nameFor: NameFor },
  client: Client,
  { actor_token: token, actor_token_type: type }: Readonly<Record<string, unknown>>,
): Promise<Actor | undefined> {
  if (token === undefined && type === undefined) return undefined
  if (typeof token !== 'string' || type !== accessTokenType) {
    throw new errors.InvalidRequest(`actor_token and actor_token_type belong together; the type is ${accessTokenType}`)
  }
  const found = await tokens.access(token)
  const { clientId } = client
  if (found === undefined) throw new errors.InvalidGrant('the actor token is not valid, has expired or was revoked')
  // A token that strayed from elsewhere would make anybody the actor.
  if (found.clientId !== clientId) throw new errors.InvalidGrant('the actor token was issued to another client')
  if (found.claims['act'] !== undefined) throw new errors.InvalidRequest('who acts for somebody else is no actor')
  const sub = found.accountId === undefined ? clientId : nameFor(client, found.accountId)
  return { sub, client_id: clientId }
}

/**
 * The claim `act` of the new token: the actor that was named, or the client where the token was another's. Undefined when
 * nobody acts for anybody. Throws `InvalidGrant` when the old token names somebody else who may act (RFC 8693 §4.4).
 */
export function chained(of: {
  /** Claims of the old token. */
  subject: Readonly<Record<string, unknown>>
  /** Who exchanges it. */
  client: string
  /** Whom it was issued to. */
  owner: string
  actor: Actor | undefined
  policy: Pick<ExchangePolicy, 'impersonate'>
}): Actor | undefined {
  const { subject, client, owner, actor, policy } = of
  const itself: Actor = { sub: client, client_id: client }
  if (!allows(subject['may_act'], actor ?? itself)) {
    throw new errors.InvalidGrant('the subject token names somebody else who may act')
  }
  const before = subject['act'] as Actor | undefined
  const acting = actor ?? (policy.impersonate || owner === client ? undefined : itself)
  if (acting === undefined) return before
  if (lengthOf(before) >= longest) throw new errors.InvalidRequest(`at most ${longest} act one after the other`)
  return before === undefined ? acting : { ...acting, act: before }
}

function allows(mayAct: unknown, { sub, client_id }: Actor): boolean {
  if (mayAct === undefined) return true
  if (typeof mayAct !== 'object' || mayAct === null) return false
  const named = { sub, client_id } as Record<string, unknown>
  const entries = Object.entries(mayAct)
  return entries.length > 0 && entries.every(([name, value]) => named[name] === value)
}

function lengthOf(actor: Actor | undefined): number {
  return actor === undefined ? 0 : 1 + lengthOf(actor.act)
}
