/**
 * Websites of other people's apps, on this machine: https, under names that lead nowhere else, with documents that a test
 * puts there. What asked for them is counted.
 */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import type { TestServerOptions } from './server.ts'

export interface DocumentHost extends AsyncDisposable {
  /** Origin of a website: `https://<name>.habitat-apps.dev:<port>`. */
  origin(name: string): string
  /** Puts a document to an address; the text as it is, anything else as JSON. Answers the address. */
  put(address: string, document: unknown, headers?: Record<string, string>, status?: number): string
  /** Puts the document of a client to its id, which is the address; answers the id. */
  client(name: string, metadata?: Record<string, unknown>, headers?: Record<string, string>): string
  /** Addresses that were asked for, in order. */
  readonly asked: string[]
  /** While it is set every answer waits for it. */
  hold: Promise<void> | undefined
  /** For a server that shall find these websites. */
  readonly outside: NonNullable<TestServerOptions['outside']>
  close(): Promise<void>
}

interface Answer {
  status: number
  headers: Record<string, string>
  body: string
}

export async function documentHost(): Promise<DocumentHost> {
  const answers = new Map<string, Answer>()
  const asked: string[] = []
  const server = createServer({ key, cert }, async (request, response) => {
    const address = `https://${request.headers.host}${request.url}`
    asked.push(address)
    await host.hold
    const { status, headers, body } = answers.get(address) ?? { status: 404, headers: {}, body: '' }
    response.writeHead(status, headers).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const before = tls.getCACertificates()
  tls.setDefaultCACertificates([...before, cert])
  const host: DocumentHost = {
    origin: (name) => `https://${name}.habitat-apps.dev:${port}`,
    put(address, document, headers = { 'content-type': 'application/json' }, status = 200) {
      answers.set(address, {
        status,
        headers,
        body: typeof document === 'string' ? document : JSON.stringify(document),
      })
      return address
    },
    client(name, metadata = {}, headers = {}) {
      const id = `${host.origin(name)}/client.json`
      const document = {
        client_id: id,
        client_name: 'Photos',
        redirect_uris: [`${host.origin(name)}/cb`],
        token_endpoint_auth_method: 'none',
        ...metadata,
      }
      return host.put(id, document, { 'content-type': 'application/json', ...headers })
    },
    asked,
    hold: undefined,
    outside: {
      plcUrl: undefined,
      handleResolver: undefined,
      open: true,
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    },
    async close() {
      tls.setDefaultCACertificates(before)
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
    [Symbol.asyncDispose]: () => host.close(),
  }
  return host
}

// Of every name of the host, for a hundred years; they protect nothing.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpX+1wKQvP6zH/fW5
hsPiuBStRzuZ9eITyyz9vQ79CjShRANCAARW/lozcn3o91UvzyEJQzsHTBpnKhkf
6CekZD7IQmvu3k+fnTvt28WtVO+iPVTJCitz6QG1pLNFtzAOBSl6DQS1
-----END PRIVATE KEY-----
`
const cert = `-----BEGIN CERTIFICATE-----
MIIBeDCCAR6gAwIBAgIBATAKBggqhkjOPQQDAjAbMRkwFwYDVQQDDBBoYWJpdGF0
LWFwcHMuZGV2MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAbMRkw
FwYDVQQDDBBoYWJpdGF0LWFwcHMuZGV2MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAEVv5aM3J96PdVL88hCUM7B0waZyoZH+gnpGQ+yEJr7t5Pn5077dvFrVTvoj1U
yQorc+kBtaSzRbcwDgUpeg0EtaNRME8wDwYDVR0TAQH/BAUwAwEB/zAdBgNVHREE
FjAUghIqLmhhYml0YXQtYXBwcy5kZXYwHQYDVR0OBBYEFF7itR9I3bOUG7hJ4ZcU
PKwm5oPAMAoGCCqGSM49BAMCA0gAMEUCIQCIpdeGfBngU7SDgzjDYwQcVbqFygrr
EJoIcbAFQuTKJgIgUN8PflgZd85C+NkFXZtzZDmYH2GWXI60TczW+fXFOGs=
-----END CERTIFICATE-----
`
