/** What the discovery document says of OpenID Connect beyond what the library says by itself (Discovery 1.0 §3). */
import type { Configuration } from 'oidc-provider'
import { languages } from '../../views/words.ts'
import { promptValues } from './account-prompts.ts'

/** Members for the library's `discovery`. */
export function openidDiscovery(registration: 'open' | 'closed') {
  return {
    // Initiating User Registration 1.0 §4.2.
    prompt_values_supported: promptValues(registration),
    // Pages are pages in whatever window: other values of `display` change nothing (OIDC Core §3.1.2.1).
    display_values_supported: ['page'],
    ui_locales_supported: languages,
  } satisfies NonNullable<Configuration['discovery']>
}
