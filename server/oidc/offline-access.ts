/**
 * Lets clients ask for `offline_access` without asking to show the consent page each time.
 *
 * OpenID Connect Core §11 ignores the scope unless `prompt=consent` came with it "or other conditions" hold. Ours: the
 * person has agreed to offline access of this client, now or before; the usual check for missing consent sees to that.
 * The library knows only the first half, so the prompt is added for it and marked as not the client's own wish. Where
 * nothing may be asked (`none`) it cannot be added, and nothing is: the library leaves the scope out.
 */
import { Provider } from 'oidc-provider'

/** Marks a `prompt=consent` that the client did not send. */
export const impliedConsent = 'consent_implied'

/**
 * Adds the marked prompt to authorization requests for `offline_access` that ask for something else or for nothing, wherever
 * their parameters come from: the library asks this of a client when it has them all, before it looks at prompts and scopes.
 */
export function offlineAccess({ Client }: Provider): void {
  const { responseTypeAllowed } = Client.prototype
  Client.prototype.responseTypeAllowed = function (type) {
    const params = Provider.ctx?.oidc.params
    const asks = words(params?.['scope']).includes('offline_access')
    const prompts = words(params?.['prompt'])
    if (params !== undefined && asks && !prompts.includes('none') && !prompts.includes('consent')) {
      params['prompt'] = [...prompts, 'consent'].join(' ')
      params[impliedConsent] = 'yes'
    }
    return responseTypeAllowed.call(this, type)
  }
}

function words(value: unknown): readonly string[] {
  return typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : []
}
