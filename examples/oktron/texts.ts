/** What oktron says. */
import type { InlineKeyboardButton } from 'grammy/types'
import type { Codes } from './authorization.ts'
import { linkLifetime } from './hand-off.ts'

/** Longest note, characters: the question that shows it must fit in one message. */
export const longestNote = 1_000

export const texts = {
  start:
    'I am oktron. I keep notes for you in okto.\n\n/connect – connect me to your okto account\n/whoami – who okto says you are\n/note <text> – add a note; asks for your PIN\n/disconnect – end the connection',
  privateOnly: 'I speak to people in private only. Open a chat with me and try there.',
  alreadyConnected: (name: string) =>
    `You are connected as ${name} already. To use another account, /disconnect first.`,
  denied: 'The connection was refused. Nothing has changed.',
  expired: 'The time is over, nothing has changed. To try again: /connect',
  cancelled: 'Cancelled. Nothing has changed.',
  replaced: 'This has been replaced: see below.',
  codeInstead: 'You wanted a code instead: see below.',
  restarted: 'I was started anew and do not wait for this any more. To try again: /connect',
  askedThere: (host: string, words: string, minutes: number) =>
    `I have had ${host} ask you whether I may go on. Open your chat with its bot and look for the words\n${words}\n\nIf they are there, you may approve; if not, deny. You have ${minutes} minutes.`,
  linkOpened: 'The link was opened in a browser. If that was not you, cancel.',
  linkUsed: 'The link was used. See below.',
  askConnect: (name: string) =>
    `Somebody opened the link and wants to connect me to okto as\n${name}\n\nIs that you, and your account?`,
  connected: (name: string) => `You are connected to okto as ${name}.`,
  choosePin:
    'Choose a PIN of 6 to 12 digits. I will ask for it before I change anything.\n\nReply to this message; your reply will be deleted.',
  unfitPin: 'That will not do: 6 to 12 digits, not all the same and not counting up or down.',
  pinChosen: 'Your PIN is set.',
  pinSetBefore: 'You have a PIN already.',
  askPin: (purpose: string) => `${purpose}\n\nReply with your PIN; your reply will be deleted.`,
  wrongPin: (left: number) => `That is not your PIN. ${left} ${left === 1 ? 'try' : 'tries'} left.`,
  noTriesLeft: 'That was not your PIN, too often. The connection has ended. To begin anew: /connect',
  deleteYourself: 'I could not delete your message. Please delete it yourself.',
  questionOver: 'That question is over. Please send the command again.',
  whoami: (name: string, notes: number) =>
    `You are ${name}. okto keeps ${notes} ${notes === 1 ? 'note' : 'notes'} of yours.`,
  noteUsage: 'Send the note with the command: /note Buy milk',
  noteTooLong: `A note has at most ${longestNote} characters.`,
  notePurpose: (note: string) => `Add this note?\n\n${note}`,
  noteAdded: (notes: number) => `Added. That makes ${notes} ${notes === 1 ? 'note' : 'notes'}.`,
  notConnected: 'You are not connected. To connect: /connect',
  ended: 'The connection has ended, here or in your account. To begin anew: /connect',
  askDisconnect: 'End the connection to okto?',
  disconnected: 'The connection has ended. I have kept nothing.',
  forgotten:
    'I have forgotten the connection, but could not reach the server to end it there. Please remove me in your account, too.',
  kept: 'The connection stays.',
  buttonOver: 'That is over.',
  failed: 'Something went wrong. Please try again later.',
}

type Message = { text: string; buttons: InlineKeyboardButton[][] }

/** The message with the code, and its buttons. The address and the code stand in the text, too, to be typed elsewhere. */
export function codesMessage(codes: Codes): Message {
  const { user_code: code, verification_uri: address, verification_uri_complete: link, expires_in: seconds } = codes
  const text = `To connect me to okto, open\n${address}\nand enter the code\n${code}\n\nThe page shows the same code: compare them. It works for ${Math.floor(seconds / 60)} minutes. Do not pass it on.`
  const open = link !== undefined && mayBeButton(link) ? [[{ text: 'Open the page', url: link }]] : []
  return { text, buttons: [...open, [{ text: 'Copy the code', copy_text: { text: code } }]] }
}

/** The message with the link. It stands in the text only where it cannot be a button: a button is not copied by mistake. */
export function linkMessage(link: string): Message {
  const text = `To connect me to okto, open this link in your browser. It works once, for ${linkLifetime / 60} minutes. Do not pass it on.`
  return mayBeButton(link)
    ? { text, buttons: [[{ text: 'Open the browser', url: link }]] }
    : { text: `${text}\n${link}`, buttons: [] }
}

/** Telegram takes no button to a machine without a domain, as a developer's is. */
function mayBeButton(link: string): boolean {
  return new URL(link).hostname.includes('.')
}
