/**
 * Ways to sign in that refuse browsers inside other apps: whoever chooses one there is asked to open their own browser.
 *
 * Opened there, the address of the page leads to where the sign-in begins again, and so does the address that stands on it.
 */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import { externalBrowserPage } from '../../views/external-browser.ts'
import { PageRefusal } from '../page-refusal.ts'
import type { Desk } from './desk.ts'
import { isEmbeddedBrowser } from './embedded-browser.ts'
import { restartUrl } from './restart.ts'
import { choices } from './ways-in.ts'

export interface OtherBrowserOptions {
  issuer: string
  providers: ReadonlyMap<string, IdentityProvider>
}

export type OtherBrowser = ReturnType<typeof otherBrowser>

export function otherBrowser({ issuer, providers }: OtherBrowserOptions) {
  return {
    /** Whether this way to sign in would refuse this browser. */
    isNeeded(desk: Desk, provider: IdentityProvider): boolean {
      return provider.externalBrowser === true && isEmbeddedBrowser(desk.ctx.get('user-agent'))
    },

    /** Path of the page. */
    path: (desk: Desk, { id }: IdentityProvider): string => desk.path(`browser/${id}`),

    /** The page, for the way with this id. */
    async show(desk: Desk, id: string): Promise<void> {
      const provider = providers.get(id)
      if (provider === undefined) throw new PageRefusal('not-found', 'unknown-provider')
      const address = new URL(restartUrl(desk.params) ?? desk.path(''), issuer)
      desk.show(
        externalBrowserPage(desk.on, {
          providerLabel: provider.label,
          address: address.href,
          anyway: desk.path(`start/${id}/here`),
          cancel: desk.path('cancel'),
          client: desk.client,
          others: choices(desk, providers, id),
        }),
      )
    },
  }
}
