/** Apps that register themselves, as the settings have it: what judges them, and what keeps them. */
import type { Client } from '../../adapters/postgres/clients.ts'
import { type RegistrationModels, reached } from '../../adapters/postgres/oidc-models.ts'
import { newClientId } from '../oidc/client-id.ts'
import { hashClientSecret, isSecretHash, keptHashes } from '../oidc/client-secrets.ts'
import { describedHere, type RegistrationOptions } from '../oidc/registration.ts'
import { registrationLimits } from '../oidc/registration-limits.ts'
import type { Described, StrangersRules } from '../oidc/self-described.ts'
import type { Foundation } from './foundation.ts'
import type { Stores } from './stores.ts'

/** Undefined where nobody may register. */
export function registration(
  { config, now }: Foundation,
  { clients, limits, registrationTokens }: Stores,
  rules: () => Promise<StrangersRules>,
): RegistrationOptions | undefined {
  const mode = config.unverifiedClients.registration
  if (mode === 'closed') return undefined
  const count = registrationLimits(limits, now)
  return {
    tokenDemanded: mode === 'token',
    newClientId,
    rules,
    findToken: (token) => reached(() => registrationTokens.find(token)),
    async findClient(id) {
      const client: Client | undefined = await reached(() => clients.find(id))
      return client?.origin === 'self' ? client : undefined
    },
    // A token says how often it may be used.
    wait: async (address) => (mode === 'token' ? undefined : reached(() => count(address))),
  }
}

/** What the library keeps of such apps; each row of theirs is one of `clients`. */
export function registrationModels(
  { now }: Pick<Foundation, 'now'>,
  { audit, clients, registrationTokens, unverifiedClients }: Stores,
): RegistrationModels {
  const seconds = (time: Date) => Math.floor(time.getTime() / 1000)
  return {
    client: {
      async upsert(id, payload) {
        const client = { id, ...describedHere() }
        const event = { clientId: id, detail: { profile: client.profile, origin: 'self' } }
        const hashes = hashesOf(client, payload)
        if ((await unverifiedClients.change(client, hashes)) !== undefined) {
          return audit.record({ event: 'client.updated', ...event })
        }
        await unverifiedClients.register(client, hashes)
        await audit.record({ event: 'client.added', ...event })
      },
      async destroy(id) {
        await clients.remove(id)
        await audit.record({ event: 'client.removed', clientId: id, detail: { origin: 'self' } })
      },
    },
    managementToken: {
      upsert: (token, payload) => unverifiedClients.setManagementToken(String(payload['clientId']), token),
      async find(token) {
        const found = await unverifiedClients.managedBy(token)
        if (found === undefined) return undefined
        return { jti: token, kind: 'RegistrationAccessToken', clientId: found.id, iat: seconds(found.createdAt) }
      },
      destroy: unverifiedClients.endManagementToken,
    },
    initialToken: {
      // The library asks once for each registration, and that counts.
      async find(token) {
        const counted = await registrationTokens.spend(token)
        return counted ? { jti: token, kind: 'InitialAccessToken', iat: seconds(now()) } : undefined
      },
    },
  }
}

/** What is to be stored of a client's secret: none, where none is used. */
function hashesOf(
  { profile, metadata }: Described,
  { client_secret: secret }: Readonly<Record<string, unknown>>,
): readonly string[] {
  if (typeof secret !== 'string') return []
  const known = secret.split(' ')
  // One that the library has just made; of one that was there before it knows the hashes, and hands them back.
  const made = !known.every(isSecretHash)
  return keptHashes(profile, metadata, made ? [hashClientSecret(secret)] : known)
}
