/** What the bot says by itself, in English. Plain text: Telegram shows no markup of ours. */

export const texts = {
  /** To whoever starts it or writes what nobody expects. */
  about: (productName: string, commands: readonly { command: string; description: string }[]): string =>
    [
      `This is the bot of ${productName}. It asks you here when somebody signs in with your Telegram, or when an app wants your approval. It never writes first about anything else.`,
      'It never asks for a password. When it asks for something that you did not begin, refuse.',
      ...(commands.length === 0
        ? []
        : [commands.map(({ command, description }) => `/${command} – ${description}`).join('\n')]),
    ].join('\n\n'),
  privateOnly: 'Write to me in private: what I do is nobody else’s business.',
  linkOver: 'This link is over or was used before. Begin again where you got it.',
  buttonOver: 'This is over. Nothing was done.',
  help: 'what this bot is for',
} as const
