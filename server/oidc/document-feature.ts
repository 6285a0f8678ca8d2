/**
 * What the library is told of clients that a document describes: that they are offered, and to read none itself.
 *
 * They come from the storage adapter like any other (`client-documents.ts`), because the library would keep them for one
 * process alone and by its own rules.
 */
import type { Configuration } from 'oidc-provider'

export function documentFeature(
  enabled: boolean,
): NonNullable<NonNullable<Configuration['features']>['clientIdMetadataDocument']> {
  return { enabled, ack: 'draft-02', allowFetch: async () => false }
}
