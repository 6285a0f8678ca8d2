/**
 * Ends the memory of consent with the last access that it led to, for clients of which the profile says so.
 *
 * Only where the client itself revokes (RFC 7009): what the person or an administrator takes back forgets consent by
 * itself, and a grant that ends because a stolen token was used must not cost the person a question.
 */
import type { Middleware } from 'koa'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { behaviourOf } from './client-behaviour.ts'

export type ForgetConsent = (accountId: string, clientId: string) => Promise<void>

/** A middleware for the provider; `forget` is to spare consent by which another token lives. */
export function consentEnd(forget: ForgetConsent): Middleware {
  return async (plainCtx, next) => {
    await next()
    const { oidc, status } = plainCtx as unknown as KoaContextWithOIDC
    if (oidc?.route !== 'revocation' || status !== 200) return
    const { client, entities } = oidc
    const token = entities.RefreshToken ?? entities.AccessToken
    // Of another client's token the library takes note before it refuses.
    if (client === undefined || token?.accountId === undefined || token.clientId !== client.clientId) return
    if (behaviourOf(client).forgottenWhenRevoked) await forget(token.accountId, client.clientId)
  }
}
