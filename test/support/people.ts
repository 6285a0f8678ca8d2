/** People with a local account, as they go through the pages without a screen. */
import { generateSync } from 'otplib'
import type { Visit, Visitor } from './visitor.ts'

export interface Person {
  email: string
  password: string
  /** Base32, once a second factor is on. */
  totpSecret?: string
  recoveryCodes?: string[]
}

let people = 0

/** Somebody new, with an address of their own. */
export function somebody(name = 'alice'): Person {
  people += 1
  return { email: `${name}-${people}@example.com`, password: `correct horse battery ${name} ${people}` }
}

/** Opens `address`, creates an account where the sign-in page comes, and ends where that leads. */
export async function register(visitor: Visitor, address: string, { email, password }: Person): Promise<Visit> {
  const signIn = await visitor.get(address)
  const page = await visitor.submit(signIn, '/answer', { action: 'register', email: '', password: '' })
  return visitor.submit(page, '/answer', { email, password, name: '' })
}

/** Opens `address` and answers the sign-in page with e-mail address and password; ends where that leads. */
export async function signIn(visitor: Visitor, address: string, { email, password }: Person): Promise<Visit> {
  return visitor.submit(await visitor.get(address), '/answer', { email, password })
}

/** Turns the second factor on from the account page, for somebody who has just signed in there. */
export async function enrol(visitor: Visitor, person: Person, now: Date): Promise<Visit> {
  const page = await visitor.submit(await visitor.get('/account'), '/second-factor/enrol')
  person.totpSecret = /class="secret"><code>([^<]+)</.exec(page.text)?.[1]?.replaceAll(' ', '') ?? ''
  const codes = await visitor.submit(page, '/second-factor/enrol', { code: totpCode(person, now) })
  person.recoveryCodes = [...codes.text.matchAll(/<li><code>([a-z2-7-]+)<\/code>/g)].map(([, code = '']) => code)
  return codes
}

/** What the person's authenticator app shows. */
export function totpCode({ totpSecret = '' }: Person, now: Date): string {
  return generateSync({ secret: totpSecret, epoch: Math.floor(now.getTime() / 1000) })
}
