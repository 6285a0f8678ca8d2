/** An app as the documentation of better-auth has it: the generic OAuth plugin, found by discovery; without a database. */
import { betterAuth } from 'better-auth'
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node'
import { genericOAuth } from 'better-auth/plugins'
import express from 'express'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

const auth = betterAuth({
  baseURL: BASE_URL,
  secret: 'a long random string that encrypts the cookie of the session',
  plugins: [
    genericOAuth({
      config: [
        {
          providerId: 'habitat',
          discoveryUrl: `${ISSUER}/.well-known/openid-configuration`,
          clientId: CLIENT_ID,
          clientSecret: CLIENT_SECRET,
          scopes: ['openid', 'profile', 'email', 'offline_access'],
          postLogoutRedirectURI: '/',
        },
      ],
    }),
  ],
})

const app = express()

app.all('/api/auth/*path', toNodeHandler(auth))

app.get('/person', async (request, response) => {
  const headers = fromNodeHeaders(request.headers)
  response.json(await auth.api.accountInfo({ headers, query: { useAccountCookie: true } }))
})

app.get('/', (_request, response) => {
  response.send('The app')
})

app.listen(PORT, () => console.log('listening'))
