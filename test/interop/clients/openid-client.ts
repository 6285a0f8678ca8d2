/** An app as the documentation of openid-client 6 has it: discovery, code with PKCE, userinfo, refresh, logout. */
import express from 'express'
import * as client from 'openid-client'

const { ISSUER = '', CLIENT_ID = '', CLIENT_SECRET = '', BASE_URL = '', PORT } = process.env

const config = await client.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, {
  execute: [client.allowInsecureRequests],
})
let pending: { codeVerifier: string; state: string }
let tokens: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers
let idToken: string

const app = express()

app.get('/login', async (_request, response) => {
  pending = { codeVerifier: client.randomPKCECodeVerifier(), state: client.randomState() }
  const to = client.buildAuthorizationUrl(config, {
    redirect_uri: `${BASE_URL}/callback`,
    scope: 'openid email offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(pending.codeVerifier),
    code_challenge_method: 'S256',
    state: pending.state,
  })
  response.redirect(to.href)
})

app.get('/callback', async (request, response) => {
  tokens = await client.authorizationCodeGrant(config, new URL(request.url, BASE_URL), {
    pkceCodeVerifier: pending.codeVerifier,
    expectedState: pending.state,
    idTokenExpected: true,
  })
  idToken = tokens.id_token ?? ''
  response.redirect('/person')
})

app.get('/person', async (_request, response) => {
  response.json(await client.fetchUserInfo(config, tokens.access_token, client.skipSubjectCheck))
})

app.get('/refresh', async (_request, response) => {
  tokens = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
  response.redirect('/person')
})

app.get('/logout', (_request, response) => {
  const to = client.buildEndSessionUrl(config, { id_token_hint: idToken, post_logout_redirect_uri: `${BASE_URL}/` })
  response.redirect(to.href)
})

app.get('/', (_request, response) => {
  response.send('Nobody is signed in')
})

app.listen(PORT, () => console.log('listening'))
