/**
 * The resource that IFTTT gets tokens for: our Service API, and that of the service behind us.
 *
 * Built in, so that an IFTTT client works as soon as it is registered. Its tokens are opaque and end at once when a person
 * takes them back. An operator who registers the identifier (`resource add`) gets the client by which the service behind
 * us introspects them; nothing else about the resource can be chosen.
 */
import type { Resource } from '../../adapters/postgres/resources.ts'

/** Path of the API below the issuer; IFTTT puts it behind the prefix that a service names. */
export const iftttPath = '/ifttt/v1'

/** The one scope, for all triggers, actions and queries. */
export const iftttScope = 'ifttt'

/** Lifetime of access tokens, seconds; IFTTT renews when it meets a 401. */
const tokenTtl = 60 * 60

export interface IftttResource {
  readonly identifier: string
  /** Whether a request with these scopes that names no resource means this one. */
  isMeant(scopes: Iterable<string>): boolean
  /** The resource as it is, with the introspection client of the one that was registered under its identifier. */
  resource(registered: Resource | undefined): Resource
}

/** `name` is what people see: the product's. */
export function iftttResource(issuer: string, name: string): IftttResource {
  const identifier = issuer + iftttPath
  return {
    identifier,
    isMeant: (scopes) => [...scopes].includes(iftttScope),
    resource: (registered) => ({
      identifier,
      name: registered?.name ?? name,
      scopes: [iftttScope],
      // The pages have words of their own for it.
      scopeDescriptions: {},
      tokenFormat: 'opaque',
      tokenTtl,
      clientId: registered?.clientId,
      createdAt: registered?.createdAt ?? new Date(0),
    }),
  }
}
