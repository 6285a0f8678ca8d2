/** Asking people in their chats for an app's access, as far as the protocol has a part in it. */
import { reached } from '../../adapters/postgres/oidc-models.ts'
import type { Resource } from '../../adapters/postgres/resources.ts'
import type { BackchannelOptions } from '../oidc/backchannel.ts'
import { polling } from '../oidc/device-flow.ts'
import { approvalDesk } from '../telegram/approval-desk.ts'
import { approvalLimits } from '../telegram/approval-limits.ts'
import type { Foundation } from './foundation.ts'
import type { Pds } from './pds.ts'
import type { Stores } from './stores.ts'
import type { Telegram } from './telegram.ts'

export interface BackchannelParts {
  readonly foundation: Foundation
  readonly stores: Stores
  readonly pds: Pds
  readonly telegram: Telegram
  readonly findResource: (identifier: string) => Promise<Resource | undefined>
}

export function backchannel({ foundation, stores, pds, telegram, findResource }: BackchannelParts): BackchannelOptions {
  const { accounts, approvals, audit, consents, deviceCodes, limits } = stores
  const { messenger, people, questions } = telegram
  const desk = approvalDesk({
    productName: foundation.config.productName,
    accounts,
    approvals,
    consents,
    limits: approvalLimits({ limits, audit: audit.record }),
    people,
    questions,
    messenger,
    findResource,
    pds: pds.resource,
    isLinked: pds.access.isLinked,
    report: (clientId, why) => foundation.log.info({ clientId, why }, 'an app cannot ask for approval in a chat'),
    audit: audit.record,
    now: foundation.now,
  })
  return {
    desk: { prepare: (request) => reached(() => desk.prepare(request)) },
    poll: (requestId) => reached(() => deviceCodes.poll(requestId, polling)),
  }
}
