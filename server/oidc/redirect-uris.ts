/**
 * Which redirect URIs a client may register, with the reason in words for whoever registers it.
 *
 * Codes are sent wherever these point, so they are compared as text (RFC 9700 §2.1) and must be written in the one
 * form that a URL parser would write. Stricter than the library, which takes http for any host.
 *
 * Development: a client of profile web or spa may use http on a loopback host when all its redirect URIs do. An app
 * that people use and the copy on a developer's machine are thereby two clients: no code for the first is ever sent
 * to a port that any program on the person's machine may have opened (RFC 8252 §8.3).
 */
import type { Profile } from './profile.ts'

const maximumLength = 2000
const loopbackHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])
const dangerousSchemes: ReadonlySet<string> = new Set([
  'javascript:',
  'vbscript:',
  'data:',
  'blob:',
  'file:',
  'about:',
  'view-source:',
])

/** Whether it is an http URL on this machine. */
export function isLoopback(uri: string): boolean {
  const url = URL.parse(uri)
  return url?.protocol === 'http:' && isLoopbackHost(url.hostname)
}

/** Whether the host of a URL is this machine. */
export function isLoopbackHost(hostname: string): boolean {
  return loopbackHosts.has(hostname)
}

/** What is wrong with one redirect URI for a client of this profile, and what to do; undefined when nothing is. */
export function redirectUriProblem(uri: string, profile: Pick<Profile, 'name' | 'redirectUris'>): string | undefined {
  return shapeProblem(uri) ?? schemeProblem(uri, profile) ?? formProblem(uri)
}

/** What is wrong with the redirect URIs of a client taken together. */
export function redirectUrisProblem(uris: readonly string[], profile: Profile): string | undefined {
  if (profile.redirectUris !== 'web') return undefined
  if (uris.some(isLoopback) && !uris.every(isLoopback)) {
    return 'http on localhost is for development and cannot stand beside the address of an app that people use. Register a client of its own for development.'
  }
  if (profile.confidential) return undefined
  const origins = new Set(uris.map((uri) => URL.parse(uri)?.origin))
  return origins.size > 1
    ? `All redirect URIs of a single-page app must have one origin, not ${[...origins].join(' and ')}. Register a client for each app.`
    : undefined
}

function shapeProblem(uri: string): string | undefined {
  if (uri === '') return 'It is empty.'
  if (uri.length > maximumLength) return `It has more than ${maximumLength} characters.`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are refused
  if (/[\u0000-\u0020\u007f-\uffff\\]/.test(uri)) {
    return 'It holds a space, a backslash, a control character or one outside ASCII. Write such characters percent-encoded.'
  }
  if (uri.includes('#')) return 'It has a fragment (#…), which OAuth does not allow (RFC 6749 §3.1.2). Leave it out.'
  if (uri.includes('*'))
    return 'It has a wildcard. Redirect URIs are compared exactly: register each one (RFC 9700 §2.1).'
  if (!URL.canParse(uri)) return 'It is no absolute URI. Write it in full, such as https://app.example/callback.'
  return undefined
}

function schemeProblem(uri: string, profile: Pick<Profile, 'name' | 'redirectUris'>): string | undefined {
  const { protocol, hostname } = new URL(uri)
  if (dangerousSchemes.has(protocol)) return `The scheme ${protocol} runs or reads something in the browser. Use https.`
  if (protocol === 'https:') return undefined
  if (protocol === 'http:') {
    if (loopbackHosts.has(hostname)) return undefined
    return 'It is http, which anybody on the way can read. Use https; http is only for localhost, 127.0.0.1 and [::1].'
  }
  if (profile.redirectUris !== 'native') {
    const instead = profile.redirectUris === 'loopback' ? 'http on 127.0.0.1' : 'profile native'
    return `The scheme ${protocol} is not for profile ${profile.name}. Use https, or ${instead} for an installed app.`
  }
  return protocol.includes('.')
    ? undefined
    : `The scheme ${protocol} can be claimed by any app. Use a domain of yours in reverse, such as com.example.app: (RFC 8252 §7.1).`
}

function formProblem(uri: string): string | undefined {
  const url = new URL(uri)
  if (url.username !== '' || url.password !== '' || /^[a-z][a-z0-9+.-]*:\/\/[^/?]*@/i.test(uri)) {
    return 'It has a user name or password. Leave them out.'
  }
  // A bare origin may be written without the slash; everything else in the one form that browsers write.
  return url.href === uri || url.href === `${uri}/` ? undefined : `Write it as ${url.href} (it is compared as text).`
}
