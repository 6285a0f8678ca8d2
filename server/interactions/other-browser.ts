/**
 * Ways to sign in that refuse browsers inside other apps: whoever chooses one there is asked to open their own browser.
 *
 * The address of the page stands on it. Opened in another browser it begins the sign-in again, so that whoever lets the app
 * around open it elsewhere, and whoever copies it, both come to where they can go on.
 */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import { externalBrowserPage } from '../../views/external-browser.ts'
import { PageRefusal } from '../page-refusal.ts'
import type { Desk } from './desk.ts'
import { isEmbeddedBrowser } from './embedded-browser.ts'
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

    path,

    /** The page, for the way with this id. */
    async show(desk: Desk, id: string): Promise<void> {
      const provider = providers.get(id)
      if (provider === undefined) throw new PageRefusal('not-found', 'unknown-provider')
      desk.show(
        externalBrowserPage(desk.on, {
          providerLabel: provider.label,
          address: new URL(path(desk, provider), issuer).href,
          anyway: desk.path(isLink(desk) ? 'link/here' : `start/${id}/here`),
          cancel: desk.path('cancel'),
          client: desk.client,
          others: isLink(desk) ? [] : choices(desk, providers, id),
        }),
      )
    },
  }
}

/** Somebody adds this very way to their account: no other one is meant. */
function isLink({ prompt }: Desk): boolean {
  return prompt.name === 'link'
}

/** Path of the page. */
function path(desk: Desk, { id }: IdentityProvider): string {
  return desk.path(`browser/${id}`)
}
