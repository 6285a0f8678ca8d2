/**
 * The chat's side of a sign-in by picture: says who asks, has the number chosen that stands where it began, and records
 * what was decided.
 *
 * Whoever is shown a stranger's picture sees no number to choose, so a press of Start lets nobody in (RFC 10027). What is
 * confirmed here signs in nobody by itself: whoever began fetches it.
 */
import type { Json } from '../../adapters/identity/contract.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import type { TelegramQuestions } from '../../adapters/postgres/telegram-questions.ts'
import type { TelegramSignIn, TelegramSignIns } from '../../adapters/postgres/telegram-sign-ins.ts'
import type { Messenger, TelegramPerson } from '../../adapters/telegram/contract.ts'
import { programOf } from '../device/user-agent.ts'
import type { Answered, TelegramFeature } from './features.ts'
import { telegramIdentity } from './identity.ts'
import type { ReportedAddresses } from './reported-addresses.ts'
import { signInLetter } from './sign-in-link.ts'
import { type SignInFacts, texts } from './texts.ts'

export interface TelegramSignInOptions {
  signIns: Pick<TelegramSignIns, 'claim' | 'decide'>
  questions: Pick<TelegramQuestions, 'ask' | 'withdraw'>
  messenger: Messenger
  reported: Pick<ReportedAddresses, 'report'>
  /** The account of an identity. */
  ownerOf: (provider: string, subject: string) => Promise<string | undefined>
  audit: (event: NewAuditEvent) => Promise<void>
  productName: string
}

const kind = 'sign-in'
const notMe = 'not-me'
/** Seconds; the sign-in itself may be over before. */
const timeToAnswer = 120

export function telegramSignIn(options: TelegramSignInOptions): TelegramFeature {
  const { signIns, questions, messenger, reported, audit, productName } = options
  const words = texts.signIn

  async function ask({ id: personId }: TelegramPerson, token: string): Promise<void> {
    const claimed = await signIns.claim(token, personId)
    if (claimed === undefined) return void (await messenger.say(personId, { text: words.over }))
    const { id, request } = claimed
    // Somebody who presses Start again is asked again, and the buttons before are over.
    await questions.withdraw(kind, id)
    const answers = [...request.choices, notMe]
    const payload = { id, number: request.number }
    const handles = await questions.ask({ personId, kind, payload, answers, ttl: timeToAnswer, about: id })
    const buttons = answers.map((text, index) => ({
      text: text === notMe ? words.notMe : text,
      data: handles[index] as string,
    }))
    const text = words.ask(productName, factsOf(request))
    await messenger.say(personId, { text, buttons: [buttons.slice(0, -1), buttons.slice(-1)] })
  }

  async function decide({ person, payload, answer, messageId }: Answered): Promise<string | undefined> {
    const { id, number } = payload as { id: string; number: string } & Json
    const decision = answer === number ? 'confirmed' : answer === notMe ? 'denied' : 'wrong-number'
    const request = await signIns.decide(id, person, decision)
    if (request !== undefined && decision !== 'confirmed') await refused(person, request, decision)
    const text = request === undefined ? words.over : said(decision, request.app)
    if (messageId !== undefined) await messenger.edit(person.id, messageId, { text })
    return undefined
  }

  const said = (decision: 'confirmed' | 'denied' | 'wrong-number', app: string) =>
    decision === 'confirmed' ? words.confirmed(app) : words[decision]

  async function refused(
    person: TelegramPerson,
    { address, clientId, face }: TelegramSignIn,
    decision: 'denied' | 'wrong-number',
  ): Promise<void> {
    const accountId = await options.ownerOf(telegramIdentity, person.id)
    await audit({ event: `telegram.sign-in-${decision}`, accountId, clientId, address })
    if (decision !== 'denied' || address === undefined) return
    await reported.report(address, face === 'app' ? clientId : undefined)
  }

  return { starts: { [signInLetter]: ask }, answers: { [kind]: decide } }
}

/** What the person is told of who asks. */
function factsOf({ purpose, app, address, country, userAgent, begunAt, face }: TelegramSignIn): SignInFacts {
  const place = country === undefined ? undefined : new Intl.DisplayNames('en', { type: 'region' }).of(country)
  const program = programOf(userAgent)
  return { purpose, app, address, place, program, at: new Date(begunAt), byApp: face === 'app' }
}
