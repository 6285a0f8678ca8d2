/** The address that a person opens to confirm a sign-in: what the picture says. */

/** The letter of the deep links of sign-ins, and thereby 44 of the 64 characters that Telegram takes. */
export const signInLetter = 's'

/** Undefined while nobody knows what the bot is called. */
export function signInLink(bot: string | undefined, token: string): string | undefined {
  return bot === undefined ? undefined : `https://t.me/${bot}?start=${signInLetter}${token}`
}
