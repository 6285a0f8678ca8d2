/**
 * What everything else stands on: settings, an open database, the secrets, a clock and a log.
 *
 * Owns where the database and the secrets come from; every other part is given a `Foundation` and adds to it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadOrCreateSecrets } from '../../adapters/crypto/generated-secrets.ts'
import type { Sealer } from '../../adapters/crypto/seal.ts'
import { openEmbedded, openPostgres, type Store } from '../../adapters/postgres/database.ts'
import type { Config } from '../config.ts'
import type { Log } from '../log.ts'

export interface Foundation {
  readonly config: Config
  /** Open; whether it is migrated matters only to those who ask it. */
  readonly store: Store
  readonly sealer: Sealer
  readonly now: () => Date
  readonly log: Log
}

/** The database that the settings name. Throws `DatabaseInUse`. */
export async function openStore(config: Config, log: Log): Promise<Store> {
  if (config.database.kind === 'postgres') {
    return openPostgres(config.database.url, {
      onError: (error) => log.warn({ error: error.message }, 'database connection lost'),
    })
  }
  if (!existsSync(join(config.dataDir, 'postgres'))) log.info({}, 'creating the embedded database takes a few seconds')
  return openEmbedded(config.dataDir)
}

/** The secrets that the settings name, newest first; without any, those that are kept beside the data. */
export function secretsOf(config: Config): readonly string[] {
  return config.secrets.length > 0 ? config.secrets : loadOrCreateSecrets(join(config.dataDir, 'secrets'))
}

/** A file that a setting names. Throws what the file system throws. */
export function readSettingsFile(path: string): string {
  return readFileSync(path, 'utf8')
}
