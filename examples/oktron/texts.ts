/** What oktron says. */
import type { InlineKeyboardButton } from 'grammy/types'
import type { Codes } from './authorization.ts'

/** Longest note, characters: the question that shows it must fit in one message. */
export const longestNote = 1_000

export const texts = {
  start:
    'I am oktron. I keep notes for you in okto.\n\n/connect – connect me to your okto account\n/whoami – who okto says you are\n/note <text> – add a note; asks for your PIN\n/disconnect – end the connection',
  privateOnly: 'I speak to people in private only. Open a chat with me and try there.',
  alreadyConnected: (name: string) =>
    `You are connected as ${name} already. To use another account, /disconnect first.`,
  denied: 'The connection was refused. Nothing has changed.',
  expired: 'The code has expired. To try again: /connect',
  cancelled: 'Cancelled. Nothing has changed.',
  replaced: 'This code has been replaced by a newer one.',
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

/** The message with the code, and its buttons. The address and the code stand in the text, too, to be typed elsewhere. */
export function codesMessage(codes: Codes, cancel: string): { text: string; buttons: InlineKeyboardButton[][] } {
  const { user_code: code, verification_uri: address, verification_uri_complete: link, expires_in: seconds } = codes
  const text = `To connect me to okto, open\n${address}\nand enter the code\n${code}\n\nThe page shows the same code: compare them. It works for ${Math.floor(seconds / 60)} minutes. Do not pass it on.`
  return {
    text,
    buttons: [
      // Telegram takes no button to a machine without a domain, as a developer's is.
      ...(link !== undefined && new URL(link).hostname.includes('.') ? [[{ text: 'Open the page', url: link }]] : []),
      [{ text: 'Copy the code', copy_text: { text: code } }],
      [{ text: 'Cancel', callback_data: cancel }],
    ],
  }
}
