/** An app as the documentation of passport-openidconnect has it: Express 5, passport, a session in memory. */
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { PkceStrategy } from './passport-pkce.js'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

passport.use(
  new PkceStrategy(
    {
      issuer: ISSUER,
      authorizationURL: `${ISSUER}/authorize`,
      tokenURL: `${ISSUER}/token`,
      userInfoURL: `${ISSUER}/userinfo`,
      clientID: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      callbackURL: '/callback',
      scope: 'email',
      nonce: true,
      skipUserProfile: false,
    },
    (issuer, profile, done) => done(null, { issuer, id: profile.id, emails: profile.emails }),
  ),
)
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = express()
app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false }))
app.use(passport.authenticate('session'))

app.get('/login', passport.authenticate('openidconnect'))

app.get(
  '/callback',
  passport.authenticate('openidconnect', { failureRedirect: '/', failureMessage: true }),
  (_request, response) => response.redirect('/person'),
)

app.get('/person', (request, response) => {
  response.json(request.user)
})

app.get('/logout', (request, response, next) => {
  const query = new URLSearchParams({ client_id: CLIENT_ID, post_logout_redirect_uri: `${BASE_URL}/` })
  request.logout((error) => (error ? next(error) : response.redirect(`${ISSUER}/logout?${query}`)))
})

app.get('/', (request, response) => {
  response.send(request.user ? 'Signed in' : `Nobody is signed in ${request.session.messages ?? ''}`)
})

app.listen(PORT, () => console.log('listening'))
