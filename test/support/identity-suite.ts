/**
 * What every identity provider promises, as tests to run over each of them.
 *
 * A fixture plays the person, and the outside party where there is one. A point that cannot hold for a provider is
 * opted out of with a reason, which the run prints; a provider that is not run through here fails the architecture test.
 */
import { describe, expect, test } from 'vitest'
import type { AnswerInput, Identity, IdentityProvider, Json, Keepsake, Step } from '../../adapters/identity/contract.ts'

/** A step that waits for an answer. */
export type OpenStep = Extract<Step, { kind: 'show' | 'redirect' }>

/** One provider, fresh for one test, with people who can use it. */
export interface IdentityFixture<Person> {
  readonly provider: IdentityProvider
  /** What the person (or the outside party that the browser was sent to) answers. Deterministic until time passes. */
  respond(step: OpenStep, person: Person): URLSearchParams | Promise<URLSearchParams>
  /** Two different people, both able to sign in. */
  readonly people: readonly [Person, Person]
  /** Moves the provider's clock on, so that proof which is accepted once can be given anew. */
  later(seconds: number): void
  /** What somebody answers who turns back; undefined at a step that offers no way to. */
  cancel?(step: OpenStep, person: Person): URLSearchParams | undefined | Promise<URLSearchParams | undefined>
  /** Scopes in the provider's words, where it hands over keepsakes. */
  readonly scopes?: readonly string[]
  /** Makes the outside party fail; `secret` must appear in no error. */
  breakUpstream?(): { readonly secret: string }
  close?(): Promise<void>
}

/** The points of the suite that a provider may opt out of; each by its nature, never by its bugs. */
export type OptOut = 'binding' | 'cancel' | 'late' | 'replay' | 'upstream'

export interface IdentitySuite<Person> {
  readonly name: string
  open(): Promise<IdentityFixture<Person>>
  /** A reason for each point that cannot hold. */
  readonly optOut?: Partial<Record<OptOut, string>>
  /** Seconds after which an attempt is over. */
  readonly lifetime?: number
}

const purpose = 'sign-in'
const callback = new URL('https://auth.example/interaction/callback/test')
const address = '192.0.2.1'
/** Seconds after which the same person can prove themselves anew, whatever they use. */
const untilFresh = 60
/** Steps after which a sign-in is taken to go nowhere. */
const longest = 10

interface Point<Person> {
  readonly promise: string
  readonly optOut?: OptOut
  check(fixture: IdentityFixture<Person>, suite: IdentitySuite<Person>): Promise<void>
}

/** Declares the suite's tests for one provider. */
export function describeIdentityProvider<Person>(suite: IdentitySuite<Person>): void {
  describe(`identity provider: ${suite.name}`, () => {
    for (const point of points<Person>()) {
      const reason = point.optOut === undefined ? undefined : suite.optOut?.[point.optOut]
      if (reason === undefined) test(point.promise, () => run(point, suite))
      else test(`opted out of: ${point.promise} (${reason})`, () => expect(reason.length).toBeGreaterThan(20))
    }
  })
}

/** The promises that the provider breaks; for tests of the suite itself. */
export async function brokenPromises<Person>(suite: IdentitySuite<Person>): Promise<readonly string[]> {
  const broken: string[] = []
  for (const point of points<Person>()) {
    if (point.optOut !== undefined && suite.optOut?.[point.optOut] !== undefined) continue
    await run(point, suite).catch(() => broken.push(point.promise))
  }
  return broken
}

async function run<Person>(point: Point<Person>, suite: IdentitySuite<Person>): Promise<void> {
  const fixture = await suite.open()
  try {
    await point.check(fixture, suite)
  } finally {
    await fixture.close?.()
  }
}

function points<Person>(): readonly Point<Person>[] {
  return [
    {
      promise: 'start proves nothing',
      async check({ provider }) {
        for (const hint of [undefined, '', 'alice@example.com', '../\0', 'x'.repeat(5000)]) {
          const step = await provider.start({ purpose, callback, address, ...(hint === undefined ? {} : { hint }) })
          expect(['show', 'redirect']).toContain(step.kind)
        }
      },
    },
    {
      promise: 'a person who answers every step is proven under the id of the provider',
      async check(fixture) {
        const identity = await signIn(fixture, fixture.people[0])
        expect(identity.provider).toBe(fixture.provider.proves ?? fixture.provider.id)
        expect(identity.subject).not.toBe('')
        expect(fixture.provider.id).toMatch(/^[a-z0-9-]+$/)
        expect(fixture.provider.label).not.toBe('')
      },
    },
    {
      promise: 'the same person is the same subject each time',
      async check(fixture) {
        const first = await signIn(fixture, fixture.people[0])
        fixture.later(untilFresh)
        expect((await signIn(fixture, fixture.people[0])).subject).toBe(first.subject)
      },
    },
    {
      promise: 'two people are two subjects',
      async check(fixture) {
        const first = await signIn(fixture, fixture.people[0])
        expect((await signIn(fixture, fixture.people[1])).subject).not.toBe(first.subject)
      },
    },
    {
      promise: 'an empty answer proves nothing and skips nothing, at every step',
      async check(fixture) {
        const [person] = fixture.people
        for (const step of await stepsOf(fixture, person)) {
          const outcome = await answer(fixture, step.state, new URLSearchParams())
          expect(outcome.kind).not.toBe('proven')
          if (outcome.kind !== 'show' || step.kind !== 'show') continue
          expect(outcome.page.name).toBe(step.page.name)
        }
      },
    },
    {
      promise: 'fields of other steps do not skip a step',
      async check(fixture) {
        const [person] = fixture.people
        const steps = await stepsOf(fixture, person)
        const answers = await Promise.all(steps.map((step) => fixture.respond(step, person)))
        for (const [index, step] of steps.entries()) {
          const foreign = answers.filter((_, at) => at !== index).flatMap((params) => [...params])
          const own = new Set((answers[index] ?? new URLSearchParams()).keys())
          const params = new URLSearchParams(foreign.filter(([name]) => !own.has(name)))
          expect((await answer(fixture, step.state, params)).kind).not.toBe('proven')
        }
      },
    },
    {
      promise: 'damaged or foreign state proves nothing and does not throw',
      async check(fixture) {
        const [person] = fixture.people
        for (const step of await stepsOf(fixture, person)) {
          const params = await fixture.respond(step, person)
          for (const state of damaged(step.state)) {
            expect((await answer(fixture, state, params)).kind).not.toBe('proven')
          }
        }
      },
    },
    {
      promise: 'the answer of one attempt does not finish another one',
      optOut: 'binding',
      async check(fixture) {
        const [person, attacker] = fixture.people
        const victim = (await stepsOf(fixture, person)).at(-1)
        const own = (await stepsOf(fixture, attacker)).at(-1)
        if (victim === undefined || own === undefined) throw new Error('there is no step to answer')
        const outcome = await answer(fixture, victim.state, await fixture.respond(own, attacker))
        expect(outcome.kind).not.toBe('proven')
      },
    },
    {
      promise: 'state survives JSON unchanged',
      async check(fixture) {
        for (const { state } of await stepsOf(fixture, fixture.people[0])) {
          expect(JSON.parse(JSON.stringify(state))).toEqual(state)
          expect(JSON.parse(JSON.stringify({ state }))).toStrictEqual({ state })
        }
      },
    },
    {
      promise: 'who turns back is refused as cancelled',
      optOut: 'cancel',
      async check(fixture) {
        const [person] = fixture.people
        const { cancel } = fixture
        if (cancel === undefined) throw new Error('the fixture cannot cancel: give it a way or opt out')
        let step: Step = await start(fixture)
        for (let turned = false; !turned; ) {
          if (step.kind !== 'show' && step.kind !== 'redirect') throw new Error('no step offered a way to turn back')
          const back: URLSearchParams | undefined = await cancel(step, person)
          turned = back !== undefined
          step = await answer(fixture, step.state, back ?? (await fixture.respond(step, person)))
        }
        expect(step).toEqual({ kind: 'refused', reason: 'cancelled' })
      },
    },
    {
      promise: 'a late answer is refused',
      optOut: 'late',
      async check(fixture, { lifetime = 600 }) {
        const [person] = fixture.people
        for (const [index] of (await stepsOf(fixture, person)).entries()) {
          fixture.later(untilFresh)
          const step = (await stepsOf(fixture, person))[index]
          if (step === undefined) throw new Error('the attempt took another way')
          fixture.later(lifetime)
          const outcome = await answer(fixture, step.state, await fixture.respond(step, person))
          expect(outcome.kind).toBe('refused')
        }
      },
    },
    {
      promise: 'the last answer proves once: replayed in a new attempt it does not',
      optOut: 'replay',
      async check(fixture) {
        const [person] = fixture.people
        const step = (await stepsOf(fixture, person)).at(-1)
        const other = (await stepsOf(fixture, person)).at(-1)
        if (step === undefined || other === undefined) throw new Error('there is no step to answer')
        const params = await fixture.respond(step, person)
        expect((await answer(fixture, step.state, params)).kind).toBe('proven')
        expect((await answer(fixture, other.state, params)).kind).not.toBe('proven')
        expect((await answer(fixture, step.state, params)).kind).not.toBe('proven')
      },
    },
    {
      promise: 'when the outside party fails, the attempt is refused or UpstreamError thrown, without a secret',
      optOut: 'upstream',
      async check(fixture) {
        const [person] = fixture.people
        const steps = await stepsOf(fixture, person)
        const answers = await Promise.all(steps.map((step) => fixture.respond(step, person)))
        if (fixture.breakUpstream === undefined) throw new Error('the fixture cannot break: give it a way or opt out')
        const { secret } = fixture.breakUpstream()
        const outcomes = [
          () => start(fixture),
          ...steps.map((step, index) => () => answer(fixture, step.state, answers[index] ?? new URLSearchParams())),
        ]
        let failures = 0
        for (const outcome of outcomes) {
          const result = await outcome().catch((thrown: Error) => thrown)
          if (result instanceof Error) {
            expect(result.name).toBe('UpstreamError')
            expect(`${result.message} ${result.stack}`).not.toContain(secret)
            failures += 1
          } else {
            expect(result.kind).not.toBe('proven')
            if (result.kind === 'refused') failures += 1
          }
        }
        expect(failures).toBeGreaterThan(0)
      },
    },
    {
      promise: 'a keepsake comes where access was asked for, and nowhere else',
      async check(fixture) {
        const [person] = fixture.people
        expect(await keepsakeOf(fixture, person, null)).toBeUndefined()
        fixture.later(untilFresh)
        const keepsake = await keepsakeOf(fixture, person)
        if (fixture.provider.keepsakes === undefined) return expect(keepsake).toBeUndefined()
        expect(keepsake?.id.length).toBeGreaterThanOrEqual(22)
        expect(keepsake?.scopes).toEqual(expect.arrayContaining([...(fixture.scopes ?? [])]))
        expect(JSON.parse(JSON.stringify(keepsake))).toEqual(keepsake)
      },
    },
    {
      promise: 'a keepsake is kept once, in time, and for its own person alone',
      async check(fixture, { lifetime = 600 }) {
        const { people, provider, later } = fixture
        const { keepsakes } = provider
        if (keepsakes === undefined) return
        const [person, other] = people
        const { subject } = await signIn(fixture, person)
        const fresh = async (whose: Person) => {
          later(untilFresh)
          return (await keepsakeOf(fixture, whose))?.id ?? ''
        }
        expect(await keepsakes.keep('nonsense', subject)).toBe(false)
        expect(await keepsakes.keep(await fresh(other), subject)).toBe(false)
        const id = await fresh(person)
        expect(await keepsakes.keep(id, subject)).toBe(true)
        expect(await keepsakes.keep(id, subject)).toBe(false)
        const discarded = await fresh(person)
        await keepsakes.discard(discarded)
        await keepsakes.discard(discarded)
        expect(await keepsakes.keep(discarded, subject)).toBe(false)
        const late = await fresh(person)
        later(lifetime)
        expect(await keepsakes.keep(late, subject)).toBe(false)
        const contested = await fresh(person)
        const both = await Promise.all([keepsakes.keep(contested, subject), keepsakes.keep(contested, subject)])
        expect(both.filter((kept) => kept)).toHaveLength(1)
      },
    },
    {
      promise: '20 attempts at once stay apart',
      async check(fixture) {
        const subjects = new Map<Person, string>()
        for (const person of fixture.people) subjects.set(person, (await signIn(fixture, person)).subject)
        fixture.later(untilFresh)
        const people = Array.from({ length: 20 }, (_, index) => fixture.people[index % 2] as Person)
        const open = await Promise.all(people.map(async (person) => ({ person, step: await start(fixture) })))
        const outcomes = await Promise.all(open.map(({ person, step }) => walk(fixture, person, step)))
        for (const [index, { outcome }] of outcomes.entries()) {
          // Proof that is accepted once may be refused to all but one; it must never be another person's.
          if (outcome.kind === 'proven') expect(outcome.identity.subject).toBe(subjects.get(people[index] as Person))
        }
        const proven = new Set(
          outcomes.flatMap(({ outcome }) => (outcome.kind === 'proven' ? [outcome.identity.subject] : [])),
        )
        expect(proven).toEqual(new Set(subjects.values()))
      },
    },
  ]
}

/** Values that no provider has returned as this state. */
function damaged(state: Json): readonly Json[] {
  const wrong: Json[] = [null, '', 'nonsense', 7, true, [], {}, { at: 'done' }, [state], { state }]
  if (state === null || typeof state !== 'object' || Array.isArray(state)) return wrong
  const names = Object.keys(state)
  const without = names.map((name) => Object.fromEntries(Object.entries(state).filter(([key]) => key !== name)))
  const emptied = names.map((name) => ({ ...state, [name]: null }))
  const nested = names.map((name) => ({ ...state, [name]: { $ne: '' } }))
  return [...wrong, ...without, ...emptied, ...nested]
}

/** What a sign-in that asks for these scopes (null: for none) hands over. */
async function keepsakeOf<Person>(
  fixture: IdentityFixture<Person>,
  person: Person,
  scopes: readonly string[] | null = fixture.scopes ?? ['everything'],
): Promise<Keepsake | undefined> {
  const { outcome } = await walk(fixture, person, await start(fixture, scopes ?? undefined))
  if (outcome.kind !== 'proven') throw new Error(`not proven: ${JSON.stringify(outcome)}`)
  return outcome.keepsake
}

async function start<Person>({ provider }: IdentityFixture<Person>, scopes?: readonly string[]): Promise<OpenStep> {
  const access = scopes === undefined ? {} : { access: { scopes } }
  const step = await provider.start({ purpose, callback, address, ...access })
  if (step.kind === 'show' || step.kind === 'redirect') return step
  throw new Error(`the attempt was over at the start: ${step.kind}`)
}

function answer<Person>(fixture: IdentityFixture<Person>, state: Json, params: URLSearchParams): Promise<Step> {
  const input: AnswerInput = { purpose, callback, address, state: structuredClone(state), params }
  return fixture.provider.answer(input)
}

/** Answers until the attempt is over, or asks the same again `longest` times. */
async function walk<Person>(
  fixture: IdentityFixture<Person>,
  person: Person,
  first: OpenStep,
): Promise<{ steps: readonly OpenStep[]; outcome: Step }> {
  const steps: OpenStep[] = []
  let step: Step = first
  while ((step.kind === 'show' || step.kind === 'redirect') && steps.length < longest) {
    steps.push(step)
    step = await answer(fixture, step.state, await fixture.respond(step, person))
  }
  return { steps, outcome: step }
}

async function signIn<Person>(fixture: IdentityFixture<Person>, person: Person): Promise<Identity> {
  const { outcome } = await walk(fixture, person, await start(fixture))
  if (outcome.kind !== 'proven') throw new Error(`not proven: ${JSON.stringify(outcome)}`)
  expect(outcome.amr.length).toBeGreaterThan(0)
  return outcome.identity
}

/**
 * Every step that a person is asked, in a new attempt of which the last step stays unanswered: found by signing in
 * once, then walked again when time has passed.
 */
async function stepsOf<Person>(fixture: IdentityFixture<Person>, person: Person): Promise<readonly OpenStep[]> {
  const { steps: rehearsal } = await walk(fixture, person, await start(fixture))
  fixture.later(untilFresh)
  const steps: OpenStep[] = [await start(fixture)]
  while (steps.length < rehearsal.length) {
    const before = steps.at(-1) as OpenStep
    const step = await answer(fixture, before.state, await fixture.respond(before, person))
    if (step.kind !== 'show' && step.kind !== 'redirect') throw new Error(`the attempt took another way: ${step.kind}`)
    steps.push(step)
  }
  return steps
}
