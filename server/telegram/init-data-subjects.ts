/**
 * Whom a Mini App's `initData` is about, for the exchange of it for tokens: an account that exists, a new one, or none.
 *
 * The signature is all the proof there is, and counts once. Invalid ones are counted by address; a valid one is never
 * refused for them, because nobody comes upon one by guessing.
 */
import type { Identity } from '../../adapters/identity/contract.ts'
import type { Accounts } from '../../adapters/postgres/accounts.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import type { LimitPolicy, Limits } from '../../adapters/postgres/limits.ts'
import type { SignedPerson, Statement } from '../../adapters/telegram/statement.ts'
import { labelOf } from '../interactions/adding.ts'
import type { InitDataExchangeNeeds, Subject } from '../oidc/init-data-exchange.ts'

export interface InitDataSubjectsOptions {
  /** Judges what a Mini App was told; `botId` undefined: that of our own bot. */
  judge: (botId: string | undefined, text: string) => Statement
  identify: (person: SignedPerson) => Identity
  /** True for exactly one caller per statement. */
  claim: (statement: string) => Promise<boolean>
  accounts: Pick<Accounts, 'byIdentity' | 'create'>
  registration: 'open' | 'closed'
  limits: Pick<Limits, 'spend' | 'bucketOf'>
  audit: (event: NewAuditEvent) => Promise<void>
}

/** Seconds. */
const minute = 60
const failures: LimitPolicy = { free: 20, firstDelay: 10, maxDelay: 15 * minute, forget: 60 * minute }

export function initDataSubjects(options: InitDataSubjectsOptions): InitDataExchangeNeeds['subjects'] {
  const { judge, identify, claim, accounts, audit, limits } = options

  return async ({ token, clientId, botId, address }) => {
    const judged = judge(botId, token)
    if (judged.kind === 'stale') return { refused: 'stale' }
    if (judged.kind === 'invalid') {
      const counted = await limits.spend(`init-data:${limits.bucketOf(address)}`, failures)
      return { refused: 'invalid', ...(counted.allowed ? {} : { wait: counted.retryAfter }) }
    }
    const identity = identify(judged.person)
    const { provider, subject } = identity
    const record = (event: 'sign-in.succeeded' | 'sign-in.refused' | 'account.created', accountId: string) =>
      audit({ event, accountId, clientId, address, detail: { provider, by: 'token-exchange' } })
    const known = await accounts.byIdentity(provider, subject, identity.label)
    if (known?.disabledAt !== undefined) {
      await record('sign-in.refused', known.id)
      return { refused: 'disabled' }
    }
    return {
      accountId: known?.id,
      async admit() {
        if (known === undefined && options.registration === 'closed') return 'closed'
        if (!(await claim(judged.id))) return 'spent'
        const accountId = known?.id ?? (await create())
        await record('sign-in.succeeded', accountId)
        return { accountId }
      },
    } satisfies Subject

    async function create(): Promise<string> {
      const account = await accounts.create({
        name: identity.name,
        identity: { provider, subject, label: labelOf(identity) },
      })
      await record('account.created', account.id)
      return account.id
    }
  }
}
