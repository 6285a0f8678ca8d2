/**
 * Identity assertions for another authorization server that trusts this one for signing people in (ID-JAG,
 * draft-ietf-oauth-identity-assertion-authz-grant-04 §4.3): an ID token of the app becomes a signed statement that the app
 * may act there for the person, as far as a policy lets it.
 *
 * It is no access token and opens nothing here. What it is worth there, that server decides.
 */
import { randomUUID } from 'node:crypto'
import { importJWK, SignJWT } from 'jose'
import { type Client, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { ExchangePolicy } from '../../adapters/postgres/exchange-policies.ts'
import type { SigningKey } from '../../adapters/postgres/signing-keys.ts'
import { idJagHeader } from './assertions.ts'
import { type PolicyExchangeNeeds, policyFor, record, type Subject, subjectOf } from './policy-exchange.ts'
import { provenKey } from './proven-key.ts'

export const idJagType = 'urn:ietf:params:oauth:token-type:id-jag'
/** Seconds: it is brought to the other server at once. */
const lifetime = 5 * 60
const algorithm = 'ES256'

export interface IdJagNeeds extends PolicyExchangeNeeds {
  readonly keys: readonly SigningKey[]
}

type Params = Readonly<Record<string, unknown>>

/** Answers a request for an assertion. Throws the library's errors. */
export async function idJag(
  ctx: KoaContextWithOIDC,
  provider: Provider,
  needs: IdJagNeeds,
): Promise<Record<string, unknown>> {
  const client = ctx.oidc.client as Client
  const params = ctx.oidc.params ?? {}
  const { audience } = params
  if (params['subject_token_type'] !== 'urn:ietf:params:oauth:token-type:id_token') {
    throw new errors.InvalidRequest('an assertion about a person is made from an ID token')
  }
  if (typeof audience !== 'string') throw new errors.InvalidRequest('audience must name the other authorization server')
  if (params['actor_token'] !== undefined) throw new errors.InvalidRequest('no actor stands in such an assertion')
  const subject = await subjectOf(needs, client, params)
  const policy = await policyFor(needs, client, subject, { target: audience, kind: 'id-jag' })
  const granted = { scope: scopeOf(params, policy), ...resourceOf(params, policy) }
  const key = await provenKey(ctx, provider, needs, client)
  const assertion = await signed(needs, {
    ...authenticationOf(subject),
    sub: subject.accountId,
    aud: audience,
    client_id: policy.clientThere,
    ...granted,
    ...(key === undefined ? {} : { cnf: { jkt: key } }),
  })
  await record(ctx, needs, { client, subject, target: audience, detail: { scope: granted.scope, assertion: true } })
  return {
    issued_token_type: idJagType,
    access_token: assertion,
    // RFC 8693 §2.2.1: it is no access token.
    token_type: 'N_A',
    expires_in: lifetime,
    scope: granted.scope,
  }
}

async function signed({ issuer, keys, now }: IdJagNeeds, claims: Record<string, unknown>): Promise<string> {
  const key = keys.find(({ alg }) => alg === algorithm)
  if (key === undefined) throw new TypeError(`there is no key for ${algorithm}`)
  const issuedAt = Math.floor(now().getTime() / 1000)
  return new SignJWT({ ...claims, iss: issuer, jti: randomUUID(), iat: issuedAt, exp: issuedAt + lifetime })
    .setProtectedHeader({ alg: algorithm, kid: key.kid, typ: idJagHeader })
    .sign(await importJWK(key as never, algorithm))
}

/** Those that are asked for and allowed; all that are allowed where none are named. */
function scopeOf({ scope }: Params, { scopes }: ExchangePolicy): string {
  if (scope === undefined) return scopes.join(' ')
  const both = scopes.filter((one) => String(scope).split(' ').includes(one))
  if (both.length === 0)
    throw new errors.InvalidScope('this client may ask for none of these scopes there', String(scope))
  return both.join(' ')
}

function resourceOf({ resource }: Params, { resources }: ExchangePolicy): { resource?: string } {
  if (resource === undefined) return {}
  if (typeof resource !== 'string' || !resources.includes(resource)) {
    throw new errors.InvalidTarget('this client may not ask for this resource there')
  }
  return { resource }
}

function authenticationOf({ claims }: Subject): Record<string, unknown> {
  const known = ['auth_time', 'acr', 'amr'].filter((name) => claims[name] !== undefined)
  return Object.fromEntries(known.map((name) => [name, claims[name]]))
}
