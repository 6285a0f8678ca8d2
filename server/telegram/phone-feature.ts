/**
 * Phone numbers in the chat: people share their own, and get the code that waits for it, as often as they ask.
 *
 * A number is theirs when they shared it by the button and Telegram says that it is; what they write is only ever compared
 * with that.
 */
import type { Audit } from '../../adapters/postgres/audit.ts'
import type { TelegramPhones } from '../../adapters/postgres/telegram-phones.ts'
import type { Messenger, TelegramPerson } from '../../adapters/telegram/contract.ts'
import type { TelegramFeature } from './features.ts'
import { telegramIdentity } from './identity.ts'
import type { OneTimeCodes } from './one-time-codes.ts'
import { phoneTexts as texts } from './phone-texts.ts'

export interface PhoneFeatureOptions {
  readonly messenger: Messenger
  readonly codes: OneTimeCodes
  readonly phones: TelegramPhones
  /** The account of an identity. */
  readonly ownerOf: (provider: string, subject: string) => Promise<string | undefined>
  readonly audit: Audit['record']
}

export function phoneFeature({ messenger, codes, phones, ownerOf, audit }: PhoneFeatureOptions): TelegramFeature {
  const accountOf = ({ id }: TelegramPerson) => ownerOf(telegramIdentity, id)
  const say = async ({ id }: TelegramPerson, text: string): Promise<void> => void (await messenger.say(id, { text }))
  const askContact = async ({ id }: TelegramPerson, text: string): Promise<void> =>
    void (await messenger.say(id, { text, askContact: texts.share }))

  async function share(person: TelegramPerson, typed: string): Promise<void> {
    const phone = (await codes.read(typed))?.number
    if (phone === undefined) return say(person, texts.notServed)
    await phones.share(phone, person)
    await audit({ event: 'phone.shared', accountId: await accountOf(person) })
    await say(person, texts.shared(phone))
    await codes.repeat(phone, person.id, true)
  }

  return {
    about: texts.about,
    askContact: texts.share,
    starts: {
      async p(person, request) {
        if (!(await codes.repeatOf(request, person.id))) await askContact(person, texts.shareFirst)
      },
    },
    commands: {
      phone: { description: texts.phoneCommand, run: (person) => askContact(person, texts.about) },
      forget: {
        description: texts.forgetCommand,
        async run(person) {
          const known = await phones.forget(person.id)
          if (known) await audit({ event: 'phone.forgotten', accountId: await accountOf(person) })
          await say(person, known ? texts.forgotten : texts.notKnown)
        },
      },
    },
    async contact(person, phone, own) {
      await (own ? share(person, phone) : askContact(person, texts.notYours))
      return true
    },
    async text(person, text) {
      const phone = (await codes.read(text))?.number
      if (phone === undefined) return false
      if (!(await phones.isOf(phone, person.id))) await askContact(person, texts.notShared)
      else if (!(await codes.repeat(phone, person.id, false))) await say(person, texts.noCode)
      return true
    },
  }
}
