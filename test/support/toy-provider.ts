/** A way to sign in for tests that are about what comes after: whoever says a name is that person. */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'

export function toy(): IdentityProvider {
  return {
    id: 'toy',
    label: 'Toy',
    start: async () => ({ kind: 'show', page: { name: 'password-sign-in', canRegister: false }, state: {}, tries: 5 }),
    async answer({ params }) {
      const name = params.get('email')
      return name === null || name === ''
        ? {
            kind: 'show',
            page: { name: 'password-sign-in', canRegister: false, problem: 'wrong-credentials' },
            state: {},
          }
        : { kind: 'proven', identity: { provider: 'toy', subject: name, name }, amr: ['toy'], registered: true }
    },
  }
}
