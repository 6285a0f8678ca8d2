/** Rows of the table of standards: clients that nobody registered by hand. */
import type { Standard } from './row.ts'

export const unregistered: readonly Standard[] = [
  {
    file: 'client-id-metadata-document',
    feature: 'Client ids that are the address of a document, which all nodes keep',
    document: 'OAuth Client ID Metadata Document (draft 02)',
    address: 'https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/02/',
    sections: '§3–§6',
    shownBy: 'openid-client',
    on: { settings: { CLIENT_METADATA_DOCUMENTS: 'yes' } },
    discovery: { client_id_metadata_document_supported: true },
  },
]
