/** An app as the documentation of express-openid-connect has it; /login, /callback and /logout are the library's. */
import express from 'express'
import { auth } from 'express-openid-connect'

const { ISSUER = '', CLIENT_ID = '', CLIENT_SECRET = '', BASE_URL = '', PORT } = process.env

const app = express()

app.use(
  auth({
    issuerBaseURL: ISSUER,
    baseURL: BASE_URL,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: 'a long random string that encrypts the cookie of the session',
    authorizationParams: { response_type: 'code', scope: 'openid email offline_access' },
    idpLogout: true,
    authRequired: false,
  }),
)

app.get('/', async ({ oidc }, response) => {
  if (oidc.isAuthenticated()) response.json(await oidc.fetchUserInfo())
  else response.send('Nobody is signed in')
})

app.get('/refresh', async ({ oidc }, response) => {
  await oidc.accessToken?.refresh()
  response.redirect('/')
})

app.listen(PORT, () => console.log('listening'))
