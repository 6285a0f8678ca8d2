/** What the bot says by itself, in English. Plain text: Telegram shows no markup of ours. */

import type { Program } from '../device/user-agent.ts'

export interface SignInFacts {
  readonly purpose: 'sign-in' | 'link'
  readonly app: string
  readonly address: string | undefined
  readonly place: string | undefined
  readonly program: Program | undefined
  readonly at: Date
  /** An app says all this, not we. */
  readonly byApp: boolean
}

export const texts = {
  /** To whoever starts it or writes what nobody expects. */
  about: (
    productName: string,
    paragraphs: readonly string[],
    commands: readonly { command: string; description: string }[],
  ): string =>
    [
      `This is the bot of ${productName}. It asks you here when somebody signs in with your Telegram, or when an app wants your approval, and brings codes that were asked for. It never writes first about anything else.`,
      'It never asks for a password. When it asks for something that you did not begin, refuse.',
      ...paragraphs,
      ...(commands.length === 0
        ? []
        : [commands.map(({ command, description }) => `/${command} – ${description}`).join('\n')]),
    ].join('\n\n'),
  privateOnly: 'Please write to me in private: I do nothing in groups.',
  linkOver: 'This link is over or was used before. Begin again where you got it.',
  buttonOver: 'This is over: it was answered already, or waited too long.',
  help: 'what this bot is for',
  connect: {
    command: 'connect this Telegram with your account',
    /** `minutes` is for how long the link works. */
    link: (product: string, minutes: number): string =>
      `To connect this Telegram with your account at ${product}, open the link below within ${minutes} minutes and sign in.\n\nThe link is for you alone: do not send it to anybody. I will ask you here once more before anything is connected.`,
    open: 'Open',
    already: (product: string, address: string): string =>
      `This Telegram is connected with an account at ${product} already. You can end that there: ${address}`,
    tooMany: 'You have asked for many links. Wait some minutes before you ask for another one.',
    ask: (account: string): string =>
      `Connect this Telegram with the account ${account}?\n\nIf you have just opened the link, and this is your account, choose the number that your browser shows. If not, press No: then somebody else has opened it.`,
    no: 'No',
    connected: (account: string): string =>
      `Connected with the account ${account}. You can sign in there with this Telegram.`,
    taken: 'This Telegram belongs to another account, so nothing was connected.',
    denied: 'Nothing was connected.',
    wrongNumber: 'Nothing was connected: your browser shows another number. Send /connect to begin again.',
    deniedInBrowser: 'Nothing was connected: it was refused in the browser.',
    opened: 'The link was opened. Go on in the browser; I will ask you here before anything is connected.',
    over: 'Nothing was connected: it took too long, or the browser is signed out. Send /connect to begin again.',
  },

  /** A sign-in that begins with a picture on a page. */
  signIn: {
    ask: (productName: string, asked: SignInFacts): string =>
      [
        asked.purpose === 'sign-in'
          ? `Sign in to ${asked.app} with your Telegram?`
          : `Add your Telegram to an account of ${productName}, as a way to sign in to it?`,
        [
          ...(asked.purpose === 'sign-in' && asked.app !== productName ? [`At: ${productName}`] : []),
          `With: ${programText(asked.program)}`,
          `From: ${placeText(asked)}`,
          `Begun: ${asked.at.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
          ...(asked.byApp ? [`All this is what ${asked.app} says.`] : []),
        ].join('\n'),
        'Choose the number that stands on the page in front of you. If you see no such page, or somebody sent you here, press “It’s not me”: whatever they say, they want to get in as you.',
      ].join('\n\n'),
    notMe: 'It’s not me',
    confirmed: (app: string): string => `Confirmed. Go back to the page: it continues to ${app} by itself.`,
    'wrong-number':
      'That is not the number on the page, so nobody was signed in. If you see the page, begin there again. If somebody told you a number, do not go on: they want to get in as you.',
    denied:
      'Nobody was signed in, and we took note of it. Whoever showed or sent you that picture wanted to get in as you.',
    over: 'This code is over, or somebody else has used it. The page where you got it has a new one.',
  },
} as const

function programText(program: Program | undefined): string {
  if (program === undefined) return 'a browser that gives no name'
  return program.system === undefined ? program.name : `${program.name} on ${program.system}`
}

function placeText({ place, address }: SignInFacts): string {
  if (address === undefined) return place ?? 'an address that is not known'
  return place === undefined ? `address ${address}` : `${place} (address ${address})`
}
