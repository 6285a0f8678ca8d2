/**
 * The words by which a person recognises what they are asked about, shown in the app and in their chat (OpenID CIBA §7.1).
 *
 * The app chooses them and a person reads them in a message of ours, so they can neither look like a part of that message
 * nor lead anywhere.
 */
import { hasInvisible } from './client-metadata.ts'

/** Characters, as a person counts them. */
const longest = 60

// Chats make links of `/commands`, `@names`, `+numbers` and whatever looks like an address. The message stands in “ ”.
const plain = /^[\p{L}\p{M}\p{N}\p{Sc} .,:;!?'’«»()#%&*=\-–—·]+$/u
const address = /[^ ][.:]+\p{L}/u
// Letters and marks by Unicode's account that show as nothing, such as the fillers of Hangul.
const blank = /\p{Default_Ignorable_Code_Point}/u
// No script needs more on one letter; more of them cover the lines around.
const pile = /\p{M}{4}/u

/** What is wrong with a binding message, or undefined. */
export function bindingMessageProblem(text: string): string | undefined {
  if (text.trim() === '' || [...text].length > longest) return `it must have 1 to ${longest} characters`
  if (hasInvisible(text) || blank.test(text))
    return 'it must not hold line breaks, nor characters that nobody sees or that turn the text'
  if (pile.test(text)) return 'it must not heap marks on a letter'
  if (!plain.test(text)) return 'it may have letters, digits, spaces and plain punctuation only'
  if (address.test(text)) return 'it must not hold an address, nor a dot or colon before a letter'
  return undefined
}
