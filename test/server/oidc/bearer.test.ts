import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { certificateThumbprint } from '../../../server/client-certificate.ts'
import { bearer } from '../../../server/oidc/bearer.ts'
import { dpopNonces } from '../../../server/oidc/dpop-nonce.ts'
import { requestInfo } from '../../../server/request-info.ts'
import { apiTokens } from '../../support/api-tokens.ts'
import { appCertificate, escaped, otherCertificate } from '../../support/certificates.ts'
import { openTestDatabase } from '../../support/database.ts'

const issuer = 'http://localhost:1'
const now = () => new Date()

test('a token that is bound to a certificate opens an API of ours to whoever shows that one (RFC 8705 §3)', async () => {
  await using database = await openTestDatabase()
  const tokens = await apiTokens(database, issuer, now)
  const nonces = dpopNonces(Buffer.alloc(32, 1), now)
  const judge = bearer({ issuer, audience: issuer, provider: () => tokens.provider, nonces, now })
  const proxies = {
    trusted: ['127.0.0.1/32'],
    countryHeader: undefined,
    certificates: { header: 'client-cert', verifyHeader: undefined },
  }
  const api = createServer(async (request, response) => {
    requestInfo(request, proxies)
    const access = await judge.verify(request, '/api', '')
    response.end(access.kind === 'granted' ? 'granted' : `${access.status} ${access.error} ${access.challenges[0]}`)
  })
  await new Promise<void>((done) => api.listen(0, '127.0.0.1', done))
  const ask = async (token: string, certificate?: string) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(certificate === undefined ? {} : { 'client-cert': escaped(certificate) }),
    }
    return (await fetch(`http://127.0.0.1:${(api.address() as AddressInfo).port}/api`, { headers })).text()
  }
  try {
    const bound = await tokens.issue({ certificate: certificateThumbprint(new X509Certificate(appCertificate)) })
    expect(await ask(bound.value, appCertificate)).toBe('granted')
    expect(await ask(bound.value, otherCertificate)).toMatch(/^401 invalid_token Bearer /)
    expect(await ask(bound.value)).toMatch(/^401 invalid_token Bearer /)
    const free = await tokens.issue()
    expect(await ask(free.value, otherCertificate)).toBe('granted')
  } finally {
    await new Promise((done) => api.close(done))
  }
})
