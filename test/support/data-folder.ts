/**
 * Data folders of programs that a test starts: each with a copy of a migrated embedded database, because making one
 * anew takes a core for seconds. Tests about a first start use an empty folder instead.
 */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'

/** Puts a migrated database without rows where a program with this `DATA_DIR` looks for it. */
export function fillDataFolder(dataDir: string): void {
  cpSync(inject('databaseFolder'), join(dataDir, 'postgres'), { recursive: true })
}
