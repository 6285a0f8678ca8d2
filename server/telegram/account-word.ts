/** What an account is called in a chat: enough for its owner, too little for anybody else. Pure. */

/** The address with its first letter alone, as in `d•••@example.com`; without one the name, or the id. */
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
  if (email === undefined || at < 1) return name ?? id
  const [first = ''] = email
  return `${first}•••${email.slice(at)}`
}
