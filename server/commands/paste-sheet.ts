/** What to enter where at a platform that connects to us, for whoever holds the secret of its client at this moment. */
import type { Client } from '../../adapters/postgres/clients.ts'
import { iftttPath } from '../oidc/ifttt-resource.ts'
import type { ProfileName } from '../oidc/profiles.ts'
import { table } from './text.ts'

interface Sheet {
  readonly json: Readonly<Record<string, unknown>>
  readonly text: readonly string[]
}

type SheetOf = (client: Client, secret: string, issuer: string) => Sheet

const sheets: Partial<Record<ProfileName, SheetOf>> = { ifttt: iftttSheet }

/** The sheet for the platform of a client, by the name of its profile; undefined for clients of no platform. */
export function pasteSheet(client: Client, secret: string, issuer: string): Sheet | undefined {
  return Object.hasOwn(sheets, client.profile)
    ? sheets[client.profile as ProfileName]?.(client, secret, issuer)
    : undefined
}

function iftttSheet(client: Client, secret: string, issuer: string): Sheet {
  const [redirectUri] = client.metadata['redirect_uris'] as readonly [string]
  const sheet = {
    service_id: client.metadata['service_id'],
    client_id: client.id,
    client_secret: secret,
    authorization_url: `${issuer}/authorize`,
    token_url: `${issuer}/token`,
    uses_refresh_tokens: true,
    api_url_prefix: issuer,
    redirect_uri: redirectUri,
    service_key_setting: 'IFTTT_SERVICE_KEYS',
  }
  const rows = [
    ['Authentication', 'client ID', sheet.client_id],
    ['Authentication', 'client secret', sheet.client_secret],
    ['Authentication', 'authorization URL', sheet.authorization_url],
    ['Authentication', 'token URL', sheet.token_url],
    ['Authentication', 'uses refresh tokens', 'on'],
    ['API', 'URL prefix', sheet.api_url_prefix],
  ]
  return {
    json: { ifttt: sheet },
    text: [
      `Enter at IFTTT, in the settings of the service ${String(sheet.service_id)}:`,
      ...table(['', '', ''], rows)
        .slice(1)
        .map((line) => `  ${line}`),
      'Where a service behind this server has an address of its own and passes on what is not for it, that is the prefix.',
      ...(issuer.startsWith('https:')
        ? []
        : [`IFTTT takes https addresses alone: those are for trying on this machine.`]),
      '',
      `Compare with what stands there: the redirect URI is ${redirectUri}.`,
      `If it is another one: habitat-auth client update ${client.id} --service-id <id>`,
      '',
      `Take from there, and start this server again: the service key (API) into ${sheet.service_key_setting}.`,
      '',
      'For the service behind this server, an id and a secret to ask whose tokens it gets:',
      `  habitat-auth resource add ${issuer}${iftttPath}`,
    ],
  }
}
