/**
 * What people answer when an app asks for their approval in their chat, and messages whose requests are over.
 *
 * Whether an answer still counts is decided where the request is stored; here it is passed on, recorded and shown.
 */
import type { Approvals } from '../../adapters/postgres/approvals.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import type { Clients } from '../../adapters/postgres/clients.ts'
import type { TelegramQuestions } from '../../adapters/postgres/telegram-questions.ts'
import type { Messenger } from '../../adapters/telegram/contract.ts'
import { plainName } from '../../views/client.ts'
import { wordsIn } from '../../views/words.ts'
import { clientCard } from '../interactions/desk.ts'
import type { ApprovalDecisions } from '../oidc/approval-decisions.ts'
import { type Asked, approvalQuestion } from './approval-desk.ts'
import type { ApprovalLimits } from './approval-limits.ts'
import type { ApprovalEnd } from './approval-text.ts'
import type { Answered, TelegramFeature } from './features.ts'

export interface ApprovalAnswersOptions {
  readonly decisions: ApprovalDecisions
  readonly approvals: Pick<Approvals, 'close' | 'takeStale'>
  readonly limits: Pick<ApprovalLimits, 'forgive'>
  readonly clients: Pick<Clients, 'find'>
  readonly questions: Pick<TelegramQuestions, 'withdraw'>
  readonly messenger: Messenger
  readonly audit: (event: NewAuditEvent) => Promise<void>
}

/** How the person was recognised: they pressed a button in their chat (RFC 8176 §2, user presence). */
const amr = ['user'] as const

/** Messages that are put right at a time. */
const batch = 50

const words = wordsIn('en').approval

export interface ApprovalAnswers {
  readonly feature: TelegramFeature
  /** Puts messages right whose requests have ended without an answer. */
  tidy(): Promise<void>
}

export function approvalAnswers(options: ApprovalAnswersOptions): ApprovalAnswers {
  const { decisions, approvals, limits, messenger, audit } = options

  async function answered({ person, payload, answer, messageId }: Answered): Promise<string> {
    const asked = payload as unknown as Asked
    const end = await decide(asked, answer)
    await approvals.close(asked.request)
    if (messageId !== undefined) await show(person.id, messageId, asked.app, end)
    return words.noticed[end]
  }

  async function decide(asked: Asked, answer: string): Promise<ApprovalEnd> {
    const { request, accountId, clientId, given } = asked
    const end = answer === 'allow' ? await decisions.allow(request, { given, amr }) : await decisions.deny(request)
    if (end === 'over') return end
    if (end === 'allowed') await limits.forgive(asked)
    await audit({ event: end === 'allowed' ? 'approval.allowed' : 'approval.denied', accountId, clientId })
    return end
  }

  async function show(personId: string, messageId: number, app: string, end: ApprovalEnd): Promise<void> {
    await messenger.edit(personId, messageId, { text: words.ended[end](app) })
  }

  return {
    feature: { answers: { [approvalQuestion]: answered } },
    async tidy() {
      for (const { name, personId, clientId, messageId, allowed } of await approvals.takeStale(batch)) {
        await options.questions.withdraw(approvalQuestion, name)
        const client = await options.clients.find(clientId)
        const app = plainName(clientCard(client?.metadata ?? {}, clientId))
        await show(personId, messageId, app, allowed ? 'allowed' : 'over')
      }
    },
  }
}
