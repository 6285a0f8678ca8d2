/**
 * A person's decision on a request for approval (OpenID CIBA §7.3): the grant that comes of it, and what the client is
 * told when it asks.
 *
 * Whether the decision still counts is decided by the storage, in one statement: of two, the first.
 */
import { errors, type Provider } from 'oidc-provider'
import type { Consent } from '../../adapters/postgres/consents.ts'
import { acrOf } from './acr.ts'
import { isOvertaken } from './errors.ts'
import { addTo } from './policy.ts'
import { withOwnIds } from './request-scope.ts'

export interface Allowance {
  readonly given: Consent
  /** How the person was recognised, RFC 8176 names. */
  readonly amr: readonly string[]
}

export type ApprovalDecisions = ReturnType<typeof approvalDecisions>

/** `provider` is that of the moment; requests are named as the storage names them. */
export function approvalDecisions(provider: () => Provider, now: () => Date) {
  return {
    /** `over`: it was decided before, has expired, or the person may not allow it any more. */
    async allow(name: string, { given, amr }: Allowance): Promise<'allowed' | 'over'> {
      return withOwnIds(async () => {
        const request = await provider().BackchannelAuthenticationRequest.find(name)
        const { accountId, clientId } = request ?? {}
        if (request === undefined || accountId === undefined || clientId === undefined) return 'over'
        // Said before, and what followed failed.
        if (request.grantId !== undefined) return 'allowed'
        if ((await provider().Client.find(clientId)) === undefined) return 'over'
        // Each approval has a grant of its own, as each device has: ending one does not end the others.
        const { Grant } = provider()
        const grant = new Grant({ accountId, clientId })
        addTo(grant, given)
        await grant.save()
        const authTime = Math.floor(now().getTime() / 1000)
        const counted = await counts(
          provider().backchannelResult(request, grant, { acr: acrOf(amr), amr: [...amr], authTime }),
        )
        if (!counted) await grant.destroy()
        return counted ? 'allowed' : 'over'
      })
    },

    async deny(name: string): Promise<'denied' | 'over'> {
      return withOwnIds(async () => {
        const request = await provider().BackchannelAuthenticationRequest.find(name)
        const { clientId } = request ?? {}
        if (request === undefined || (await provider().Client.find(String(clientId))) === undefined) return 'over'
        const why = 'the person denied the request'
        // The library forgets the description.
        request.errorDescription = why
        const counted = await counts(provider().backchannelResult(request, new errors.AccessDenied(why)))
        return counted ? 'denied' : 'over'
      })
    },
  }
}

async function counts(decision: Promise<void>): Promise<boolean> {
  try {
    await decision
    return true
  } catch (error) {
    if (isOvertaken(error)) return false
    throw error
  }
}
