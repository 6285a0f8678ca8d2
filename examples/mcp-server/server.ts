/**
 * An MCP server behind Habitat Auth, on the official SDK: people's notes as tools.
 *
 * It follows the MCP authorization specification as a resource server: it says who gives tokens for it (RFC 9728), takes
 * only tokens that were made for it (RFC 8707, RFC 9068), and asks for more when a tool needs more (`insufficient_scope`).
 * It keeps no sessions, so each request stands for itself and is judged by its own token.
 */

import { InvalidTokenError, ServerError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { getOAuthProtectedResourceMetadataUrl } from '@modelcontextprotocol/sdk/server/auth/router.js'
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import type { Express, Request, Response } from 'express'
import { accessTokens, scopesOf, type TokenOptions } from '../access-tokens.ts'
import { noteTools, scopes, type Tool } from './tools.ts'

/** What every request needs; the tools may need more. */
const least = ['notes:read']

/** The application; `resource` is its own address, such as https://notes.example/mcp. */
export function mcpServer(options: TokenOptions): Express {
  const address = new URL(options.resource)
  const tools = noteTools()
  const judge = judging(options)
  // Only under its own name, so that no page that a browser shows can reach it by another (DNS rebinding).
  const app = createMcpExpressApp({ allowedHosts: [address.hostname] })
  app.get(new URL(getOAuthProtectedResourceMetadataUrl(address)).pathname, (_request, response) => {
    response.set('access-control-allow-origin', '*').json({
      resource: options.resource,
      authorization_servers: [options.issuer],
      scopes_supported: Object.keys(scopes),
      bearer_methods_supported: ['header'],
      resource_name: 'Notes',
    })
  })
  app.post(address.pathname, (request, response, next) => {
    void judge(neededBy(request.body, tools))(request, response, next)
  })
  app.post(address.pathname, (request, response) => {
    void answer(request, response, tools)
  })
  // There is nothing to listen to and no session to end.
  app.all(address.pathname, (_request, response) => {
    response.status(405).set('allow', 'POST').json({ error: 'method_not_allowed' })
  })
  return app
}

/** A middleware by the scopes that a request needs: each challenge names them all, for the next token has to open the rest, too. */
function judging(options: TokenOptions): (needed: string[]) => ReturnType<typeof requireBearerAuth> {
  const read = accessTokens(options)
  async function verifyAccessToken(token: string): Promise<AuthInfo> {
    const claims = await read(token)
    if (claims === 'unreachable') throw new ServerError('the authorization server does not answer')
    if (claims === 'invalid') throw new InvalidTokenError('the access token does not open this server')
    return {
      token,
      clientId: String(claims['client_id']),
      scopes: [...scopesOf(claims)],
      expiresAt: claims.exp,
      resource: new URL(options.resource),
      extra: { person: claims.sub },
    }
  }
  const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(new URL(options.resource))
  return (requiredScopes) => requireBearerAuth({ verifier: { verifyAccessToken }, requiredScopes, resourceMetadataUrl })
}

/** The scopes that a message needs, read before anybody acts on it. */
function neededBy(body: unknown, tools: readonly Tool[]): string[] {
  const { method, params } = Object(body) as { method?: unknown; params?: { name?: unknown } }
  const tool = method === 'tools/call' ? tools.find(({ name }) => name === params?.name) : undefined
  return [...new Set([...least, ...(tool === undefined ? [] : [tool.scope])])]
}

/** A server for one request. */
async function answer(
  request: Request & { auth?: AuthInfo },
  response: Response,
  tools: readonly Tool[],
): Promise<void> {
  const person = String(request.auth?.extra?.['person'])
  const server = new Server({ name: 'notes', version: '1.0.0' }, { capabilities: { tools: {} } })
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema: { ...inputSchema } })),
  }))
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
    const text = tools.find(({ name }) => name === params.name)?.run(person, params.arguments ?? {})
    return text === undefined
      ? { content: [{ type: 'text', text: 'There is no such tool, or it takes something else.' }], isError: true }
      : { content: [{ type: 'text', text }] }
  })
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  response.on('close', () => void transport.close().then(() => server.close()))
  await server.connect(transport)
  await transport.handleRequest(request, response, request.body)
}
