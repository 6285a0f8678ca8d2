/**
 * How often people are asked in their chats: by one app, and by all of them. A few questions, then ever fewer, so that
 * nobody is asked until they give in.
 */
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import type { LimitPolicy, Limits } from '../../adapters/postgres/limits.ts'

/** Seconds. What a person approves does not count: an app that is wanted may go on asking. */
const ofApp: LimitPolicy = { free: 2, firstDelay: 120, maxDelay: 600, forget: 600 }
const ofPerson: LimitPolicy = { free: 5, firstDelay: 120, maxDelay: 600, forget: 600 }

/** Who is asked, and for whom. */
export interface Limited {
  readonly accountId: string
  readonly clientId: string
}

export interface ApprovalLimitsOptions {
  readonly limits: Pick<Limits, 'spend' | 'forgive' | 'remember' | 'remembers'>
  readonly audit: (event: NewAuditEvent) => Promise<void>
}

export type ApprovalLimits = ReturnType<typeof approvalLimits>

export function approvalLimits({ limits, audit }: ApprovalLimitsOptions) {
  const of = ({ accountId, clientId }: Limited) =>
    [
      [`approval:${accountId}:${clientId}`, ofApp],
      [`approval:${accountId}`, ofPerson],
    ] as const

  /** However often the app comes back before its time. */
  async function recordOnce(key: string, { accountId, clientId }: Limited, seconds: number): Promise<void> {
    if (await limits.remembers(`${key}:slowed`)) return
    await limits.remember(`${key}:slowed`, seconds)
    await audit({ event: 'approval.slowed', accountId, clientId, detail: { seconds } })
  }

  return {
    /** Counts a question; seconds to wait when there were enough. */
    async spend(limited: Limited): Promise<number | undefined> {
      for (const [key, policy] of of(limited)) {
        const answer = await limits.spend(key, policy)
        if (answer.allowed) continue
        await recordOnce(key, limited, answer.retryAfter)
        return answer.retryAfter
      }
      return undefined
    },

    /** A question that does not count after all. */
    async forgive(limited: Limited): Promise<void> {
      for (const [key, policy] of of(limited)) await limits.forgive(key, policy)
    },
  }
}
