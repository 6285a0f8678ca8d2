/** An assistant on the web with the official MCP SDK: it calls tools, and signs people in when it is told to. */
import express from 'express'
import { assistant } from './mcp-assistant.ts'

const { BASE_URL = '', PORT, MCP_SERVER = '', CLIENT_ID = '', CLIENT_METADATA_URL } = process.env

const person = assistant({
  server: MCP_SERVER,
  callback: `${BASE_URL}/callback`,
  client: CLIENT_ID === '' ? undefined : { client_id: CLIENT_ID },
  metadataUrl: CLIENT_METADATA_URL,
})
let address = '/'

const app = express()

app.get('/call/:tool', async (request, response) => {
  const call = { name: request.params.tool, arguments: { ...request.query } }
  const answer = await person.withClient((client) => client.callTool(call))
  if (!(answer instanceof URL)) return response.json(answer)
  address = request.originalUrl
  response.redirect(answer.href)
})

app.get('/callback', async (request, response) => {
  await person.finish(String(request.query['code']))
  response.redirect(address)
})

// What a test wants to see or to happen, and a person would not.
app.get('/known', (_request, response) => response.json(person.known()))
app.get('/lose-access', (_request, response) => {
  person.loseAccess()
  response.send('lost')
})

app.listen(Number(PORT), () => console.log('listening'))
