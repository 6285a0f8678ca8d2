/**
 * What an account is called in a chat: enough for its owner, too little for anybody else. Pure.
 *
 * Whoever opens a link from the chat may be a stranger who wants to pass for its owner, and names are what people like.
 */

/** Longest name that is shown, characters. */
const longest = 40

/**
 * The address with its first letter alone, as in `d•••@example.com`; without one the name in quotation marks, or the id
 * where the name could be read as an address.
 */
export function maskedAccount({
  id,
  email,
  name,
}: {
  id: string
  email?: string | undefined
  name?: string | undefined
}): string {
  const at = email?.lastIndexOf('@') ?? -1
  if (email !== undefined && at > 0) return `${[...email][0]}•••${email.slice(at)}`
  const plain = [
    ...(name ?? '')
      .normalize('NFKC')
      .replace(/[\s\p{C}]+/gu, ' ')
      .trim(),
  ]
  if (plain.length === 0 || plain.length > longest || /[@•“”"]/.test(plain.join(''))) return id
  return `“${plain.join('')}”`
}
