/** The client by which the account pages sign people in; built in, because the server is its own app. */

export const accountClientId = 'habitat-account'

/** Its metadata, which stand in no row. */
export function accountClient(issuer: string) {
  return {
    client_id: accountClientId,
    client_name: 'Account',
    profile: 'spa',
    first_party: true,
    application_type: 'web',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    redirect_uris: [`${issuer}/account/signed-in`],
    post_logout_redirect_uris: [`${issuer}/`],
    scope: 'openid',
  } as const
}
