/**
 * Websites of other people's apps, on this machine: https, under names that lead nowhere else, with documents that a test
 * puts there. What asked for them is counted.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  const pair = certificate()
  const server = createServer(pair, async (request, response) => {
    const address = `https://${request.headers.host}${request.url}`
    asked.push(address)
    await host.hold
    const { status, headers, body } = answers.get(address) ?? { status: 404, headers: {}, body: '' }
    response.writeHead(status, headers).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const before = tls.getCACertificates()
  tls.setDefaultCACertificates([...before, pair.cert])
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

/** A key and a certificate for every name of the host, for as long as a test may pretend that time passes. */
function certificate(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'habitat-certificate-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  try {
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const named = [
      '-days',
      '36500',
      '-subj',
      '/CN=habitat-apps.dev',
      '-addext',
      'subjectAltName=DNS:*.habitat-apps.dev',
    ]
    execFileSync('openssl', [...made, ...named, '-keyout', key, '-out', cert], { stdio: 'pipe' })
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
