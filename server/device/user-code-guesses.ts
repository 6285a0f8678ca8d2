/**
 * Holds off those who try user codes (RFC 8628 §5.1): by network address, by the network around it, by account, and all of
 * them together.
 *
 * A try is counted before anything is looked up and taken back when the code was right, so that guessing in parallel
 * gains nothing and people who type well are never counted. Who has signed in is not held off by what others have tried:
 * strangers must not be able to keep everybody out, nor may one of them who has a whole IPv6 network.
 */
import type { LimitPolicy, Limits } from '../../adapters/postgres/limits.ts'

const minute = 60
/** Ten slips of the pen; then a minute, rising to a quarter of an hour. */
const each: LimitPolicy = { free: 10, firstDelay: minute, maxDelay: 15 * minute, forget: 60 * minute }
/** Of an IPv6 network (/48), which one customer may have all addresses of; few such networks are not everybody. */
const around: LimitPolicy = { ...each, free: 30 }
/** Seconds that wrong codes of everybody are counted together; counts begin anew with each such span. */
const span = 10 * minute
const together: LimitPolicy = { free: 300, firstDelay: span, maxDelay: span, forget: 2 * span }

export interface Guesser {
  readonly address: string
  /** Who is signed in. */
  readonly accountId: string | undefined
}

type Limit = 'address' | 'network' | 'account' | 'everybody'

export type Guess<T> =
  | { readonly kind: 'right'; readonly found: T }
  | { readonly kind: 'wrong' }
  /** Not looked up; `retryAfter` in seconds. */
  | { readonly kind: 'held-off'; readonly retryAfter: number; readonly limit: Limit }

export interface UserCodeGuesses {
  /** Looks up what somebody entered, unless there were too many wrong ones. */
  look<T>(guesser: Guesser, find: () => Promise<T | undefined>): Promise<Guess<T>>
}

interface Counter {
  readonly limit: Limit
  readonly key: string
  readonly policy: LimitPolicy
}

export interface UserCodeGuessOptions {
  limits: Pick<Limits, 'spend' | 'forgive' | 'bucketOf'>
  /** Told of each limit once for as long as it holds, by each node that meets it. */
  onHeldOff: (guesser: Guesser, limit: Limit, seconds: number) => void
  now: () => Date
}

/** Limits that a node keeps in mind, so that it tells of each once; the oldest goes first. */
const mostTold = 10_000

export function userCodeGuesses({ limits, onHeldOff, now }: UserCodeGuessOptions): UserCodeGuesses {
  const told = new Map<string, number>()
  const tell = (guesser: Guesser, { key, limit }: Counter, seconds: number): void => {
    const at = now().getTime()
    if ((told.get(key) ?? 0) > at) return
    told.delete(key)
    told.set(key, at + seconds * 1000)
    if (told.size > mostTold) told.delete(told.keys().next().value as string)
    onHeldOff(guesser, limit, seconds)
  }
  const around48 = (address: string): readonly Counter[] => {
    const network = limits.bucketOf(address, 48)
    const isWider = network !== limits.bucketOf(address)
    return isWider ? [{ limit: 'network', key: `user-code:${network}`, policy: around }] : []
  }
  const countersOf = ({ address, accountId }: Guesser): readonly Counter[] => [
    { limit: 'address', key: `user-code:${limits.bucketOf(address)}`, policy: each },
    ...around48(address),
    ...(accountId === undefined
      ? []
      : [{ limit: 'account', key: `user-code:account:${accountId}`, policy: each } as const]),
    { limit: 'everybody', key: `user-code:all:${Math.floor(now().getTime() / 1000 / span)}`, policy: together },
  ]
  return {
    async look(guesser, find) {
      const spent: Counter[] = []
      const takeBack = () => Promise.all(spent.map(({ key, policy }) => limits.forgive(key, policy)))
      for (const counter of countersOf(guesser)) {
        const answer = await limits.spend(counter.key, counter.policy)
        if (answer.allowed) {
          spent.push(counter)
          continue
        }
        tell(guesser, counter, answer.retryAfter)
        const ofOthers = counter.limit === 'everybody' || counter.limit === 'network'
        if (ofOthers && guesser.accountId !== undefined) continue
        await takeBack()
        return { kind: 'held-off', retryAfter: answer.retryAfter, limit: counter.limit }
      }
      const found = await find()
      if (found === undefined) return { kind: 'wrong' }
      await takeBack()
      return { kind: 'right', found }
    },
  }
}
