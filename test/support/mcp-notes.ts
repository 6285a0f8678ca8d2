/** The MCP server of the example, on a port of this machine, behind a server of authorization. */
import { once } from 'node:events'
import { mcpServer } from '../../examples/mcp-server/server.ts'
import { freePort } from './server-process.ts'

export interface McpNotes extends AsyncDisposable {
  /** Its address, which is the identifier of the resource. */
  readonly resource: string
}

export async function startMcpNotes(issuer: string): Promise<McpNotes> {
  const port = await freePort()
  const resource = `http://localhost:${port}/mcp`
  const http = mcpServer({ issuer, resource }).listen(port, '127.0.0.1')
  await once(http, 'listening')
  return {
    resource,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
}
