/** Serves a page that does everything itself, with oidc-client-ts as its documentation has it. */
import { fileURLToPath } from 'node:url'
import express from 'express'

const { ISSUER, CLIENT_ID, PORT } = process.env

const script = new URL('../browser/oidc-client-ts.min.js', import.meta.resolve('oidc-client-ts'))
const page = new URL('oidc-client-ts.html', import.meta.url)

const app = express()

app.get('/oidc-client-ts.js', (_request, response) => response.sendFile(fileURLToPath(script)))
app.get('/settings', (_request, response) => void response.json({ authority: ISSUER, client_id: CLIENT_ID }))
app.get(['/', '/callback'], (_request, response) => response.sendFile(fileURLToPath(page)))

app.listen(PORT, () => console.log('listening'))
