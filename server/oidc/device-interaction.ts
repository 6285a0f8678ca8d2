/**
 * The way from a confirmed user code into the library's steps: sign-in, consent, and back to the page that says so.
 *
 * An interaction whose first answer is still missing, as the library makes them itself; its route for those who come back
 * takes it up. The library's own way in is a form with a token in the session, of which two tabs overwrite each other's.
 */
import { randomBytes } from 'node:crypto'
import type { Context } from 'koa'
import type { Provider } from 'oidc-provider'
import { devicePath } from './device-flow.ts'

/** Marks a request whose person wants to sign in anew, whoever is signed in. */
export const freshSignIn = 'fresh_sign_in'

/** Seconds; as long as a device code. */
const lifetime = 10 * 60

export interface DeviceRequest {
  /** The id by which the code was found. */
  readonly deviceCode: string
  /** What the client asked for. */
  readonly params: Readonly<Record<string, unknown>>
}

/** Sends the browser on; `fresh`: whoever is signed in, the person signs in. */
export async function beginDeviceInteraction(
  provider: Provider,
  ctx: Context,
  { deviceCode, params }: DeviceRequest,
  { fresh = false } = {},
): Promise<void> {
  const uid = randomBytes(16).toString('base64url')
  const path = `${devicePath}/${uid}`
  const again = fresh || String(params['prompt'] ?? '').includes('login')
  // The types know only the constructor of models in general.
  const Interaction = provider.Interaction as unknown as new (
    uid: string,
    payload: object,
  ) => InstanceType<Provider['Interaction']>
  const interaction = new Interaction(uid, {
    returnTo: `${provider.issuer}${path}`,
    prompt: { name: 'confirmed', reasons: [], details: {} },
    params: { ...params, ...(again ? { [freshSignIn]: 'yes' } : {}) },
    deviceCode,
    cid: uid,
  })
  await interaction.save(lifetime)
  ctx.cookies.set(provider.cookieName('resume'), uid, {
    path,
    signed: true,
    httpOnly: true,
    sameSite: 'lax',
    secure: provider.issuer.startsWith('https:'),
    maxAge: lifetime * 1000,
  })
  ctx.redirect(path)
  ctx.status = 303
}
