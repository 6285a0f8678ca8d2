/**
 * What commands say of the API that is built in: it is there whether registered or not, and its identifier decides its
 * scope, token format and lifetime. To register it is to make the client by which the service behind us introspects tokens.
 */
import type { Resource } from '../../adapters/postgres/resources.ts'
import type { Config } from '../config.ts'
import { globalRevocationResource } from '../oidc/global-revocation-resource.ts'
import { iftttPath, iftttResource } from '../oidc/ifttt-resource.ts'
import { shopResource } from '../oidc/shop-resource.ts'

/** The built-in API of this identifier as it is, with what was registered of it; undefined for every other identifier. */
export function builtIn(
  { issuer, productName }: Pick<Config, 'issuer' | 'productName'>,
  identifier: string,
  registered?: Resource,
): Resource | undefined {
  const all = [iftttResource(issuer, productName), shopResource(issuer, productName), globalRevocationResource(issuer)]
  return all.find((own) => identifier === own.identifier)?.resource(registered)
}

/** Why an identifier that is nearly a built-in one cannot be registered, and what to write. */
export function nearlyBuiltIn({ issuer, productName }: Config, identifier: string): string | undefined {
  const own = iftttResource(issuer, productName).identifier
  return identifier !== own && identifier.replace(/\/+$/, '') === own
    ? `The API for IFTTT is named ${own}, without a slash at the end.`
    : undefined
}

/** What to know of an API that has the path of the built-in one at another address; the example of a document, most likely. */
export function namesake({ issuer }: Pick<Config, 'issuer'>, identifier: string): string | undefined {
  const own = issuer + iftttPath
  return identifier !== own && identifier.endsWith(iftttPath)
    ? `IFTTT's tokens are not for this API but for ${own}, and only its client may ask about them.`
    : undefined
}

type Given = Readonly<Partial<Record<'scope' | 'token-format' | 'token-ttl', string | undefined>>>

/** One sentence for each option that would make the built-in API another one. */
export function builtInProblems(api: Resource, given: Given): string[] {
  const set = { scope: api.scopes.join(' '), 'token-format': api.tokenFormat, 'token-ttl': String(api.tokenTtl) }
  return Object.entries(set)
    .filter(([option, value]) => (given[option as keyof Given] ?? value) !== value)
    .map(([option, value]) => `--${option} of ${api.identifier} is "${value}" and cannot be chosen. Leave it out.`)
}
