/** Parameters of an authorization request by which an app says who is meant, beside `login_hint`. */

/** The identity provider whose people each of them names. */
export const providerOfParam = { handle: 'atproto' } as const

/** Their names. */
export const personParams = Object.keys(providerOfParam) as readonly (keyof typeof providerOfParam)[]
