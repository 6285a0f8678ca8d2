/**
 * Rich authorization requests (RFC 9396): which details are taken, who may ask for them, and what of them a token gets.
 *
 * A type belongs to the one API that declares it. A person agrees to details anew each time, so nothing is remembered:
 * the code takes what its request said, and every token at most that. Refused at the chat, which shows words alone.
 */
import { isDeepStrictEqual } from 'node:util'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { AuthorizationType, Resource } from '../../adapters/postgres/resources.ts'
import { detailFault } from './authorization-types.ts'

export type Detail = Readonly<Record<string, unknown>> & { readonly type: string }

/** A type with the identifier of the API that declares it. */
export interface DeclaredType {
  readonly resource: string
  readonly type: AuthorizationType
}

/** Types by name. */
export type DeclaredTypes = ReadonlyMap<string, DeclaredType>

/** Characters of the parameter, and details in it. */
const most = { characters: 16_384, details: 10 }

/** Members that may be narrowed to some of their values (RFC 9396 §2.2). */
const lists = ['locations', 'actions', 'datatypes', 'privileges']

/** What all APIs declare; of two that name one type the first is believed (`resource add` refuses the second). */
export function declaredTypes(resources: readonly Resource[]): DeclaredTypes {
  const all = resources.flatMap(({ identifier, authorizationTypes = {} }) =>
    Object.entries(authorizationTypes).map(([name, type]) => [name, { resource: identifier, type }] as const),
  )
  return new Map(all.toReversed().toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

/** The library's feature; off where no API declares a type, so that none is advertised. */
export function richRequests(types: DeclaredTypes) {
  return {
    enabled: types.size > 0,
    types: Object.fromEntries(
      [...types].map(([name, declared]) => [
        name,
        { validate: async (ctx: KoaContextWithOIDC, detail: object) => judge(ctx, detail as Detail, declared) },
      ]),
    ),
    authorizationDetailsForGrantSource: async (ctx: KoaContextWithOIDC) =>
      // The consent step asks for these very details each time, and ends in no other way (`rar_prompt`).
      ctx.oidc.result?.consent === undefined ? undefined : detailsOf(ctx.oidc.params),
    authorizationDetailsForAccessToken: async (ctx: KoaContextWithOIDC, token: object, source: object | undefined) => {
      const { aud } = token as { aud?: string }
      const agreed = source === undefined ? detailsOf(ctx.oidc.params) : (source as { rar?: readonly Detail[] }).rar
      const asked = detailsOf(ctx.oidc.params) ?? agreed
      const given = (asked ?? []).filter(({ type }) => types.get(type)?.resource === aud)
      if (!given.every((one) => agreed?.some((whole) => isWithin(one, whole)) === true)) {
        throw new errors.InvalidAuthorizationDetails('these authorization details go beyond what was agreed to')
      }
      return given.length === 0 ? undefined : given
    },
    authorizationDetailsForIntrospection: async (_ctx: KoaContextWithOIDC, token: object) =>
      (token as { rar?: readonly Detail[] }).rar,
    // The types tell apart configurations that are on and off.
  } as never
}

/** The API that the details of a request are for, where the request names none; undefined for several. */
export function resourceOfDetails(
  params: { authorization_details?: unknown } | undefined,
  types: DeclaredTypes,
): string | undefined {
  const named = new Set((detailsOf(params) ?? []).map(({ type }) => types.get(type)?.resource))
  return named.size === 1 ? [...named][0] : undefined
}

/** The details that a request asks for, which the library has read before; undefined where there are none. */
export function detailsOf(params: { authorization_details?: unknown } | undefined): readonly Detail[] | undefined {
  const text = params?.authorization_details
  if (typeof text !== 'string') return undefined
  return JSON.parse(text) as readonly Detail[]
}

function judge({ oidc }: KoaContextWithOIDC, detail: Detail, { resource, type }: DeclaredType): void {
  const refuse = (reason: string): never => {
    throw new errors.InvalidAuthorizationDetails(`authorization details of type '${detail.type}': ${reason}`)
  }
  const text = String(oidc.params?.['authorization_details'])
  // A client that another way than our own registration brought has no such list, and may ask for nothing.
  const { authorizationDetailsTypes = [] } = oidc.client as unknown as { authorizationDetailsTypes?: readonly string[] }
  if (!authorizationDetailsTypes.includes(detail.type)) refuse('this client is not registered for them')
  if (text.length > most.characters || (detailsOf(oidc.params) ?? []).length > most.details) refuse('there is too much')
  if (oidc.route === 'backchannel_authentication') refuse('they are not asked for in a chat')
  const { locations } = detail as { locations?: readonly string[] }
  if (locations?.some((location) => location !== resource)) refuse(`the only location is ${resource}`)
  const named = [oidc.params?.['resource'] ?? []].flat().map(String)
  if (named.length > 0 && !named.includes(resource)) refuse(`they are for ${resource}, which the request does not name`)
  const fault = detailFault(type, detail)
  if (fault !== undefined) refuse(fault)
}

/** Whether a detail says no more than another one: the same, but for fewer values in its lists. */
function isWithin(narrow: Detail, whole: Detail): boolean {
  const names = new Set([...Object.keys(narrow), ...Object.keys(whole)])
  return [...names].every((name) => {
    const [less, more] = [narrow[name], whole[name]]
    if (lists.includes(name) && Array.isArray(less) && Array.isArray(more)) {
      return less.length > 0 && less.every((one) => more.includes(one))
    }
    return isDeepStrictEqual(less, more)
  })
}
