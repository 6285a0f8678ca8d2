/**
 * PKCE for passport-openidconnect, which knows none: a strategy that keeps a code verifier in the session.
 *
 * Passport makes an object of its own from the strategy for each request, so what is set on `this` here serves one alone.
 */
import { createHash, randomBytes } from 'node:crypto'
import OpenIDConnectStrategy from 'passport-openidconnect'

export class PkceStrategy extends OpenIDConnectStrategy {
  authenticate(request, options) {
    if (request.query.code === undefined) {
      const verifier = randomBytes(32).toString('base64url')
      const challenge = createHash('sha256').update(verifier).digest('base64url')
      request.session.codeVerifier = verifier
      this.authorizationParams = () => ({ code_challenge: challenge, code_challenge_method: 'S256' })
    } else {
      const { _oauth2: oauth2 } = this
      const { codeVerifier } = request.session
      this._oauth2 = Object.create(oauth2, {
        getOAuthAccessToken: {
          value: (code, params, done) =>
            oauth2.getOAuthAccessToken(code, { ...params, code_verifier: codeVerifier }, done),
        },
      })
    }
    super.authenticate(request, options)
  }
}
