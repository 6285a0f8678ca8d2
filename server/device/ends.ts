/** The pages at which a request of a device ends, once the library's steps have run: connected, denied, or not in time. */
import type { Context } from 'koa'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import { plainName } from '../../views/client.ts'
import { type DeviceEnd, deviceEndPage } from '../../views/device-end.ts'
import { clientCard } from '../interactions/desk.ts'
import { type DevicePages, devicePath } from '../oidc/device-flow.ts'
import { isSessionNotFound, protocolStatus } from '../oidc/errors.ts'
import { type Pages, sendPage } from '../pages.ts'
import { requestInfo } from '../request-info.ts'

/** `audit` is told who connected what. */
export function deviceEnds(pages: Pages, audit: (event: NewAuditEvent) => Promise<void>): DevicePages {
  const send = (ctx: Context, end: DeviceEnd, status: number, clientName?: string) =>
    sendPage(ctx, deviceEndPage(pages.surroundings(ctx), { end, clientName, again: devicePath }), { status })
  return {
    async connected(ctx) {
      const { client, session, deviceCode } = ctx.oidc
      const { address } = requestInfo(ctx.req)
      const detail = { scope: String(deviceCode?.scope ?? '') }
      const clientId = client?.clientId
      await audit({ event: 'device.connected', accountId: session?.accountId, clientId, address, detail })
      send(ctx, 'connected', 200, client && plainName(clientCard(client.metadata(), client.clientId)))
    },
    ended(ctx, error) {
      const status = isSessionNotFound(error) ? 400 : (protocolStatus(error) ?? statusOfEnd(error))
      send(ctx, endOf(error, status), status)
    },
  }
}

/** The library has classes for these ends, but keeps them to itself. */
const ends: Readonly<Record<string, DeviceEnd>> = {
  AbortedError: 'denied',
  AlreadyUsedError: 'over',
  ExpiredError: 'over',
  NotFoundError: 'over',
}

function endOf(error: Error, status: number): DeviceEnd {
  if (Object.hasOwn(ends, error.name)) return ends[error.name] as DeviceEnd
  if (status === 503) return 'unavailable'
  return status >= 500 ? 'failed' : 'over'
}

function statusOfEnd({ name }: Error): number {
  if (!Object.hasOwn(ends, name)) return 500
  return ends[name] === 'denied' ? 200 : 400
}
