/**
 * The conformance suite of MCP, on the server of the example and on the assistant that the other tests sign in with: so both
 * ends of what we hold against ourselves are held to the specification by somebody else.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { expect, onTestFinished, test } from 'vitest'
import { startMcpNotes } from '../support/mcp-notes.ts'

const suite = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'))
const command = join(import.meta.dirname, 'clients/mcp-command.ts')

/** What the suite says; it writes its results where it is started. */
async function conformance(...options: string[]): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'mcp-conformance-'))
  onTestFinished(() => rm(cwd, { recursive: true }))
  const child = spawn(process.execPath, [suite, ...options], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const [said, complaints] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return child.exitCode === 0 ? `${said}${complaints}` : `exit ${child.exitCode}\n${said}${complaints}`
}

async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  await once(server.listen(0), 'listening')
  onTestFinished(() => void server.close().closeAllConnections())
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

/** The server of the example, with a token added to whatever is sent: the suite knows none. */
async function opened(): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }]
  const issuer = await listen(
    createServer(({ url }, response) => {
      response.end(JSON.stringify(url === '/jwks' ? { keys } : { issuer, jwks_uri: `${issuer}/jwks` }))
    }),
  )
  const notes = await startMcpNotes(issuer)
  onTestFinished(() => notes[Symbol.asyncDispose]())
  const token = await new SignJWT({ scope: 'notes:read notes:write', client_id: 'suite' })
    .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt' })
    .setIssuer(issuer)
    .setAudience(notes.resource)
    .setSubject('dana')
    .setExpirationTime('5m')
    .sign(privateKey)
  const front = createServer((incoming, response) => {
    const headers = { ...incoming.headers, authorization: `Bearer ${token}` }
    const outgoing = send(notes.resource, { method: incoming.method, headers } as object, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    incoming.pipe(outgoing)
  })
  return `${await listen(front)}/mcp`
}

test('the server of the example: initialisation, ping, tools, no rebinding of names', async () => {
  const url = await opened()
  for (const scenario of ['server-initialize', 'ping', 'tools-list', 'dns-rebinding-protection']) {
    expect(await conformance('server', '--url', url, '--scenario', scenario)).toMatch(/Passed: (\d+)\/\1, 0 failed/)
  }
})

test('the assistant of the tests: every scenario of authorization', { timeout: 60_000 }, async () => {
  const said = await conformance('client', '--command', `${process.execPath} ${command}`, '--suite', 'auth')
  expect(said).not.toMatch(/^exit|[1-9]\d* failed/)
  expect(said.match(/✓ auth\//g)?.length).toBeGreaterThan(10)
})
