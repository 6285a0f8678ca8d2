/** How the scopes of an API are written on a command line: `name`, several names in one text, or `name=words`. */
import { pdsScope } from '../atproto/scopes.ts'
import { hasInvisible } from '../oidc/client-metadata.ts'
import { openidScopes } from '../oidc/client-scopes.ts'
import { iftttScope } from '../oidc/ifttt-resource.ts'

const maximumDescriptionLength = 200

interface ResourceScopes {
  readonly scopes: readonly string[]
  /** Words for people, by scope. */
  readonly descriptions: Readonly<Record<string, string>>
  /** One sentence for each. */
  readonly problems: readonly string[]
}

/** Reads the values of `--scope`; a scope without `=` keeps the words that stand in `before`. */
export function readScopes(texts: readonly string[], before: Readonly<Record<string, string>> = {}): ResourceScopes {
  const entries = texts.flatMap(readScope)
  const scopes = [...new Set(entries.map(({ scope }) => scope))]
  const given = Map.groupBy(
    entries.filter(({ description }) => description !== undefined),
    ({ scope }) => scope,
  )
  const described = scopes.flatMap((scope) => {
    const description = given.get(scope)?.[0]?.description ?? (Object.hasOwn(before, scope) ? before[scope] : undefined)
    return description === undefined || description === '' ? [] : [[scope, description] as const]
  })
  const twice = [...given].filter(([, all]) => new Set(all.map(({ description }) => description)).size > 1)
  return {
    scopes,
    descriptions: Object.fromEntries(described),
    problems: [
      ...scopes.map(scopeProblem),
      ...described.map(descriptionProblem),
      ...twice.map(([scope]) => `The scope ${JSON.stringify(scope)} is given twice with different words.`),
    ].filter((problem) => problem !== undefined),
  }
}

function readScope(text: string): { scope: string; description?: string }[] {
  const at = text.indexOf('=')
  if (at >= 0) return [{ scope: text.slice(0, at).trim(), description: text.slice(at + 1).trim() }]
  return text
    .split(/\s+/)
    .filter(Boolean)
    .map((scope) => ({ scope }))
}

/** RFC 6749 §3.3: printable ASCII without space, quote and backslash. */
function scopeProblem(scope: string): string | undefined {
  if (!/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/.test(scope)) {
    return `The scope ${JSON.stringify(scope)} may hold only printable ASCII characters without quotes and backslashes (RFC 6749 §3.3). One with words is written alone, as notes:read="Read your notes".`
  }
  if (pdsScope(scope) !== undefined) {
    return `The scope "${scope}" is one of a PDS (atproto) and belongs to no other API. Use a name such as notes:read.`
  }
  if (scope === iftttScope) {
    return `The scope "${scope}" is that of the built-in API for IFTTT and belongs to no other. Use a name such as notes:read.`
  }
  return (openidScopes as readonly string[]).includes(scope)
    ? `The scope "${scope}" is about the person (OpenID Connect) and belongs to no API. Use a name such as notes:read.`
    : undefined
}

function descriptionProblem([scope, description]: readonly [string, string]): string | undefined {
  if (description.length > maximumDescriptionLength) {
    return `The words of the scope "${scope}" have more than ${maximumDescriptionLength} characters.`
  }
  return hasInvisible(description)
    ? `The words of the scope "${scope}" hold a line break or another invisible character. Leave it out.`
    : undefined
}
