/**
 * What becomes of what people do in their chats with the bot: each thing goes to the feature that takes it, and what
 * nobody takes is answered with what the bot is for.
 *
 * Knows no feature, and neither chats nor Telegram's ways.
 */
import type { TelegramPeople } from '../../adapters/postgres/telegram-people.ts'
import type { TelegramQuestions } from '../../adapters/postgres/telegram-questions.ts'
import type { BotCommand, Incoming, Messenger, Receive, TelegramPerson } from '../../adapters/telegram/contract.ts'
import type { TelegramFeature } from './features.ts'
import { texts } from './texts.ts'

export interface ConversationOptions {
  features: readonly TelegramFeature[]
  messenger: Messenger
  people: Pick<TelegramPeople, 'reached' | 'lost'>
  questions: Pick<TelegramQuestions, 'take'>
  productName: string
}

type Of<Kind extends Incoming['kind']> = Extract<Incoming, { kind: Kind }>

/** What the menu of the chat shows. */
export function commandsOf(features: readonly TelegramFeature[]): readonly BotCommand[] {
  const own = features.flatMap(({ commands = {} }) =>
    Object.entries(commands).map(([command, { description }]) => ({ command, description })),
  )
  return [...own, { command: 'help', description: texts.help }]
}

export function conversation({ features, messenger, people, questions, productName }: ConversationOptions): Receive {
  const starts = Object.assign({}, ...features.map((feature) => feature.starts)) as NonNullable<
    TelegramFeature['starts']
  >
  const commands = Object.assign({}, ...features.map((it) => it.commands)) as NonNullable<TelegramFeature['commands']>
  const answers = Object.assign({}, ...features.map((it) => it.answers)) as NonNullable<TelegramFeature['answers']>

  const paragraphs = features.flatMap(({ about = [] }) => about)
  const askContact = features.find((it) => it.askContact !== undefined)?.askContact

  async function explain({ id }: TelegramPerson): Promise<undefined> {
    const text = texts.about(productName, paragraphs, commandsOf(features))
    await messenger.say(id, { text, ...(askContact === undefined ? {} : { askContact }) })
  }

  async function start({ person, parameter }: Of<'start'>): Promise<void> {
    if (parameter === undefined) return explain(person)
    const [, letter = '', token = ''] = /^([a-z])([\w-]{43})$/.exec(parameter) ?? []
    const feature = own(starts, letter)
    if (feature === undefined) return void (await messenger.say(person.id, { text: texts.linkOver }))
    await feature(person, token)
  }

  async function press({ person, data, messageId }: Of<'press'>): Promise<string | undefined> {
    const question = await questions.take(data, person.id)
    const feature = question && own(answers, question.kind)
    if (question === undefined || feature === undefined) return texts.buttonOver
    const { payload, answer } = question
    try {
      return await feature({ person, payload, answer, messageId })
    } catch (error) {
      // Telegram brings the press again; without the question there would be nothing to answer.
      await question.putBack().catch(() => undefined)
      throw error
    }
  }

  async function offered(take: (feature: TelegramFeature) => Promise<boolean> | undefined): Promise<boolean> {
    for (const feature of features) if ((await take(feature)) === true) return true
    return false
  }

  return async (incoming) => {
    const { person } = incoming
    if (incoming.kind === 'standing' && incoming.blocked) return void (await people.lost(person.id))
    await people.reached(person.id)
    switch (incoming.kind) {
      case 'standing':
        return undefined
      case 'start':
        return void (await start(incoming))
      case 'command': {
        const command = own(commands, incoming.name)
        return void (await (command === undefined ? explain(person) : command.run(person, incoming.text)))
      }
      case 'press':
        return press(incoming)
      case 'contact': {
        const { phone, own: isOwn } = incoming
        return (await offered((it) => it.contact?.(person, phone, isOwn))) ? undefined : explain(person)
      }
      case 'text': {
        const { text, messageId } = incoming
        return (await offered((it) => it.text?.(person, text, messageId))) ? undefined : explain(person)
      }
      case 'other':
        return explain(person)
    }
  }
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}
