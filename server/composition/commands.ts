/** What commands work with, in whichever process they run; and the CLI's way into a server that owns the database. */
import { guardedFetch } from '../../adapters/atproto/guarded-fetch.ts'
import { passwordHashing } from '../../adapters/crypto/password-hash.ts'
import { passwordSettings } from '../../adapters/identity/password-settings.ts'
import { databaseTime, keysThatOpen } from '../../adapters/postgres/examination.ts'
import { type AdminSocket, serveAdminSocket } from '../admin-socket.ts'
import { pdsProvider } from '../atproto/identity.ts'
import type { Services } from '../commands/command.ts'
import { runRequest } from '../commands/run.ts'
import { adminSocketPath, type Config } from '../config.ts'
import { describe } from '../describe-error.ts'
import { provedBy } from '../interactions/ways.ts'
import { clientRules } from '../oidc/client-rules.ts'
import { mutualTlsOf } from '../oidc/mutual-tls.ts'
import { telegramIdentity } from '../telegram/identity.ts'
import type { Foundation } from './foundation.ts'
import { type OtherIssuer, otherIssuers } from './other-issuers.ts'
import { stores } from './stores.ts'
import { examinableBot } from './telegram.ts'

export interface ServiceOptions extends Omit<Foundation, 'log'> {
  /** Whether the process is the server that runs commands for the CLI. */
  readonly insideServer: boolean
}

/** What commands work with. */
export function commandServices({ store, config, sealer, insideServer, now }: ServiceOptions): Services {
  const { db } = store
  const { productName } = config
  const rows = stores({ store, sealer, now })
  const { passwords, atprotoSessions } = rows
  const others = otherIssuers({ config, now })
  return {
    ...rows,
    passwords: passwordSettings({ passwords, hashing: passwordHashing(), sealer, productName, now }),
    linkState: atprotoSessions.state,
    identityNames: identityNames(config, others),
    otherIssuers: others.map(({ provider, issuer, client }) => ({
      id: provider.id,
      issuer,
      async examine() {
        const found = await client.examine()
        return found.kind === 'ready' ? undefined : found.why
      },
    })),
    telegram: examinableBot(config, sealer),
    migrations: store,
    examination: {
      databaseTime: () => databaseTime(db),
      keysThatOpen: () => keysThatOpen(db, (sealed, context) => sealer.open(sealed, context)),
    },
    config,
    validateMetadata: clientRules(guardedFetch().document, mutualTlsOf(config.clientCertificates)),
    now,
    insideServer,
  }
}

/** By the settings alone: a command builds no provider that it never asks. */
function identityNames({ telegram }: Config, others: readonly OtherIssuer[]): readonly string[] {
  const names = ['password', pdsProvider, ...others.map(({ provider }) => provedBy(provider))]
  return [...new Set([...names, ...(telegram === undefined ? [] : [telegramIdentity])])]
}

/** Lets the CLI in while this process holds the embedded database. */
export async function openAdminSocket({ log, ...foundation }: Foundation): Promise<AdminSocket | undefined> {
  const services = commandServices({ ...foundation, insideServer: true })
  try {
    return await serveAdminSocket({
      path: adminSocketPath(foundation.config.dataDir),
      run: (request) => runRequest(services, request),
      onError: (error) => log.error({ error: describe(error) }, 'a command failed'),
    })
  } catch (error) {
    log.warn({ error: describe(error).split('\n')[0] }, 'commands cannot reach this server')
    return undefined
  }
}
