/**
 * Makes codes and tokens through the library's own models, as an authorization request would have, inside the process
 * that serves them. Reached from the bench only, over the channel between parent and child.
 */
import { createHash } from 'node:crypto'
import type { Provider } from 'oidc-provider'
import type { Artifact, Parties } from './operations.ts'

const scope = 'openid profile email offline_access'
/** Rows that are written side by side. */
const atOnce = 16

/** Makes `count` artifacts, each with a grant of its own, and answers their values. */
export async function stock(
  provider: Provider,
  parties: Parties,
  accountId: string,
  artifact: Artifact,
  count: number,
): Promise<string[]> {
  const client = await provider.Client.find(parties.clientId)
  if (client === undefined) throw new Error('the client of the bench is not registered')
  const made: string[] = []
  const worker = async () => {
    while (made.length + pending < count) {
      pending += 1
      const value = await one()
      pending -= 1
      made.push(value)
    }
  }
  let pending = 0

  async function one(): Promise<string> {
    const grant = new provider.Grant({ accountId, clientId: parties.clientId })
    grant.addOIDCScope(scope)
    const grantId = await grant.save()
    const common = { accountId, client, grantId, scope, expiresWithSession: false, gty: 'authorization_code' } as const
    // The types lag behind what the models take.
    switch (artifact) {
      case 'code':
        return new provider.AuthorizationCode({
          ...common,
          authTime: Math.floor(Date.now() / 1000),
          redirectUri: parties.redirectUri,
          codeChallenge: createHash('sha256').update(parties.codeVerifier).digest('base64url'),
          codeChallengeMethod: 'S256',
        } as never).save()
      case 'refresh token':
        return new provider.RefreshToken({
          ...common,
          authTime: Math.floor(Date.now() / 1000),
          rotations: 0,
          iiat: Math.floor(Date.now() / 1000),
        } as never).save()
      case 'access token':
        return new provider.AccessToken(common as never).save()
    }
  }

  await Promise.all(Array.from({ length: atOnce }, worker))
  return made
}
