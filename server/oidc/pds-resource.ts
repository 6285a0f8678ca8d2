/**
 * The resource of our own: a person's PDS, reached through this server with the token that an app has anyway.
 *
 * Its identifier is the issuer's (RFC 9728), it is meant wherever an app asks for atproto and names no other resource,
 * and what can be allowed there follows from the request, because nobody can list the scopes of all PDSs. Its tokens
 * carry the OpenID scopes too, so that they work at the userinfo endpoint. Knows nothing of links to PDSs.
 */
import { errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider'
import type { Consent } from '../../adapters/postgres/consents.ts'
import { coverage, pdsScope, pdsScopeProblem } from '../atproto/scopes.ts'
import type { Metadata } from './client-metadata.ts'
import { isOpenidScope, resourceScopesOf } from './client-scopes.ts'

export interface PdsResourceOptions {
  issuer: string
  /** The most that may be allowed (`ATPROTO_SCOPE`). */
  ceiling: readonly string[]
  /**
   * The scopes that our client declares to PDSs, which refuse every other text; undefined where the client declares
   * what it asks for as it asks (on a developer's machine).
   */
  declared: (() => Promise<readonly string[]>) | undefined
}

export interface PdsResource {
  readonly identifier: string
  /** Whether a request with these scopes that names no resource means this one. */
  isMeant(scopes: Iterable<string>): boolean
  /** Of the scopes that are asked for, those that a client of this registration may be given, as they were written. */
  allowed(asked: Iterable<string>, registration: Metadata): Promise<readonly string[]>
  /** Of the scopes that are wanted, those that a person has agreed to in whichever words. */
  agreed(wanted: readonly string[], before: Consent | undefined): readonly string[]
  /** What the library wants to know. Throws `InvalidScope` and `InvalidTarget`. */
  info(ctx: KoaContextWithOIDC, registration: Metadata): Promise<ResourceServer>
}

/** Most scopes of a PDS in one request. */
const mostScopes = 100

export function pdsResource({ issuer, ceiling, declared }: PdsResourceOptions): PdsResource {
  const withinCeiling = coverage(ceiling)

  /** Which of the scopes of a PDS may not be given, and why; one sentence. */
  async function objections(asked: readonly string[], registration: Metadata): Promise<Map<string, string>> {
    const registered = coverage(resourceScopesOf(registration))
    const known = await declared?.()
    const found = new Map<string, string>()
    for (const scope of asked) {
      const form = pdsScope(scope)
      if (form === undefined) found.set(scope, pdsScopeProblem(scope) ?? 'It is no scope of a PDS.')
      else if (!registered(form)) found.set(scope, 'This client is not registered for it (habitat-auth client update).')
      else if (!withinCeiling(form)) found.set(scope, 'It is beyond what this server asks of a PDS (ATPROTO_SCOPE).')
      else if (known?.includes(form) === false) {
        found.set(scope, `It has to be registered word for word, as ${form} (habitat-auth client update).`)
      }
    }
    return found
  }

  async function allowed(asked: Iterable<string>, registration: Metadata): Promise<readonly string[]> {
    const scopes = [...new Set(asked)]
    const ofPds = scopes.filter((scope) => pdsScope(scope) !== undefined).slice(0, mostScopes)
    const refused = await objections(ofPds, registration)
    const own = typeof registration['scope'] === 'string' ? registration['scope'].split(' ') : undefined
    return scopes.filter((scope) =>
      isOpenidScope(scope) ? own?.includes(scope) !== false : ofPds.includes(scope) && !refused.has(scope),
    )
  }

  /** An app learns at once what it will not be given; a refusal later would meet a person in the middle of their work. */
  async function refuse(asked: Iterable<string>, registration: Metadata): Promise<void> {
    const scopes = [...new Set(asked)].filter(isForPds)
    if (scopes.length > mostScopes) throw new errors.InvalidScope(`more than ${mostScopes} scopes`, shown(scopes[0]))
    for (const [scope, problem] of await objections(scopes, registration)) {
      throw new errors.InvalidScope(`requested scope is not allowed. ${problem}`, shown(scope))
    }
  }

  return {
    identifier: issuer,
    isMeant: (scopes) => [...scopes].some((scope) => scope === 'atproto' || isForPds(scope)),
    allowed,
    agreed(wanted, before) {
      const covered = coverage(before?.resources[issuer] ?? [])
      return wanted.filter((scope) => (isOpenidScope(scope) ? before?.scopes.includes(scope) : covered(scope)))
    },
    async info(ctx, registration) {
      const { oidc } = ctx
      const grant = oidc.route === 'token' ? oidc.entities.Grant : undefined
      // RFC 6749 §4.4: a program that acts for itself has no PDS.
      if (oidc.route === 'token' && grant === undefined) {
        throw new errors.InvalidTarget('this resource is for apps that act for a person')
      }
      const asked = grant === undefined ? oidc.requestParamScopes : grant.getResourceScope(issuer).split(' ')
      if (grant === undefined) await refuse(asked, registration)
      return {
        scope: (await allowed(asked, registration)).join(' '),
        audience: issuer,
        accessTokenFormat: 'opaque',
      } as ResourceServer
    },
  }
}

/** Whether a text is a scope of a PDS, or permission sets, which an app asks for in good faith. */
function isForPds(scope: string): boolean {
  return pdsScope(scope) !== undefined || scope.startsWith('include:')
}

/** The error goes to the app in an address. */
function shown(scope = ''): string {
  return scope.slice(0, 200)
}
