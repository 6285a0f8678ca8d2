/** Which apps do not take what they are told of sign-outs (OpenID Connect Back-Channel Logout). */
import type { FailingReceiver } from '../../adapters/postgres/logout-notices.ts'
import type { Context } from './command.ts'
import type { Finding } from './finding.ts'
import { time } from './text.ts'

/** A warning for each; nothing where all are told. */
export async function inspectSignOuts({ logoutNotices }: Pick<Context, 'logoutNotices'>): Promise<readonly Finding[]> {
  return (await logoutNotices.failing()).map((receiver) => ({
    check: 'sign-outs',
    level: 'warning',
    message: `${receiver.clientId}: ${sentence(receiver)}`,
    remedy:
      'It is tried again for a day. Ask those who run the app, or take the address away (--backchannel-logout-uri "").',
  }))
}

/** What `client show` says of one app, as machines read it and as people do. */
export async function signOutsOf(
  { logoutNotices }: Pick<Context, 'logoutNotices'>,
  clientId: string,
): Promise<{ json: Record<string, unknown>; text: readonly string[] }> {
  const [failing] = await logoutNotices.failing(clientId)
  if (failing === undefined) return { json: {}, text: [] }
  const { waiting, since, problem } = failing
  return { json: { sign_outs: { waiting, since, problem } }, text: [`sign-outs: ${sentence(failing)}`] }
}

function sentence({ waiting, since, problem }: FailingReceiver): string {
  return `It has yet to hear of ${waiting} sign-out(s), since ${time(since)}: ${problem}.`
}
