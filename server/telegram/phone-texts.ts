/** What the bot says about phone numbers and codes, in English. Plain text: Telegram shows no markup of ours. */

export const phoneTexts = {
  about: 'To get codes for signing in with your phone number, share it with the button below. Nobody else is shown it.',
  share: 'Share my phone number',
  /** To whoever came by the link on the page of a code. */
  shareFirst:
    'To get the code here, share your phone number with the button below. It has to be the number that you typed.',
  notYours: 'That is not your own number. Share yours with the button below.',
  /** To whoever writes a number that they have not shared: it may be theirs. */
  notShared:
    'I cannot tell from what is written that this number is yours. Share it with the button below, and codes come here.',
  notServed: 'Codes don’t come to numbers of that country here.',
  shared: (phone: string): string => `Thank you. Codes for ${phone} come here from now on.`,
  noCode: 'No code waits for this number. Ask for one where you sign in.',
  code: (code: string, productName: string, minutes: number): string =>
    [
      `${code} is your code for ${productName}. It lasts ${minutes} minutes and works once.`,
      'Type it only where you asked for it. If you did not ask for one, do nothing, and tell it to nobody: whoever has it can sign in as you.',
    ].join('\n\n'),
  copy: 'Copy the code',
  forgotten: 'Your number is forgotten. No codes come here until you share it again.',
  notKnown: 'You have not shared a number.',
  phoneCommand: 'share your phone number, to get codes here',
  forgetCommand: 'forget your phone number',
} as const
