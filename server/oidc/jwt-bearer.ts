/**
 * Assertions of trusted issuers as authorization grants (RFC 7523 §2.1, ID-JAG §4.4): whom another server vouches for is
 * acted for by the client that the assertion is for.
 *
 * Nobody becomes known here: the person must have an account to which the issuer's name for them belongs. An assertion
 * counts once, and there is no refresh token: the issuer is to be asked again, who may have another opinion by then.
 */
import { type Client, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import { additionalGrants } from './additional-grants.ts'
import { type Assertion, type AssertionNeeds, judgeAssertion } from './assertions.ts'
import { exchangedTokens } from './exchanged-tokens.ts'
import { type ProvenKeyNeeds, provenKey } from './proven-key.ts'
import { type FindResourceServer, type Wish, wishOf } from './wish.ts'

export interface JwtBearerNeeds extends AssertionNeeds, ProvenKeyNeeds {
  /** The account that an issuer's name for a person belongs to, if it may be used. */
  readonly accountOf: (provider: string, subject: string) => Promise<string | undefined>
  /** True for exactly one caller per name. */
  readonly claim: (name: string) => Promise<boolean>
  readonly resourceServer: FindResourceServer
  readonly audit: (event: NewAuditEvent) => Promise<void>
  readonly address: (ctx: KoaContextWithOIDC) => string
}

/** Adds the grant to a provider. */
export function addJwtBearer(provider: Provider, needs: JwtBearerNeeds): void {
  provider.registerGrantType(
    additionalGrants['jwt-bearer'],
    async (plainCtx) => {
      const ctx = plainCtx as unknown as KoaContextWithOIDC
      ctx.body = await granted(ctx, provider, needs)
    },
    ['assertion', 'scope', 'resource'],
  )
}

async function granted(ctx: KoaContextWithOIDC, provider: Provider, needs: JwtBearerNeeds) {
  const client = ctx.oidc.client as Client
  const params = ctx.oidc.params ?? {}
  if (client.clientAuthMethod === 'none') throw new errors.UnauthorizedClient('only a client that proves who it is')
  const assertion = await judgeAssertion(needs, client.clientId, params['assertion'])
  const { issuer, subject, id } = assertion
  const accountId = await needs.accountOf(issuer.provider, subject)
  if (accountId === undefined) throw new errors.InvalidGrant('nobody who can be acted for is known by this subject')
  const wish = await limitedWish(provider, needs, client, assertion, params)
  const key = await provenKey(ctx, provider, needs, client)
  if (!isProven(assertion, key)) throw new errors.InvalidGrant('the assertion is bound to a DPoP key; prove that one')
  if (!(await needs.claim(JSON.stringify(['assertion', issuer.issuer, id])))) {
    throw new errors.InvalidGrant('the assertion was used before')
  }
  const { issued_token_type: _, ...body } = await exchangedTokens(ctx, provider, client, {
    accountId,
    wish,
    key,
    refresh: false,
  })
  await needs.audit({
    event: 'assertion.accepted',
    accountId,
    clientId: client.clientId,
    address: needs.address(ctx),
    detail: { issuer: issuer.issuer, kind: assertion.kind, scope: String(body['scope']) },
  })
  return wish.resource === undefined ? body : { ...body, resource: wish.resource.identifier }
}

/** What is asked for, within what the assertion says (ID-JAG §4.4.1): it may be less, never more. */
async function limitedWish(
  provider: Provider,
  needs: JwtBearerNeeds,
  client: Client,
  { claims }: Assertion,
  params: Readonly<Record<string, unknown>>,
): Promise<Wish> {
  const allowed = typeof claims['scope'] === 'string' ? claims['scope'].split(' ') : undefined
  const asked = typeof params['scope'] === 'string' ? params['scope'].split(' ') : allowed
  const scope = asked?.filter((one) => allowed === undefined || allowed.includes(one)).join(' ')
  if (scope === '') throw new errors.InvalidScope('the assertion covers none of these scopes', String(params['scope']))
  const named = claims['resource'] === undefined ? undefined : listOf(claims['resource'])
  const resource = params['resource'] ?? (named?.length === 1 ? named[0] : undefined)
  if (named !== undefined && !named.includes(resource)) {
    throw new errors.InvalidTarget('the assertion is for another resource, or for several: name one of them')
  }
  return wishOf(provider, needs, client, {
    ...(scope === undefined ? {} : { scope }),
    ...(resource === undefined ? {} : { resource }),
  })
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}

/** RFC 7800 §3.1, RFC 9449 §6.1: an assertion that names a key is good for who holds it. */
function isProven({ claims }: Assertion, key: string | undefined): boolean {
  const bound = claims['cnf']
  if (bound === undefined) return true
  const { jkt } = (typeof bound === 'object' && bound !== null ? bound : {}) as { jkt?: unknown }
  return jkt !== undefined && jkt === key
}
