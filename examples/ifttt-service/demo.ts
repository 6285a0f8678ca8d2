#!/usr/bin/env node
/**
 * The server and a service behind it, as IFTTT meets them: ready to be asked by hand, because IFTTT does not reach this
 * machine. Client, API and person are made by the same commands that the README names.
 */
import { randomBytes } from 'node:crypto'
import { type Ports, present, stage } from '../stage.ts'
import { type Notify, realtime } from './realtime.ts'
import { iftttService } from './service.ts'

export interface IftttDemo {
  readonly issuer: string
  /** The URL prefix for IFTTT's settings: where the service is. */
  readonly service: string
  readonly serviceId: string
  readonly serviceKey: string
  readonly clientId: string
  readonly clientSecret: string
  readonly email: string
  readonly password: string
  stop(): Promise<void>
}

const person = { email: 'demo@example.com', password: 'try-the-demo', name: 'Dana Demo' }
const serviceId = 'example_lists'

/**
 * Starts server and service on these ports; 0 for any. `realtimeUrl` stands for IFTTT's Realtime API; without one the
 * notifications are printed. Throws what listening throws.
 */
export async function startIftttDemo(ports: Ports, realtimeUrl?: string): Promise<IftttDemo> {
  const { email, password, name } = person
  const serviceKey = randomBytes(32).toString('base64url')
  const notify = realtimeUrl === undefined ? print : realtime({ url: realtimeUrl, serviceKey })
  let client: Record<string, unknown> = {}
  const { issuer, app, stop } = await stage(ports, { IFTTT_SERVICE_KEYS: serviceKey }, async (it) => {
    await it.run(['user', 'add', '--email', email, '--name', name, '--password-stdin'], password)
    client = await it.run(['client', 'add', '--profile', 'ifttt', '--service-id', serviceId])
    const api = await it.run(['resource', 'add', `${it.issuer}/ifttt/v1`, '--name', 'Example lists'])
    it.serve(
      iftttService({
        issuer: it.issuer,
        clientId: String(api['client_id']),
        clientSecret: String(api['client_secret']),
        notify,
        onError: (error) => console.error(error),
      }),
    )
  })
  const [clientId, clientSecret] = [String(client['client_id']), String(client['client_secret'])]
  return { issuer, service: app, serviceId, serviceKey, clientId, clientSecret, email, password, stop }
}

const print: Notify = async (identities) => {
  console.log(`IFTTT would be told at once to poll: ${identities.join(', ')}`)
}

function welcome({ issuer, service, serviceId: id, serviceKey, clientId, clientSecret, ...rest }: IftttDemo): string {
  const redirectUri = `https://ifttt.com/channels/${id}/authorize`
  const query = new URLSearchParams({
    ...{ client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope: 'ifttt', state: 'demo' },
  })
  const json = '-H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json"'
  return `
The demo is ready: the server at ${issuer}, and at ${service} a service that keeps shopping lists.
Do what IFTTT does, in another terminal.

  1. Is the service up?
     curl -i ${service}/ifttt/v1/status -H 'IFTTT-Service-Key: ${serviceKey}'

  2. Get a token of the account for tests:
     TOKEN=$(curl -s -X POST ${service}/ifttt/v1/test/setup -H 'IFTTT-Service-Key: ${serviceKey}' | grep -o '"accessToken":"[^"]*' | cut -d'"' -f4)

  3. Who is that? Look at the trigger, do the action, look again:
     curl ${service}/ifttt/v1/user/info -H "Authorization: Bearer $TOKEN"
     curl ${service}/ifttt/v1/triggers/item_added ${json} -d '{"trigger_identity":"mine","triggerFields":{"list":"groceries"}}'
     curl ${service}/ifttt/v1/actions/add_item ${json} -d '{"actionFields":{"list":"groceries","text":"Apples"}}'

  4. Connect a person: open the address and sign in as ${rest.email} with the password ${rest.password}.
     The browser ends at ifttt.com, which knows nothing of this machine; the code is in the address. Where ifttt.com leads
     the browser on, the network tab of its developer tools still has it.
     ${issuer}/authorize?${query}

  5. Exchange the code within a minute:
     curl ${issuer}/token -d grant_type=authorization_code -d client_id=${clientId} -d client_secret=${clientSecret} -d redirect_uri=${redirectUri} -d code=

  6. The access_token of the answer in TOKEN does step 3 for the person. Renew it, as IFTTT does when it meets a 401:
     curl ${issuer}/token -d grant_type=refresh_token -d client_id=${clientId} -d client_secret=${clientSecret} -d refresh_token=

  7. Take the access back at ${issuer}/account, and do step 3 and the renewal again: 401 and 400, and the connection is over.

Ctrl-C stops both; nothing is kept.
`
}

if (import.meta.main) {
  await present(async (ports) => {
    const demo = await startIftttDemo(ports)
    return { welcome: welcome(demo), stop: demo.stop }
  })
}
