/**
 * Asks people in their chats whether an app may have access (OpenID CIBA §7.1), and keeps the messages true: of two
 * requests of an app only the newer one has buttons, and what is over says so.
 *
 * Only people are asked who have connected the app before, who have linked their Telegram and who let our bot write to
 * them; for everybody else the answer is the same, and says nothing about them.
 */
import type { Json } from '../../adapters/identity/contract.ts'
import type { AccountIdentity, Accounts } from '../../adapters/postgres/accounts.ts'
import type { Approvals, StalePrompt } from '../../adapters/postgres/approvals.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import type { Consent, Consents } from '../../adapters/postgres/consents.ts'
import type { TelegramPeople } from '../../adapters/postgres/telegram-people.ts'
import type { TelegramQuestions } from '../../adapters/postgres/telegram-questions.ts'
import type { Messenger } from '../../adapters/telegram/contract.ts'
import { plainName } from '../../views/client.ts'
import { wordsIn } from '../../views/words.ts'
import { pdsScope } from '../atproto/scopes.ts'
import { clientCard } from '../interactions/desk.ts'
import type { ApprovalDesk, ApprovalRequest, Preparation, Prepared, Question } from '../oidc/backchannel.ts'
import type { Metadata } from '../oidc/client-metadata.ts'
import { isAgreed } from '../oidc/policy.ts'
import { type RequestedAccess, type RequestedAccessOptions, requestedAccess } from '../oidc/requested-access.ts'
import { pdsScopeCards, scopeCards } from '../oidc/scope-cards.ts'
import type { ApprovalLimits } from './approval-limits.ts'
import { approvalText } from './approval-text.ts'
import { telegramIdentity } from './identity.ts'

/** Answers to the kind of question that is asked here. */
export const approvalQuestion = 'approval'

/** What a question holds until it is answered. */
export interface Asked {
  /** The request, as the storage names it. */
  readonly request: string
  readonly accountId: string
  readonly clientId: string
  readonly app: string
  readonly given: Consent
}

export interface ApprovalDeskOptions extends RequestedAccessOptions {
  readonly productName: string
  readonly accounts: Pick<Accounts, 'identitiesOf'>
  readonly approvals: Approvals
  readonly consents: Pick<Consents, 'find'>
  readonly limits: ApprovalLimits
  readonly people: Pick<TelegramPeople, 'standing'>
  readonly questions: Pick<TelegramQuestions, 'ask' | 'withdraw'>
  readonly messenger: Messenger
  /** Whether the person's PDS still stands behind scopes of it. */
  readonly isLinked: (accountId: string, scopes: readonly string[]) => Promise<boolean>
  /** Told why an app cannot ask somebody; the app itself never is. */
  readonly report: (clientId: string, why: string) => void
  readonly audit: (event: NewAuditEvent) => Promise<void>
  readonly now: () => Date
}

const words = wordsIn('en')

type Ended = Pick<StalePrompt, 'personId' | 'messageId' | 'allowed'>

export function approvalDesk(options: ApprovalDeskOptions): ApprovalDesk {
  const { approvals, limits, questions, messenger, audit, now } = options

  async function prepare(request: ApprovalRequest): Promise<Preparation> {
    const { accountId, clientId, registration } = request
    const identities = await options.accounts.identitiesOf(accountId)
    const personId = await reachable(identities)
    const consent = await options.consents.find(accountId, clientId)
    const isOurs = registration['first_party'] === true
    const missing =
      personId === undefined
        ? 'the person has no Telegram to which the bot may write'
        : consent === undefined && !isOurs
          ? 'the person has not connected the app'
          : hasRequired(identities, registration)
            ? undefined
            : 'the account lacks the kind of identity that the app demands'
    if (personId === undefined || missing !== undefined) return unknown(clientId, missing)
    const access = await requestedAccess(request, options)
    const given: Consent = { scopes: access.scopes, claims: [], resources: access.scopesOf }
    if (!isOurs && !isAgreed(given, consent, options.pds)) return { kind: 'beyond' }
    const atPds = (access.scopesOf[options.pds.identifier] ?? []).filter((scope) => pdsScope(scope) !== undefined)
    if (atPds.length > 0 && !(await options.isLinked(accountId, atPds))) return { kind: 'beyond' }
    const retryAfter = await limits.spend({ accountId, clientId })
    if (retryAfter !== undefined) return { kind: 'too-many', retryAfter }
    return { kind: 'ready', ask: (question) => ask({ ...request, personId, access, given }, question) }
  }

  function unknown(clientId: string, why = 'the person cannot be asked'): Preparation {
    options.report(clientId, why)
    return { kind: 'unknown' }
  }

  /** The person's Telegram that our bot may write to. */
  async function reachable(identities: readonly AccountIdentity[]): Promise<string | undefined> {
    for (const { provider, subject } of identities) {
      if (provider === telegramIdentity && (await options.people.standing(subject)) === 'reachable') return subject
    }
    return undefined
  }

  interface Ready extends ApprovalRequest {
    readonly personId: string
    readonly access: RequestedAccess
    readonly given: Consent
  }

  async function ask(ready: Ready, question: Question): ReturnType<Prepared['ask']> {
    const { accountId, clientId, personId } = ready
    const { requestId, lifetime } = question
    const expiresAt = new Date(now().getTime() + lifetime * 1000)
    // Nobody can answer before the request is known to wait: the message comes last.
    const { name, stale } = await approvals.open({ requestId, accountId, clientId, personId, expiresAt })
    const app = plainName(clientCard(ready.registration, clientId))
    if (stale !== undefined) {
      await questions.withdraw(approvalQuestion, stale.name)
      await tellEnd(stale, app)
    }
    const asked: Asked = { request: name, accountId, clientId, app, given: ready.given }
    const [allow, deny] = await questions.ask({
      personId,
      kind: approvalQuestion,
      payload: asked as unknown as Json,
      answers: ['allow', 'deny'],
      ttl: lifetime,
      about: name,
    })
    const delivery = await messenger.say(personId, {
      text: text(ready, question, app),
      buttons: [
        [
          { text: words.approval.approve, data: allow as string },
          { text: words.approval.deny, data: deny as string },
        ],
      ],
    })
    if (delivery.kind !== 'sent') {
      await questions.withdraw(approvalQuestion, name)
      await approvals.withdraw(name)
      await limits.forgive(ready)
      return delivery.kind === 'blocked' ? 'unreachable' : 'unavailable'
    }
    const { messageId } = delivery
    const fate = await approvals.sent(name, messageId)
    if (fate !== 'waits') await tellEnd({ personId, messageId, allowed: fate === 'allowed' }, app)
    await audit({
      event: 'approval.asked',
      accountId,
      clientId,
      detail: { scope: String(ready.params['scope'] ?? '') },
    })
    return 'asked'
  }

  function text({ access }: Ready, question: Question, app: string): string {
    return approvalText(words, {
      app,
      productName: options.productName,
      scopes: [
        ...access.scopes.filter((scope) => scope !== 'offline_access').map((scope) => ({ name: scope })),
        ...access.resources.flatMap((of) => scopeCards(of, access.scopesOf[of.identifier] ?? [])),
        ...pdsScopeCards(access.scopesOf[options.pds.identifier] ?? []),
        { name: 'offline_access' },
      ],
      bindingMessage: question.bindingMessage,
      lifetime: question.lifetime,
    })
  }

  async function tellEnd({ personId, messageId, allowed }: Ended, app: string): Promise<void> {
    const say = words.approval.ended
    await messenger.edit(personId, messageId, { text: allowed ? say.allowed(app) : say.over(app) })
  }

  return { prepare }
}

/** Whether the account has the kind of identity that the app demands. */
function hasRequired(identities: readonly AccountIdentity[], registration: Metadata): boolean {
  const required = registration['required_identity']
  return required === undefined || identities.some(({ provider }) => provider === required)
}
