/** Whether what a connection with IFTTT needs is there: our client for it, its key for us, and a way to ask about tokens. */
import type { Client } from '../../adapters/postgres/clients.ts'
import type { Resource } from '../../adapters/postgres/resources.ts'
import type { Config } from '../config.ts'
import { iftttPath } from '../oidc/ifttt-resource.ts'
import type { Finding } from './finding.ts'
import { idsByService } from './same-service.ts'

/** Nothing where there is neither a client nor a key: then IFTTT is not meant. `api` is what was registered of the built-in API. */
export function inspectIfttt(
  clients: readonly Client[],
  api: Resource | undefined,
  { issuer, iftttServiceKeys }: Pick<Config, 'issuer' | 'iftttServiceKeys'>,
): Finding[] {
  const connected = clients.filter(({ profile, disabledAt }) => profile === 'ifttt' && disabledAt === undefined)
  const keys = iftttServiceKeys.length
  if (connected.length === 0 && keys === 0) return []
  const check = 'ifttt'
  const warnings: Finding[] = []
  if (keys === 0) {
    warnings.push({
      check,
      level: 'warning',
      message: 'IFTTT cannot check or test the service: IFTTT_SERVICE_KEYS is not set.',
      remedy: 'Set it to the service key that the API settings of the service show at IFTTT.',
    })
  }
  if (connected.length === 0) {
    warnings.push({
      check,
      level: 'warning',
      message: 'IFTTT_SERVICE_KEYS is set, but no enabled client of profile ifttt is registered.',
      remedy: 'Run: habitat-auth client add --profile ifttt --service-id <id>',
    })
  }
  for (const [service, ids] of idsByService(connected)) {
    if (ids.length === 1) continue
    warnings.push({
      check,
      level: 'warning',
      message: `${ids.length} clients are for the service ${service}: ${ids.join(', ')}.`,
      remedy:
        'IFTTT uses the one whose id stands in its settings. Run for each of the others: habitat-auth client remove <id>',
    })
  }
  if (connected.length > 0 && api?.clientId === undefined) {
    warnings.push({
      check,
      level: 'warning',
      message: 'A service behind this server cannot ask whose tokens it gets.',
      // Registered once and left without its client, it has to be registered anew.
      remedy: `Run: ${api === undefined ? '' : `habitat-auth resource remove ${issuer}${iftttPath} && `}habitat-auth resource add ${issuer}${iftttPath}`,
    })
  }
  if (!issuer.startsWith('https:')) {
    warnings.push({
      check,
      level: 'warning',
      message: `IFTTT calls https addresses from outside, and ISSUER is ${issuer}.`,
      remedy: 'Give the server a public https address before you enter it at IFTTT.',
    })
  }
  if (warnings.length > 0) return warnings
  return [{ check, level: 'ok', message: `${connected.length} client(s), ${keys} service key(s).` }]
}
