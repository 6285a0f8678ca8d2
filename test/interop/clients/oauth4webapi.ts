/** An app as the examples of oauth4webapi have it: each step of OpenID Connect by hand, every answer checked. */
import express from 'express'
import * as oauth from 'oauth4webapi'

const { ISSUER = '', CLIENT_ID = '', CLIENT_SECRET = '', BASE_URL = '', PORT } = process.env

const insecure = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(ISSUER)
const as = await oauth
  .discoveryRequest(issuer, { algorithm: 'oidc', ...insecure })
  .then((response) => oauth.processDiscoveryResponse(issuer, response))
const client: oauth.Client = { client_id: CLIENT_ID }
const clientAuth = oauth.ClientSecretPost(CLIENT_SECRET)
const redirectUri = `${BASE_URL}/callback`

let pending: { verifier: string; state: string; nonce: string }
let tokens: oauth.TokenEndpointResponse
let idToken: string
let sub: string

const app = express()

app.get('/login', async (_request, response) => {
  pending = {
    verifier: oauth.generateRandomCodeVerifier(),
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
  }
  const to = new URL(as.authorization_endpoint ?? '')
  to.searchParams.set('client_id', client.client_id)
  to.searchParams.set('redirect_uri', redirectUri)
  to.searchParams.set('response_type', 'code')
  to.searchParams.set('scope', 'openid email offline_access')
  to.searchParams.set('code_challenge', await oauth.calculatePKCECodeChallenge(pending.verifier))
  to.searchParams.set('code_challenge_method', 'S256')
  to.searchParams.set('state', pending.state)
  to.searchParams.set('nonce', pending.nonce)
  response.redirect(to.href)
})

app.get('/callback', async (request, response) => {
  const params = oauth.validateAuthResponse(as, client, new URL(request.url, BASE_URL), pending.state)
  const answer = await oauth.authorizationCodeGrantRequest(
    as,
    client,
    clientAuth,
    params,
    redirectUri,
    pending.verifier,
    insecure,
  )
  tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, {
    expectedNonce: pending.nonce,
    requireIdToken: true,
  })
  await oauth.validateApplicationLevelSignature(as, answer, insecure)
  idToken = tokens.id_token ?? ''
  sub = oauth.getValidatedIdTokenClaims(tokens)?.sub ?? ''
  response.redirect('/person')
})

app.get('/person', async (_request, response) => {
  const answer = await oauth.userInfoRequest(as, client, tokens.access_token, insecure)
  response.json(await oauth.processUserInfoResponse(as, client, sub, answer))
})

app.get('/refresh', async (_request, response) => {
  const answer = await oauth.refreshTokenGrantRequest(as, client, clientAuth, tokens.refresh_token ?? '', insecure)
  tokens = await oauth.processRefreshTokenResponse(as, client, answer)
  response.redirect('/person')
})

app.get('/logout', (_request, response) => {
  const to = new URL(as.end_session_endpoint ?? '')
  to.searchParams.set('id_token_hint', idToken)
  to.searchParams.set('post_logout_redirect_uri', `${BASE_URL}/`)
  response.redirect(to.href)
})

app.get('/', (_request, response) => {
  response.send('Nobody is signed in')
})

app.listen(PORT, () => console.log('listening'))
