/** Rows of the table of standards: what resource servers need. */
import type { Standard } from './row.ts'

export const resources: readonly Standard[] = [
  {
    file: 'rfc7009-revocation',
    feature: 'Token revocation, of JWT access tokens too',
    document: 'RFC 7009',
    sections: '§2.1, §2.2',
    shownBy: 'openid-client',
    on: 'always',
    discovery: { revocation_endpoint: '/revoke' },
  },
  {
    file: 'mcp-authorization',
    feature: 'Assistants and MCP servers',
    document: 'MCP authorization (2026-07-28)',
    address: 'https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization',
    sections: 'whole',
    shownBy: '@modelcontextprotocol/sdk',
    on: { client: '--profile mcp' },
    discovery: { code_challenge_methods_supported: ['S256'] },
  },
]
