/** The end of all access of a person, as administrators' programs ask for it. */
import type { Middleware } from 'koa'
import { reached } from '../../adapters/postgres/oidc-models.ts'
import { pdsProvider } from '../atproto/identity.ts'
import { globalRevocationResource, programAccess } from '../oidc/global-revocation-resource.ts'
import type { Subject } from '../oidc/subject-identifiers.ts'
import { globalTokenRevocation } from '../routes/global-token-revocation.ts'
import { otherIssuers } from './other-issuers.ts'
import type { Parts } from './parts.ts'

export function globalRevocation({ foundation, stores, oauth, pds }: Parts): Middleware {
  const { config, now } = foundation
  const { accounts, identities, sessions, grants, audit } = stores
  const { identifier } = globalRevocationResource(config.issuer)
  // What another way proves is not named as its issuer names it.
  const providerOf = new Map(
    otherIssuers({ config, now })
      .filter(({ provider }) => provider.proves === undefined)
      .map(({ provider, issuer }) => [issuer, provider.id]),
  )
  const byId = async (id: string) => ((await accounts.find(id)) === undefined ? [] : [id])
  const byIdentity = async (provider: string, subject: string) => {
    const account = await identities.ownerOf(provider, subject)
    return account === undefined ? [] : [account]
  }

  async function accountsOf(subject: Subject): Promise<readonly string[]> {
    switch (subject.by) {
      case 'id':
        return byId(subject.id)
      case 'did':
        return byIdentity(pdsProvider, subject.did)
      // Whoever wrote that address down: nobody is harmed by signing in again.
      case 'email':
        return (await accounts.byEmail(subject.email)).map(({ id }) => id)
      case 'issuer': {
        if (subject.issuer === config.issuer) return byId(subject.subject)
        const provider = providerOf.get(subject.issuer)
        return provider === undefined ? [] : byIdentity(provider, subject.subject)
      }
    }
  }

  return globalTokenRevocation({
    access: ({ req }) => programAccess(oauth.provider(), req, identifier),
    accountsOf: (subject) => reached(() => accountsOf(subject)),
    async endAll(accountId) {
      const ended = await reached(async () => ({
        sessions: await sessions.revokeByAccount(accountId),
        grants: (await grants.revoke({ accountId })).length,
      }))
      pds.signedOut(accountId)
      pds.accessEnded()
      oauth.logouts.wake()
      return ended
    },
    audit: audit.record,
  })
}
