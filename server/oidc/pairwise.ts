/**
 * Who a person is to an app that must not be able to compare notes with others (pairwise subjects, OIDC Core §8.1).
 *
 * Computed, never stored: the same person is the same at all apps of one sector, for as long as the key lives, and nobody
 * without the key can tell whose a subject is. The key is of its own, because `SECRETS` may change and a subject must not.
 */
import { createHmac } from 'node:crypto'
import { type Client, type Configuration, Provider } from 'oidc-provider'

/** The part of the library's configuration; `key`: 32 bytes. */
export function pairwiseSubjects(key: Buffer) {
  return {
    pairwiseIdentifier: (_ctx, accountId, client) =>
      pairwiseSubject(key, String(client.sectorIdentifier ?? ''), accountId),
    // The list at `sector_identifier_uri` is asked for when a client is registered, by a command or by itself; somebody
    // else's outage is no reason to sign nobody in.
    sectorIdentifierUriValidate: () => Provider.ctx?.oidc?.route.startsWith('registration') === true,
  } satisfies Configuration
}

/** By which name a client knows the person with this account. */
export function nameFor(key: Buffer): (client: Client, accountId: string) => string {
  return (client, accountId) =>
    client.subjectType === 'pairwise'
      ? pairwiseSubject(key, String(client.sectorIdentifier ?? ''), accountId)
      : accountId
}

/** 43 characters. Throws `TypeError` for a client without a sector, whose people would be those of every such client. */
export function pairwiseSubject(key: Buffer, sector: string, accountId: string): string {
  if (sector === '') throw new TypeError('pairwise subjects need a sector')
  return createHmac('sha256', key)
    .update(JSON.stringify([sector, accountId]))
    .digest('base64url')
}
