/** Rows of the table of standards: clients that nobody registered by hand. */
import type { Standard } from './row.ts'

export const unregistered: readonly Standard[] = [
  {
    file: 'rfc7591-dynamic-registration',
    feature: 'Apps that register themselves, by a token or without one',
    document: 'RFC 7591',
    sections: '§2, §3',
    shownBy: 'openid-client',
    on: { settings: { CLIENT_REGISTRATION: 'token' } },
    discovery: { registration_endpoint: '/register' },
  },
  {
    file: 'rfc7592-registration-management',
    feature: 'Apps that read, change and end the registration that they made',
    document: 'RFC 7592',
    sections: '§2, §3',
    shownBy: 'plain HTTP',
    on: { settings: { CLIENT_REGISTRATION: 'token' } },
    discovery: { registration_endpoint: '/register' },
  },
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
