/** Whether the issuers at which people sign in can be found, and what they have to know of us. */
import type { Context } from './command.ts'
import type { Finding } from './finding.ts'

/** One finding for each; nothing where there is none. */
export function inspectOtherIssuers({
  otherIssuers,
  config,
}: Pick<Context, 'otherIssuers' | 'config'>): Promise<readonly Finding[]> {
  return Promise.all(
    otherIssuers.map(async ({ id, issuer, examine }): Promise<Finding> => {
      const check = `sign-in ${id}`
      const problem = await examine()
      if (problem !== undefined) {
        return {
          check,
          level: 'problem',
          message: `${issuer} cannot be used: ${problem}.`,
          remedy: 'Check the address in the settings, and whether this machine reaches it.',
        }
      }
      if (new URL(issuer).hostname === new URL(config.issuer).hostname) {
        return {
          check,
          level: 'warning',
          message: `${issuer} has the same host as this server: browsers send the cookies of one to the other (RFC 6265 §8.5), and sessions get lost.`,
          remedy: 'Name the two differently: on one machine, by localhost and 127.0.0.1.',
        }
      }
      const redirectUri = `${config.issuer}/interaction/callback/${id}`
      return { check, level: 'ok', message: `${issuer} answers. It has to know the redirect URI ${redirectUri}` }
    }),
  )
}
