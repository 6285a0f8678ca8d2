/** An issuer of assertions: keys that can be fetched from this machine, and whatever it is asked to say. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'

export interface AssertionIssuer extends AsyncDisposable {
  readonly issuer: string
  readonly jwksUri: string
  /** How often its keys were fetched. */
  readonly fetched: () => number
  /** An assertion; `undefined` leaves a claim out. */
  say(claims: Record<string, unknown>, options?: { typ?: string; kid?: string; key?: CryptoKey }): Promise<string>
  /** Answers requests for its keys with this status. */
  answer(status: number): void
}

export async function assertionIssuer(issuer: string): Promise<AssertionIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }] })
  const state = { fetched: 0, status: 200 }
  const server = createServer((_request, response) => {
    state.fetched += 1
    response.writeHead(state.status, { 'content-type': 'application/json' }).end(keys)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    issuer,
    jwksUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    fetched: () => state.fetched,
    answer(status) {
      state.status = status
    },
    say(claims, { typ, kid = 'one', key = privateKey } = {}) {
      const now = Math.floor(Date.now() / 1000)
      const all = { iss: issuer, jti: randomUUID(), iat: now, exp: now + 120, ...claims }
      const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
      return new SignJWT(given)
        .setProtectedHeader({ alg: 'ES256', kid, ...(typ === undefined ? {} : { typ }) })
        .sign(key)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
