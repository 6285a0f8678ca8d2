/** What registers an app and what changes its registration. */
import type { Client } from '../../adapters/postgres/clients.ts'
import { Refusal } from '../errors.ts'
import { newClientId } from '../oidc/client-id.ts'
import { buildMetadata, type Metadata } from '../oidc/client-metadata.ts'
import { hasSecret, profileOfClient } from '../oidc/client-profile.ts'
import { scopesOf } from '../oidc/client-scopes.ts'
import { hashClientSecret, keptHashes, needsSecret, newClientSecret } from '../oidc/client-secrets.ts'
import { certificateMethods, mutualTlsOf } from '../oidc/mutual-tls.ts'
import { profileOf, profiles } from '../oidc/profiles.ts'
import { describe, description, withSecret } from './client-answer.ts'
import { given, metadataRules } from './client-metadata-options.ts'
import { type Answer, type Context, type Input, UsageError } from './command.ts'
import { existing } from './existing-client.ts'
import { othersOfService } from './same-service.ts'

/** The profiles that an app may have. */
export const choices = Object.values(profiles).filter(({ internal }) => !internal)

export async function add(context: Context, input: Input): Promise<Answer> {
  const profile = profileOf(input.text('profile') ?? '')
  if (profile === undefined || profile.internal) {
    throw new UsageError(`--profile must be one of ${choices.map(({ name }) => name).join(', ')}.`)
  }
  const id = input.text('client-id') ?? newClientId()
  const firstParty = input.flag('first-party')
  const request = { id, profile: profile.name, given: withoutEmpty(given(input)), firstParty }
  refuseUnoffered(context, request.given)
  const metadata = await buildMetadata(request, await metadataRules(context))
  const secret = hasSecret(profileOfClient(profile.name, metadata) ?? profile) ? newClientSecret() : undefined
  const client = await context.clients.add({
    id,
    profile: profile.name,
    firstParty,
    metadata,
    secretHashes: secret === undefined ? [] : [hashClientSecret(secret)],
  })
  if (client === undefined) throw new Refusal('invalid', `The client id "${id}" is taken. Choose another one.`)
  await context.audit.record({ event: 'client.added', clientId: id, detail: { profile: profile.name } })
  const answer = withSecret(client, secret, context.config.issuer)
  const others = othersOfService(client, await context.clients.list())
  return others === undefined ? answer : { ...answer, notice: [answer.notice, others].join(' ') }
}

/** An app that demands what the settings do not offer would be of no use. What an app demanded before is for the doctor. */
function refuseUnoffered({ identityNames, config }: Context, members: Metadata): void {
  const byCertificate = certificateMethods('names').find((one) => one === members['token_endpoint_auth_method'])
  const offered = mutualTlsOf(config.clientCertificates)
  if (byCertificate !== undefined && !certificateMethods(offered).includes(byCertificate)) {
    const missing = offered === 'none' ? 'CLIENT_CERTIFICATE_HEADER' : 'CLIENT_CERTIFICATE_VERIFY_HEADER'
    throw new Refusal('invalid', `Nobody authenticates here by ${byCertificate} without the setting ${missing}.`)
  }
  if (members['tls_client_certificate_bound_access_tokens'] === true && offered === 'none') {
    throw new Refusal(
      'invalid',
      'No token is bound to a certificate here without the setting CLIENT_CERTIFICATE_HEADER.',
    )
  }
  const { required_identity: wanted } = members
  if (wanted === undefined || wanted === '' || identityNames.includes(String(wanted))) return
  throw new Refusal(
    'invalid',
    `No way to sign in here is named ${JSON.stringify(wanted)}. There are: ${identityNames.join(', ')}. More come with the settings.`,
  )
}

export async function update(context: Context, input: Input): Promise<Answer> {
  const client = await existing(context, input)
  refuseUnverified(client, input)
  if (input.flag('first-party') && input.flag('third-party')) {
    throw new UsageError('An app is either --first-party or --third-party.')
  }
  const firstParty = input.flag('first-party') || (input.flag('third-party') ? false : undefined)
  if (input.flag('telegram-qr') && input.flag('no-telegram-qr')) {
    throw new UsageError('An app either has --telegram-qr or --no-telegram-qr.')
  }
  const changes = { ...withOnePlace(given(input)), ...(input.flag('no-telegram-qr') ? { telegram_qr: '' } : {}) }
  if (Object.keys(changes).length === 0 && firstParty === undefined) {
    throw new UsageError('Say what to change.')
  }
  refuseUnoffered(context, changes)
  const before: Metadata = { ...ownMembers(client), scope: scopesOf(client.metadata).join(' ') || undefined }
  const { resource_scopes: _, ...merged } = { ...before, ...changes } as Record<string, unknown>
  const kept = withoutEmpty(merged)
  const request = { id: client.id, profile: client.profile, given: kept, firstParty: firstParty ?? client.firstParty }
  const metadata = await buildMetadata(request, await metadataRules(context))
  const secretHashes = keptHashes(client.profile, metadata, client.secretHashes)
  // A secret that is rotated at this moment is kept, too.
  const dropped = secretHashes.length < client.secretHashes.length ? { secretHashes } : {}
  const updated = await context.clients.update(client.id, metadata, { firstParty, ...dropped })
  if (updated === undefined) throw new Refusal('not-found', 'The client was removed meanwhile.')
  const changed = [...Object.keys(changes), ...(firstParty === undefined ? [] : ['first_party'])]
  await context.audit.record({ event: 'client.updated', clientId: client.id, detail: { changed } })
  const without = needsSecret(updated)
  return {
    json: { ...describe(updated), ...(without ? { needs_secret: true } : {}) },
    text: description(updated),
    ...(without
      ? {
          notice: `The app has no secret and can do nothing without one. Run: habitat-auth client rotate-secret ${client.id}`,
        }
      : {}),
  }
}

/** Keys have one place: where one is named alone, the other is given up. */
function withOnePlace(changes: Metadata): Metadata {
  const { jwks, jwks_uri: address } = changes
  if (jwks && address === undefined) return { ...changes, jwks_uri: '' }
  return address && jwks === undefined ? { ...changes, jwks: '' } : changes
}

/** An empty text is how a member is taken away. */
function withoutEmpty(members: Metadata): Metadata {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== ''))
}

function refuseUnverified({ id, origin }: Client, input: Input): void {
  if (origin === 'document') {
    throw new Refusal('invalid', `What ${id} is says the document at that address, and whoever owns it can change it.`)
  }
  if (origin === 'self' && input.flag('first-party')) {
    throw new Refusal('invalid', 'An app that registered itself is never first-party. Register one with client add.')
  }
}

/** What a profile sets and a client may have otherwise. */
const membersOfChoice = ['token_endpoint_auth_method', 'tls_client_certificate_bound_access_tokens']

/** What was given when the client was registered; what its profile sets follows from what it is to be. */
function ownMembers({ profile, metadata }: Client): Metadata {
  const set = profileOfClient(profile, metadata)
  const made = [...Object.keys(set?.metadata ?? {}), ...(set?.redirectUriOf === undefined ? [] : ['redirect_uris'])]
  const chosen = [
    'scope',
    ...(set?.authMethods === undefined ? [] : membersOfChoice),
    ...(set?.moreGrants === undefined ? [] : ['grant_types']),
  ]
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => chosen.includes(name) || !made.includes(name)))
}
