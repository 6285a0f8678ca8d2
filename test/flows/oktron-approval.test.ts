/**
 * The example bot asks somebody whom it knows where the server knows them (OpenID CIBA): two bots, two chats, one person.
 */
import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { link, press } from '../support/approval.ts'
import { enter, finish } from '../support/device.ts'
import { outage, type Somebody, startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import type { Message } from '../support/fakes/telegram-world.ts'
import { type OktronStage, startOktronStage } from '../support/oktron.ts'
import { somebody as account, register, signIn } from '../support/people.ts'
import { passSeconds } from '../support/time-lapse.ts'

/** Where the chats with the server's own bot are; those with oktron are at the Telegram of the stage. */
let telegram: Telegram
let stage: OktronStage
beforeAll(async () => {
  telegram = await startTelegram()
  stage = await startOktronStage({ approval: telegram })
  void stage.bot.poll()
})
afterAll(async () => {
  const { complaints } = stage.telegram
  await stage[Symbol.asyncDispose]()
  expect([complaints, telegram.complaints]).toEqual([[], []])
  await telegram[Symbol.asyncDispose]()
})

const pin = '271828'

interface Known {
  /** In the chat with oktron. */
  readonly person: Somebody
  /** In the chat with the server's bot. */
  readonly there: Somebody
  readonly who: ReturnType<typeof account>
}

/** Somebody who connected oktron by a code, whose Telegram the server knows, and whose access has ended by time. */
async function ended(): Promise<Known> {
  const [person, there, who] = [stage.telegram.person(), telegram.person(), account('dana')]
  const visitor = stage.server.visitor()
  await register(visitor, '/account', who)
  person.write('/connect')
  const [, user_code = ''] = /the code\n(\S+)/.exec((await person.told('enter the code')).text) ?? []
  await finish(visitor, await visitor.submit(await enter(visitor, { user_code }), '/device', { decision: 'allow' }))
  person.reply(await stage.passUntil(person.told('Choose a PIN')), pin)
  await person.told('Your PIN is set')
  const { id } = await stage.server.database.store.db
    .selectFrom('accounts')
    .select('id')
    .where('email', '=', who.email)
    .executeTakeFirstOrThrow()
  await link(stage.server, id, there)
  passSeconds(91 * 24 * 60 * 60)
  person.write('/whoami')
  await person.told('The connection has ended')
  return { person, there, who }
}

/** The person connects anew, and the question is there; answers both messages. */
async function askedAnew({ person, there }: Known): Promise<{ here: Message; question: Message }> {
  person.write('/connect')
  const here = await person.told('look for the words')
  return { here, question: await there.told('“oktron” asks for access') }
}

const buttonOf = (message: Message, text: string) =>
  message.reply_markup?.inline_keyboard?.flat().find((it) => it.text === text) ?? { text }

/** The person gets a code, as somebody whom nobody can ask; nothing was asked. */
async function isGivenCode({ person, there }: Known): Promise<void> {
  const before = there.messages.length
  person.write('/connect')
  const message = await person.told('enter the code')
  await person.press(buttonOf(message, 'Cancel'), message)
  await person.told('Cancelled')
  expect(there.messages).toHaveLength(before)
}

test('who was connected approves in the other chat, by the same words; no browser, and the PIN is what it was', async () => {
  const known = await ended()
  const { person, there } = known
  const { here, question } = await askedAnew(known)
  const [, words = ''] = /the words\n(.+)/.exec(here.text) ?? []
  expect(words).toMatch(/^[a-z]+ [a-z]+ [0-9]{2}$/)
  expect(question.text).toContain(`“${words}”`)
  expect(here.text).toContain(new URL(stage.server.origin).host)
  expect(await press(there, question, 'Approve')).toBe('Approved')
  await stage.passUntil(vi.waitFor(() => expect(here.text).toContain('You are connected to okto as')))
  person.write('/note Buy milk')
  const asked = await person.told('Reply with your PIN')
  person.reply(asked, '000000')
  person.reply(await person.told('That is not your PIN. 4 tries left.'), pin)
  await person.told('That makes 1 note')
  // The server knows nothing of the chat with oktron, nor of who it is there.
  const said = JSON.stringify([stage.requests, stage.lines, there.messages])
  for (const id of [person.id, person.chatId]) expect(said).not.toContain(String(id))
  expect(await stage.vault()).not.toContain(words)
})

describe('a person who does not approve', () => {
  test('denies: nothing is kept, and asking again asks again, by other words', async () => {
    const known = await ended()
    const first = await askedAnew(known)
    await press(known.there, first.question, 'Deny')
    expect(await stage.passUntil(known.person.told('The connection was refused'))).toBe(first.here)
    const { here, question } = await askedAnew(known)
    expect(question).not.toBe(first.question)
    expect(here.text).not.toBe(first.here.text)
    await known.person.press(buttonOf(here, 'Cancel'), here)
    await known.person.told('Cancelled')
  })

  test('wants a code instead', async () => {
    const known = await ended()
    const { here } = await askedAnew(known)
    await known.person.press(buttonOf(here, 'Use a code instead'), here)
    const codes = await known.person.told('enter the code')
    await known.person.press(buttonOf(codes, 'Cancel'), codes)
    await known.person.told('Cancelled')
  })
})

describe('nobody is asked, and a code is shown', () => {
  test('where the server cannot reach the person', async () => {
    const known = await ended()
    known.there.block()
    await telegram.allTaken()
    await isGivenCode(known)
  })

  test('where Telegram does not answer the server, which says so (503)', async () => {
    const known = await ended()
    known.there.fail('sendMessage', outage())
    await isGivenCode(known)
  })

  test('where the person has removed the app', async () => {
    const known = await ended()
    const visitor = stage.server.visitor()
    await visitor.submit(await signIn(visitor, '/account', known.who), '/apps/revoke')
    await isGivenCode(known)
  })

  test('where the person has had themselves forgotten', async () => {
    const known = await ended()
    const files = (await readdir(stage.folder)).length
    known.person.write('/disconnect')
    await known.person.told('I have kept nothing')
    expect(await readdir(stage.folder)).toHaveLength(files - 1)
    await isGivenCode(known)
    known.person.write('/disconnect')
    await known.person.told('You are not connected')
  })
})
