/**
 * The grant of one browser session for one client: the token family.
 *
 * Its id follows from session, client and account (and device), so that two tabs that begin at once arrive at one grant; the library
 * keeps one per session and takes tokens of any other for dead. Once revoked it never comes back: what the person allows
 * after that is a new grant with an id of its own.
 */
import { createHash } from 'node:crypto'
import { errors, type Provider } from 'oidc-provider'

export type Grant = InstanceType<Provider['Grant']>

export interface GrantOwner {
  accountId: string
  clientId: string
  /** Of the browser session (not secret). */
  sessionUid: string
  /** The device code that is answered, if one is: what one device is allowed ends without the others. */
  device?: string | undefined
}

/** The grant of this session, or a new one that is not saved yet. */
export async function sessionGrant(
  provider: Provider,
  { accountId, clientId, sessionUid, device }: GrantOwner,
): Promise<Grant> {
  const jti = createHash('sha256')
    .update(JSON.stringify([sessionUid, clientId, accountId, ...(device === undefined ? [] : [device])]))
    .digest('base64url')
  return (await provider.Grant.find(jti)) ?? new provider.Grant({ accountId, clientId, jti } as never)
}

/** Saves a grant; one that was revoked meanwhile is saved as a new one, which is answered then. */
export async function saved(provider: Provider, grant: Grant): Promise<Grant> {
  try {
    await grant.save()
    return grant
  } catch (error) {
    if (!(error instanceof errors.InvalidGrant)) throw error
    const { accountId, clientId, openid, resources } = grant
    const fresh = new provider.Grant({ accountId, clientId, openid, resources } as never)
    await fresh.save()
    return fresh
  }
}
