/**
 * How often a password or a code may be guessed: by account from one address, by account, and by address.
 *
 * Strict where only the guesser suffers, lenient where others would: the account's own bucket never delays for more
 * than a minute, and somebody who has signed in from an address before is not held up there by what strangers do
 * elsewhere. Unknown e-mail addresses count like known ones.
 */
import type { Sealer } from '../crypto/seal.ts'

/** Failures that are free; seconds of the first delay, which doubles up to the most; seconds until all is forgotten. */
interface Policy {
  readonly free: number
  readonly firstDelay: number
  readonly maxDelay: number
  readonly forget: number
}

/** Where failures are counted: a try is counted before it is known whether it fails. */
export interface LimitStore {
  spend(key: string, policy: Policy): Promise<{ allowed: true } | { allowed: false; retryAfter: number }>
  clear(key: string): Promise<void>
  forgive(key: string, policy: Policy): Promise<void>
  remember(key: string, seconds: number): Promise<void>
  remembers(key: string): Promise<boolean>
  bucketOf(address: string): string
}

export type Admission =
  /** Refused without counting; `first` says that nobody has been told about this lock lately. */
  | { readonly allowed: false; readonly retryAfter: number; readonly first: boolean }
  | {
      readonly allowed: true
      /** The guess was right: its failures are forgotten, and the address is not charged. */
      succeed(): Promise<void>
      /** Nothing was compared: the try is given back. */
      withdraw(): Promise<void>
    }

export interface GuessLimits {
  /** Asks for one comparison of a password; `email` is normalised. */
  password(email: string, address: string): Promise<Admission>
  /** Asks for one comparison of a second-factor code. */
  code(subject: string, address: string): Promise<Admission>
  /** Notes that the person has signed in from this address. */
  trust(email: string, address: string): Promise<void>
}

const day = 86_400
const strict: Policy = { free: 5, firstDelay: 1, maxDelay: 900, forget: day }
const lenientAccount: Policy = { free: 50, firstDelay: 1, maxDelay: 60, forget: day }
const lenientAddress: Policy = { free: 100, firstDelay: 1, maxDelay: 60, forget: 3600 }
const trustedFor = 90 * day
/** Seconds in which a lock is reported once. */
const reportInterval = 900

interface Bucket {
  readonly key: string
  readonly policy: Policy
  /** What success does: forget every failure, or take back this try. */
  readonly onSuccess: 'clear' | 'forgive'
}

export function guessLimits({ limits, sealer }: { limits: LimitStore; sealer: Sealer }): GuessLimits {
  const emailKey = (email: string) => sealer.fingerprints(email, 'limit:email')[0]
  const addressOf = (address: string): Bucket => ({
    key: `address:${limits.bucketOf(address)}`,
    policy: lenientAddress,
    onSuccess: 'forgive',
  })
  const trustKey = (email: string, address: string) => `trusted:${emailKey(email)}:${limits.bucketOf(address)}`
  return {
    async password(email, address) {
      const who = emailKey(email)
      const pair: Bucket = {
        key: `password:${who}:${limits.bucketOf(address)}`,
        policy: strict,
        onSuccess: 'clear',
      }
      const account: Bucket = { key: `password:${who}`, policy: lenientAccount, onSuccess: 'clear' }
      const trusted = await limits.remembers(trustKey(email, address))
      return admit(limits, [addressOf(address), pair, ...(trusted ? [] : [account])])
    },
    code: (subject, address) =>
      admit(limits, [addressOf(address), { key: `code:${subject}`, policy: strict, onSuccess: 'clear' }]),
    trust: (email, address) => limits.remember(trustKey(email, address), trustedFor),
  }
}

/**
 * Spends a try in every bucket; where one refuses, those before it get theirs back. The address comes first: what it
 * may not even try leaves no trace under the names that it makes up.
 */
async function admit(limits: LimitStore, buckets: readonly Bucket[]): Promise<Admission> {
  const spent: Bucket[] = []
  const giveBack = async () => {
    for (const { key, policy } of spent) await limits.forgive(key, policy)
  }
  for (const bucket of buckets) {
    const answer = await limits.spend(bucket.key, bucket.policy)
    if (!answer.allowed) {
      await giveBack()
      return { ...answer, first: await isFirstReport(limits, bucket.key) }
    }
    spent.push(bucket)
  }
  return {
    allowed: true,
    withdraw: giveBack,
    async succeed() {
      for (const { key, policy, onSuccess } of buckets) {
        await (onSuccess === 'clear' ? limits.clear(key) : limits.forgive(key, policy))
      }
    },
  }
}

/** Refused tries are free for whoever makes them, so they must not each leave a trace. */
async function isFirstReport(limits: LimitStore, key: string): Promise<boolean> {
  const mark = `reported:${key}`
  if (await limits.remembers(mark)) return false
  await limits.remember(mark, reportInterval)
  return true
}
