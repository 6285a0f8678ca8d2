import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { sealer } from '../../../adapters/crypto/seal.ts'
import { accounts } from '../../../adapters/postgres/accounts.ts'
import { clients } from '../../../adapters/postgres/clients.ts'
import { hashed } from '../../../adapters/postgres/hashed.ts'
import { oidcModels } from '../../../adapters/postgres/oidc-models.ts'
import { type AdapterFixture, describeOidcAdapter } from '../../support/adapter-suite.ts'
import { clock } from '../../support/clock.ts'
import { openPostgresDatabase, openTestDatabase, type TestDatabase } from '../../support/database.ts'

describeOidcAdapter({ name: inject('databaseKind'), open: async () => fixture(await openTestDatabase()) })

// What several connections do at once can only be seen on Postgres; without `DATABASE_URL` it would not be.
if (inject('databaseKind') === 'embedded' && inject('postgres') !== undefined) {
  describeOidcAdapter({ name: 'postgres', open: async () => fixture(await openPostgresDatabase()) })
}

function fixture({ store, dump, close }: TestDatabase): AdapterFixture {
  const { now } = clock()
  const accountStore = accounts(store.db, now)
  const replayed: string[] = []
  const findClient = clients(store.db, now).find as (id: string) => Promise<never>
  const models = oidcModels({
    db: store.db,
    sealer: sealer([randomBytes(32).toString('hex')]),
    now,
    scope: () => undefined,
    findClient,
    onReplay: ({ grantId }) => void replayed.push(grantId),
  })
  return {
    adapter: models.adapter,
    now,
    dump,
    storedForm: hashed,
    replayed,
    async account() {
      const subject = randomBytes(8).toString('hex')
      return (await accountStore.create({ identity: { provider: 'toy', subject } })).id
    },
    disableAccount: async (id) => void (await accountStore.disable(id)),
    removeAccount: async (id) => void (await accountStore.remove(id)),
    cut: () => store.close(),
    close,
  }
}
