/**
 * `/connect`: a person in the chat asks to be connected with their account. They get a link, somebody signs in behind it and
 * decides, and then the person in the chat is asked whether that was them.
 *
 * The link alone gives nothing to whoever else opens it: who signs in there sees whose Telegram it is, and who sent it there
 * sees which account, and chooses the number that stands in that browser. Both must want it.
 */
import type { Account, Accounts } from '../../adapters/postgres/accounts.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import type { Identities } from '../../adapters/postgres/identities.ts'
import type { Limits } from '../../adapters/postgres/limits.ts'
import type { NumberChoice } from '../../adapters/postgres/number-choice.ts'
import type { Sessions } from '../../adapters/postgres/sessions.ts'
import type { Connection, DecidingBrowser, TelegramConnections } from '../../adapters/postgres/telegram-connections.ts'
import type { TelegramQuestions } from '../../adapters/postgres/telegram-questions.ts'
import type { Delivery, Messenger, TelegramPerson } from '../../adapters/telegram/contract.ts'
import type { Adding } from '../interactions/adding.ts'
import { accountClientId } from '../oidc/account-client.ts'
import { maskedAccount } from './account-word.ts'
import type { Answered, TelegramFeature } from './features.ts'
import { telegramIdentity } from './identity.ts'
import { texts } from './texts.ts'

export const connectPath = '/telegram/connect'

const question = 'connect'
const no = 'no'

/** Links for one person: five at once, then ever fewer. */
const linkLimit = { free: 5, firstDelay: 60, maxDelay: 600, forget: 600 }

export interface ConnectOptions {
  issuer: string
  productName: string
  /** Seconds. */
  times: { readonly link: number; readonly chat: number }
  connections: TelegramConnections
  newChoice: () => NumberChoice
  questions: TelegramQuestions
  messenger: Messenger
  accounts: Pick<Accounts, 'find'>
  sessions: Pick<Sessions, 'find'>
  ownerOf: Identities['ownerOf']
  adding: Adding
  limits: Pick<Limits, 'spend'>
  audit: (event: NewAuditEvent) => Promise<void>
}

export type TelegramConnect = ReturnType<typeof telegramConnect>

export function telegramConnect(options: ConnectOptions) {
  const { issuer, productName, times, connections, questions, messenger, accounts, adding } = options
  const words = texts.connect

  async function offer(person: TelegramPerson): Promise<void> {
    if ((await options.ownerOf(telegramIdentity, person.id)) !== undefined) {
      return void (await messenger.say(person.id, { text: words.already(productName, `${issuer}/account`) }))
    }
    const spent = await options.limits.spend(`telegram-connect:${person.id}`, linkLimit)
    if (!spent.allowed) return void (await messenger.say(person.id, { text: words.tooMany }))
    const { id: personId, username } = person
    const name = [person.firstName, person.lastName].filter((part) => part !== undefined).join(' ')
    const connecting = { personId, name, username, choice: options.newChoice(), messageId: undefined }
    const { token, id } = await connections.offer(connecting)
    const sent = await messenger.say(personId, {
      text: words.link(productName, times.link / 60),
      buttons: [[{ text: words.open, url: `${issuer}${connectPath}/${token}` }]],
      protect: true,
    })
    if (sent.kind === 'sent') await connections.shown(id, { ...connecting, messageId: sent.messageId })
  }

  /** Replaces what the message with the link says. */
  async function tell({ personId, messageId }: Connection, text: string): Promise<void> {
    if (messageId !== undefined) await messenger.edit(personId, messageId, { text })
  }

  async function denied(
    connection: Connection,
    where: 'browser' | 'chat' | 'wrong number',
    address?: string,
  ): Promise<void> {
    const { accountId } = connection
    await options.audit({
      event: 'telegram.connect-denied',
      accountId,
      address: address ?? connection.browser?.address,
      detail: { where },
    })
  }

  async function answer({ payload, answer: given, person, messageId }: Answered): Promise<string | undefined> {
    const { id, number } = payload as { id: string; number: string }
    const replace = async (text: string): Promise<undefined> => {
      if (messageId !== undefined) await messenger.edit(person.id, messageId, { text })
    }
    if (given !== number) {
      const refused = await connections.end(id, ['asked'], 'denied')
      if (refused !== undefined) await denied(refused, given === no ? 'chat' : 'wrong number')
      return replace(given === no ? words.denied : words.wrongNumber)
    }
    const decided = await connections.decide(id)
    const account = decided && (await stillSignedIn(decided))
    if (decided === undefined || account === undefined) return replace(words.over)
    const outcome = await added(decided, account.id)
    return replace(outcome === 'taken' ? words.taken : words.connected(maskedAccount(account)))
  }

  /** The account at the browser, unless it was disabled or the session has ended: whoever was there is out. */
  async function stillSignedIn({ accountId = '', browser }: Connection): Promise<Account | undefined> {
    const session = await options.sessions.find(browser?.sessionUid ?? '')
    if (session?.accountId !== accountId) return undefined
    const account = await accounts.find(accountId)
    return account?.disabledAt === undefined ? account : undefined
  }

  async function added(connection: Connection, accountId: string): Promise<'added' | 'taken'> {
    const { id, personId, name, username, browser } = connection
    const label = username === undefined ? name : `@${username}`
    const identity = { provider: telegramIdentity, subject: personId, name, label }
    try {
      const outcome = await adding.add(
        { client: { id: accountClientId }, address: browser?.address ?? '' },
        accountId,
        identity,
      )
      await connections.end(id, ['deciding'], outcome === 'added' ? 'connected' : 'taken')
      return outcome
    } catch (error) {
      await connections.undecide(id).catch(() => undefined)
      throw error
    }
  }

  const feature: TelegramFeature = {
    commands: { connect: { description: words.command, run: offer } },
    answers: { [question]: answer },
  }

  return {
    feature,

    /** A browser has the link now. */
    opened: (connection: Connection) => tell(connection, words.opened),

    /** Asks the person in the chat; false when somebody was faster, or they cannot be asked. */
    async ask(connection: Connection, accountId: string, browser: DecidingBrowser): Promise<Delivery['kind'] | 'over'> {
      const account = await accounts.find(accountId)
      if (account === undefined || !(await connections.ask(connection, accountId, browser))) return 'over'
      const { id, state: _, accountId: __, ...connecting } = connection
      const { personId, choice } = connecting
      const answers = [...choice.choices, no]
      const payload = { id, number: choice.number }
      const handles = await questions.ask({
        personId,
        kind: question,
        payload,
        answers,
        ttl: times.chat,
        about: id,
      })
      const buttons = handles.map((data, index) => ({ text: choice.choices[index] ?? words.no, data }))
      const text = words.ask(maskedAccount(account))
      const sent = await messenger.say(personId, { text, buttons: [buttons.slice(0, -1), buttons.slice(-1)] })
      if (sent.kind === 'sent') {
        // Whoever cancels in the browser ends what stands in the chat.
        await connections.shown(id, { ...connecting, browser, messageId: sent.messageId })
      } else {
        await questions.withdraw(question, id)
        await connections.end(id, ['asked'], 'unreachable')
      }
      return sent.kind
    },

    /** The person at the browser does not want it, before or after they said so. */
    async refuse(connection: Connection, accountId: string | undefined, address: string): Promise<void> {
      const ended = await connections.end(connection.id, ['opened', 'asked'], 'denied')
      if (ended === undefined) return
      await questions.withdraw(question, connection.id)
      await denied({ ...ended, accountId: ended.accountId ?? accountId }, 'browser', address)
      await tell(ended, words.deniedInBrowser)
    },
  }
}
