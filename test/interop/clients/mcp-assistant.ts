/** What an app with the official MCP SDK brings itself: where it remembers things, and what it does when more is asked of it. */
import { type OAuthClientProvider, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport, StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'

export interface AssistantOptions {
  server: string
  callback: string
  /** How it is known: by an id that somebody registered, by its document, or else it registers itself. */
  client?: OAuthClientInformationMixed | undefined
  metadataUrl?: string | undefined
}

/** Remembers everything in memory. */
export function assistant({ server, callback, client: registered, metadataUrl }: AssistantOptions) {
  let registration = registered
  let tokens: OAuthTokens | undefined
  let verifier = ''
  let sentTo: URL | undefined
  let transport: StreamableHTTPClientTransport

  const authProvider: OAuthClientProvider = {
    redirectUrl: callback,
    ...(metadataUrl === undefined ? {} : { clientMetadataUrl: metadataUrl }),
    clientMetadata: {
      client_name: 'Assistant',
      redirect_uris: [callback],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
    clientInformation: () => registration,
    saveClientInformation(information) {
      registration = information
    },
    tokens: () => tokens,
    saveTokens(given) {
      tokens = given
    },
    redirectToAuthorization(address) {
      sentTo = address
    },
    saveCodeVerifier(made) {
      verifier = made
    },
    codeVerifier: () => verifier,
  }

  async function withClient<T>(use: (client: Client) => Promise<T>): Promise<T | URL> {
    transport = new StreamableHTTPClientTransport(new URL(server), { authProvider })
    const client = new Client({ name: 'assistant', version: '1.0.0' })
    try {
      await client.connect(transport as Parameters<Client['connect']>[0])
      return await use(client)
    } catch (error) {
      if (error instanceof UnauthorizedError && sentTo !== undefined) return sentTo
      if (!(error instanceof StreamableHTTPError) || error.code !== 403 || tokens?.refresh_token === undefined)
        throw error
      // The SDK answers a challenge for more scopes by renewing what it has; only without a refresh token it asks the person.
      const { refresh_token: _, ...rest } = tokens
      tokens = rest
      return withClient(use)
    } finally {
      await client.close()
    }
  }

  return {
    /** Works with the server, or answers where the person has to go first. */
    withClient,
    /** Comes back from there. */
    finish: (code: string) => transport.finishAuth(code),
    known: () => ({ registration, tokens }),
    /** Forgets the access token, as after its end. */
    loseAccess() {
      if (tokens !== undefined) tokens = { ...tokens, access_token: 'lost' }
    },
  }
}
