/** What a provider is told of and asks for beside its store; nothing here costs anything, so that only the store is measured. */
import { iftttResource } from '../server/oidc/ifttt-resource.ts'
import { pdsResource } from '../server/oidc/pds-resource.ts'
import type { ProviderOptions } from '../server/oidc/provider.ts'

/** Those of a server of which nobody wants a PDS, a device or an API. */
export function bystanders(issuer: string) {
  return {
    pdsAccess: { account: async () => undefined, isLinked: async () => true },
    pds: pdsResource({ issuer, ceiling: [], declared: undefined }),
    ifttt: iftttResource(issuer, 'Bench'),
    registration: 'open' as const,
    fetchDocument: async () => Promise.reject(new Error('nothing is asked outside')),
    findIdentities: async () => [],
    findConsent: async () => undefined,
    findResource: async () => undefined,
    onGrantUsed: async () => undefined,
    forgetConsent: async () => undefined,
    signOuts: { endSession: async () => undefined, addNotice: async () => undefined, onNotice: () => undefined },
    address: () => '',
    clientGuesses: { failed: async () => undefined },
    requestLimits: async () => undefined,
    devices: {
      requester: () => ({ address: '' }),
      pages: { connected: () => undefined, ended: () => undefined },
      poll: async () => true,
    },
    backchannel: undefined,
    authorizationTypes: new Map(),
    jwts: { customize: () => undefined, find: async () => undefined },
    onBroken: () => undefined,
  } satisfies Partial<ProviderOptions>
}
