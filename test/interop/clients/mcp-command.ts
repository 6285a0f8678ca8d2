/** The same assistant as a command, for the conformance suite of MCP, whose server of authorization asks nobody. */
import { assistant } from './mcp-assistant.ts'

const { client_id, client_secret } = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as {
  client_id?: string
  client_secret?: string
}
const person = assistant({
  server: process.argv[2] ?? '',
  callback: 'http://localhost:3999/callback',
  client:
    client_id === undefined ? undefined : { client_id, ...(client_secret === undefined ? {} : { client_secret }) },
  // The document that the suite knows.
  metadataUrl: 'https://conformance-test.local/client-metadata.json',
})

async function listTools() {
  return person.withClient(async (client) => {
    const { tools } = await client.listTools()
    for (const { name } of tools) await client.callTool({ name, arguments: {} })
    return tools
  })
}

let answer = await listTools()
for (let rounds = 0; answer instanceof URL && rounds < 3; rounds += 1) {
  const { headers } = await fetch(answer, { redirect: 'manual' })
  await person.finish(new URL(headers.get('location') ?? '').searchParams.get('code') ?? '')
  answer = await listTools()
}
if (answer instanceof URL) throw new Error(`sent to sign in again and again: ${answer}`)
