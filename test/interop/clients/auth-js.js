/** An app as the documentation of Auth.js for Express has it: a provider of type `oidc`, found by its issuer. */
import { ExpressAuth, getSession } from '@auth/express'
import express from 'express'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

const config = {
  trustHost: true,
  secret: 'a long random string that encrypts the cookie of the session',
  providers: [
    {
      id: 'habitat',
      name: 'Habitat',
      type: 'oidc',
      issuer: ISSUER,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      // Name and e-mail address are in what /userinfo answers, not in the ID token (OIDC Core §5.4).
      idToken: false,
    },
  ],
}

const app = express()

app.use('/auth', ExpressAuth(config))

app.get('/', async (request, response) => {
  response.json(await getSession(request, config))
})

// Auth.js ends its own session alone; this address ends that of the server.
app.get('/logout', (_request, response) => {
  const query = new URLSearchParams({ client_id: CLIENT_ID, post_logout_redirect_uri: `${BASE_URL}/` })
  response.redirect(`${ISSUER}/logout?${query}`)
})

app.listen(PORT, () => console.log('listening'))
