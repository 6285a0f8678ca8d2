/** Whether the two halves of a connection with IFTTT are there: our client for it, and its key for us. */
import type { Client } from '../../adapters/postgres/clients.ts'
import type { Config } from '../config.ts'
import type { Finding } from './finding.ts'

/** Nothing where neither half is there: then IFTTT is not meant. */
export function inspectIfttt(
  clients: readonly Client[],
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
