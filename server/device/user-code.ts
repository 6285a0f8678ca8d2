/** User codes as people type them and as they are shown (RFC 8628 §6.1): case and signs between the letters mean nothing. */
import { userCodes } from '../oidc/device-flow.ts'

/** Longest text that is looked at, characters. */
const longest = 64

/** What was typed, in the form in which codes are kept. */
export function typedUserCode(text: string): string {
  return text
    .slice(0, longest)
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '')
}

/** A kept code as devices show it; anything else as it is. */
export function shownUserCode(code: string): string {
  const places = userCodes.mask.split('*').length - 1
  if (code.length !== places) return code
  const letters = [...code]
  return userCodes.mask.replaceAll('*', () => letters.shift() ?? '')
}
