/** Ways to sign in that vouch for an e-mail address, and people who connect several of them to one account. */
import { randomBytes } from 'node:crypto'
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import type { TestServer } from './server.ts'
import type { Visit, Visitor } from './visitor.ts'

/** Whoever writes an address is its owner; with `password` "unverified" the provider does not vouch for it. */
export function vouching(id: string, label = id): IdentityProvider {
  return {
    id,
    label,
    start: async () => ({ kind: 'show', page: { name: 'password-sign-in', canRegister: false }, state: {}, tries: 5 }),
    async answer({ params }) {
      const address = params.get('email') ?? ''
      if (address === '') return { kind: 'refused', reason: 'cancelled' }
      return {
        kind: 'proven',
        identity: {
          provider: id,
          subject: `subject of ${address}`,
          email: { address, verified: params.get('password') !== 'unverified' },
        },
        amr: [id],
      }
    },
  }
}

/** Sends people elsewhere; the callback says who they are there. */
export function elsewhere(id: string, label = id): IdentityProvider {
  return {
    id,
    label,
    async start() {
      const state = randomBytes(16).toString('hex')
      return { kind: 'redirect', to: new URL(`https://elsewhere.example/?state=${state}`), state: { state } }
    },
    async answer({ params, state }) {
      const who = params.get('who')
      if (who === null || params.get('state') !== (state as { state: string }).state) {
        return { kind: 'refused', reason: 'invalid' }
      }
      return { kind: 'proven', identity: { provider: id, subject: who, label: who }, amr: [id] }
    },
  }
}

/** Signs in with a vouching provider at `address`, as far as that goes. */
export async function arrive(person: Visitor, address: string, provider: string, email: string, password = 'x') {
  const page = await person.get(address)
  return answerAs(person, await choose(person, page, provider), email, password)
}

/** Chooses a provider on a page that offers it. */
export function choose(person: Visitor, page: Visit, provider: string): Promise<Visit> {
  return person.submit(page, `/start/${provider}`)
}

export function answerAs(person: Visitor, page: Visit, email: string, password = 'x'): Promise<Visit> {
  return person.submit(page, '/answer', { email, password })
}

/** Creates an account with a vouching provider; the visitor ends on the account page. */
export async function newAccount(server: TestServer, provider: string, email: string): Promise<Visitor> {
  const person = server.visitor()
  const page = await arrive(person, '/account', provider, email)
  const done = await person.submit(page, '/newcomer', { decision: 'create', name: '' })
  if (!done.text.includes('Your account')) throw new Error(`no account was created:\n${done.text}`)
  return person
}

/** On the account page: goes on to the page that names what is added to which account. */
export async function beginAdding(person: Visitor, provider: string): Promise<Visit> {
  return person.post('/account/identities/add', { provider })
}

/** Adds an identity of a vouching provider, freshly signed in as the visitor is. */
export async function addIdentity(person: Visitor, provider: string, email: string): Promise<Visit> {
  const intro = await beginAdding(person, provider)
  const asked = await person.submit(intro, '/link')
  const confirm = await answerAs(person, asked, email)
  return person.submit(confirm, '/connect', { decision: 'connect' })
}

/** The identities of an account by its e-mail address, as `provider subject`. */
export async function identitiesOf(server: TestServer, email: string): Promise<readonly string[]> {
  const rows = await server.database.store.db
    .selectFrom('identities')
    .innerJoin('accounts', 'accounts.id', 'identities.account_id')
    .select(['identities.provider', 'identities.subject'])
    .where('accounts.email', '=', email)
    .orderBy('identities.provider')
    .orderBy('identities.subject')
    .execute()
  return rows.map(({ provider, subject }) => `${provider} ${subject}`)
}

/** What was recorded of the identities of an account, oldest first. */
export async function recorded(server: TestServer, email: string): Promise<readonly string[]> {
  const rows = await server.database.store.db
    .selectFrom('audit_events')
    .innerJoin('accounts', 'accounts.id', 'audit_events.account_id')
    .select('audit_events.event')
    .where('accounts.email', '=', email)
    .orderBy('audit_events.id')
    .execute()
  return rows.map(({ event }) => event).filter((event) => event.startsWith('identity.'))
}
