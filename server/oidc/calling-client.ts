/**
 * Which app calls an API of ours that is for apps: by its id and its secret, in the header or in the body (RFC 6749
 * §2.3.1), as at the endpoints of the library.
 *
 * Wrong ones are counted as there (`client-guess-limits.ts`). What an app may do then is the caller's to say.
 */
import type { Context } from 'koa'
import type { Client, Provider } from 'oidc-provider'
import { requestInfo } from '../request-info.ts'
import type { ClientGuesses } from './client-guess-limits.ts'

export interface CallingClientOptions {
  provider: () => Provider
  guesses: ClientGuesses
}

export type Caller =
  | { readonly kind: 'client'; readonly client: Client }
  /** `retryAfter` (seconds) says that too many wrong secrets came from there. */
  | { readonly kind: 'refused'; readonly retryAfter: number | undefined }

export interface CallingClient {
  /** `body`: the parameters of the request, where it has some. */
  identify(ctx: Context, body?: (name: string) => string | undefined): Promise<Caller>
}

export function callingClient({ provider, guesses }: CallingClientOptions): CallingClient {
  return {
    async identify(ctx, body = () => undefined) {
      const presented = credentialsOf(ctx, body)
      const client = presented === undefined ? undefined : await provider().Client.find(presented.id)
      const right =
        presented !== undefined && client?.clientSecret !== undefined && (await compared(client, presented.secret))
      if (right) return { kind: 'client', client }
      const { address } = requestInfo(ctx.req)
      const guess = { address, name: presented?.id ?? '', clientId: client?.clientId }
      return { kind: 'refused', retryAfter: await guesses.failed(guess) }
    },
  }
}

/** The types leave this method out; it is ours (`provider.ts`). */
function compared(client: Client, secret: string): Promise<boolean> {
  return (client as unknown as { compareClientSecret(secret: string): Promise<boolean> }).compareClientSecret(secret)
}

interface Credentials {
  readonly id: string
  readonly secret: string
}

/** One way at a time, and each name in it once. */
function credentialsOf(ctx: Context, body: (name: string) => string | undefined): Credentials | undefined {
  const header = ctx.req.headers.authorization
  const [id, secret] = [body('client_id'), body('client_secret')]
  if (header === undefined) return id === undefined || secret === undefined ? undefined : { id, secret }
  const found = secret === undefined ? basicOf(header) : undefined
  return found !== undefined && (id === undefined || id === found.id) ? found : undefined
}

function basicOf(header: string): Credentials | undefined {
  const [, encoded] = /^basic ([A-Za-z0-9+/]+={0,2})$/i.exec(header) ?? []
  const text = Buffer.from(encoded ?? '', 'base64').toString()
  const at = text.indexOf(':')
  if (at < 1) return undefined
  try {
    // RFC 6749 §2.3.1: each part is encoded as in a form.
    const [id = '', secret = ''] = [text.slice(0, at), text.slice(at + 1)].map((part) =>
      decodeURIComponent(part.replaceAll('+', ' ')),
    )
    return { id, secret }
  } catch {
    return undefined
  }
}
