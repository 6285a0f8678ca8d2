/** An app's own server where it is told of sign-outs (OpenID Connect Back-Channel Logout); answers as the test says. */
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Notification {
  readonly contentType: string | undefined
  /** The parameters that came. */
  readonly names: readonly string[]
  readonly token: string
}

export interface LogoutReceiver extends AsyncDisposable {
  readonly uri: string
  /** All that arrived. */
  readonly notifications: readonly Notification[]
  /** Answers the next notifications with these (`hang`: not at all), then with 200. */
  answerWith(...answers: (number | 'hang')[]): void
  /** Answers once so many have arrived since the receiver was started. */
  arrived(count: number): Promise<readonly Notification[]>
}

export async function logoutReceiver(): Promise<LogoutReceiver> {
  const notifications: Notification[] = []
  const answers: (number | 'hang')[] = []
  const changes = new EventEmitter()
  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    const form = new URLSearchParams(await text(request))
    notifications.push({
      contentType: request.headers['content-type'],
      names: [...form.keys()],
      token: form.get('logout_token') ?? '',
    })
    const answer = answers.shift() ?? 200
    if (answer !== 'hang') response.writeHead(answer).end()
    changes.emit('arrived')
  }
  const server = createServer((request, response) => void receive(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/signed-out`,
    notifications,
    answerWith: (...wanted) => void answers.push(...wanted),
    async arrived(count) {
      while (notifications.length < count) await once(changes, 'arrived')
      return notifications
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
