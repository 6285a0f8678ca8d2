/** What people answer when they are asked in their chats for an app's access. */
import { approvalDecisions } from '../oidc/approval-decisions.ts'
import { type ApprovalAnswers, approvalAnswers } from '../telegram/approval-answers.ts'
import { approvalLimits } from '../telegram/approval-limits.ts'
import type { Parts } from './parts.ts'
import type { Telegram } from './telegram.ts'

export function approvals(
  { foundation, stores, oauth }: Pick<Parts, 'foundation' | 'stores' | 'oauth'>,
  { messenger, questions }: Telegram,
): ApprovalAnswers {
  return approvalAnswers({
    decisions: approvalDecisions(oauth.provider, foundation.now),
    approvals: stores.approvals,
    limits: approvalLimits({ limits: stores.limits, audit: stores.audit.record }),
    clients: stores.clients,
    questions,
    messenger,
    audit: stores.audit.record,
  })
}
