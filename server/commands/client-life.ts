/** What happens to an app after it was registered: a new secret, a pause, its end. */
import { Refusal } from '../errors.ts'
import { hasSecret, profileOfClient } from '../oidc/client-profile.ts'
import { hashClientSecret, newClientSecret } from '../oidc/client-secrets.ts'
import { describe, withSecret } from './client-answer.ts'
import type { Answer, Context, Input } from './command.ts'
import { existing } from './existing-client.ts'

export async function rotateSecret(context: Context, input: Input): Promise<Answer> {
  const client = await existing(context, input)
  const profile = profileOfClient(client.profile, client.metadata)
  if (profile === undefined || !hasSecret(profile)) {
    const method = String(profile?.metadata['token_endpoint_auth_method'])
    const why =
      profile?.confidential === true ? `It proves who it is by ${method}` : `It is of profile ${client.profile}`
    throw new Refusal('invalid', `This client has no secret. ${why}.`)
  }
  const revokeOld = input.flag('revoke-old')
  const consequence = revokeOld
    ? 'every older secret ends at once'
    : 'the newest secret so far stays valid, an older one ends'
  if (input.flag('dry-run')) {
    return {
      json: { dry_run: true, client_id: client.id, revoke_old: revokeOld },
      text: [`Would make a new secret for ${client.id}; ${consequence}.`],
    }
  }
  const secret = newClientSecret()
  const rotated = await context.clients.rotateSecret(client.id, hashClientSecret(secret), { revokeOld })
  if (rotated === undefined) throw new Refusal('not-found', 'The client was removed meanwhile.')
  await context.audit.record({ event: 'client.secret-rotated', clientId: client.id, detail: { revokeOld } })
  return withSecret(rotated, secret, context.config.issuer)
}

export async function setDisabled(context: Context, input: Input, disabled: boolean): Promise<Answer> {
  const client = await existing(context, input)
  if (disabled && input.flag('dry-run')) {
    return { json: { dry_run: true, client_id: client.id }, text: [`Would disable ${client.id}.`] }
  }
  const changed = await (disabled ? context.clients.disable(client.id) : context.clients.enable(client.id))
  if (changed === undefined) throw new Refusal('not-found', 'The client was removed meanwhile.')
  const event = disabled ? 'client.disabled' : 'client.enabled'
  await context.audit.record({ event, clientId: client.id })
  return { json: describe(changed), text: [`${disabled ? 'Disabled' : 'Enabled'} ${client.id}.`] }
}

export async function remove(context: Context, input: Input): Promise<Answer> {
  const client = await existing(context, input)
  const [grants, resources] = await Promise.all([
    context.grants.list({ clientId: client.id }),
    context.resources.byClient(client.id),
  ])
  const name = `${client.id} (${String(client.metadata['client_name'] ?? '')})`
  const counts = { client_id: client.id, grants: grants.length, resources: resources.map((it) => it.identifier) }
  const orphans = resources.map((it) => `${it.identifier} will have no client that may introspect its tokens.`)
  if (input.flag('dry-run')) {
    return {
      json: { dry_run: true, ...counts },
      text: [`Would remove ${name} and ${grants.length} grant(s).`, ...orphans],
    }
  }
  await context.clients.remove(client.id)
  await context.audit.record({ event: 'client.removed', clientId: client.id })
  return { json: { dry_run: false, ...counts }, text: [`Removed ${name} and ${grants.length} grant(s).`, ...orphans] }
}
