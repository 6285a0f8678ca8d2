/**
 * Embedded databases that are lent to one test after the other in a process: opening one costs more than most tests do.
 *
 * Who closes a database gives it back, and can do nothing with it from then on. It is lent again emptied, and only if
 * it looks as a fresh one does in all but rows: a test may change its tables, but for itself alone.
 */
import { openAsBlob } from 'node:fs'
import { PGlite } from '@electric-sql/pglite'
import type { PGlite as Lent } from 'kysely'

interface Pooled {
  readonly pglite: PGlite
  /** What it looked like when it was opened. */
  readonly look: string
}

/** Each holds some 100 MB. */
const most = 3
const idle: Pooled[] = []

/** Answers a database of this snapshot that nobody else has. */
export async function lendEmbedded(snapshot: string): Promise<Lent> {
  const pooled = idle.pop() ?? (await open(snapshot))
  const { pglite } = pooled
  let transactions = 0
  let closing: Promise<void> | undefined
  const refuseWhenClosed = () => {
    if (closing !== undefined) throw new Error('PGlite is closed')
  }
  return {
    get ready() {
      return pglite.ready
    },
    get closed() {
      return closing !== undefined
    },
    waitReady: pglite.waitReady,
    async query(text, parameters, options) {
      refuseWhenClosed()
      return pglite.query(text, parameters, options)
    },
    async transaction(work) {
      refuseWhenClosed()
      transactions += 1
      try {
        return (await pglite.transaction((it) => work(it as never))) as never
      } finally {
        transactions -= 1
      }
    },
    close() {
      closing ??= transactions === 0 && idle.length < most ? giveBack(pooled) : pglite.close()
      return closing
    },
  }
}

async function open(snapshot: string): Promise<Pooled> {
  const pglite = await PGlite.create({ loadDataDir: await openAsBlob(snapshot) })
  return { pglite, look: await lookOf(pglite) }
}

async function giveBack(pooled: Pooled): Promise<void> {
  const { pglite, look } = pooled
  try {
    await empty(pglite)
    if ((await lookOf(pglite)) === look) {
      idle.push(pooled)
      return
    }
  } catch {
    // Whatever was done to it, nobody gets it again.
  }
  await pglite.close()
}

/** Removes the rows of all tables but those of the migrations, and lets identities begin anew. */
async function empty(pglite: PGlite): Promise<void> {
  await pglite.exec('discard all')
  const { rows: tables } = await pglite.query<{ name: string }>(
    `select quote_ident(relname) as name from pg_class
     where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not like 'kysely%'`,
  )
  const probes = tables.map(({ name }) => `select '${name}' as name where exists (select from ${name})`)
  const { rows: filled } = await pglite.query<{ name: string }>(probes.join(' union all '))
  if (filled.length > 0) await pglite.exec(`truncate ${filled.map(({ name }) => name).join(', ')} cascade`)
  const { rows: used } = await pglite.query<{ name: string }>(
    `select quote_ident(sequencename) as name from pg_sequences where schemaname = 'public' and last_value is not null`,
  )
  for (const { name } of used) await pglite.exec(`alter sequence ${name} restart`)
}

/** Everything but rows, and the rows of the migrations. */
async function lookOf(pglite: PGlite): Promise<string> {
  const { rows } = await pglite.query<{ look: string }>(
    `select md5(concat_ws('|',
       (select string_agg(concat_ws(' ', relname, relkind, relhastriggers, relchecks), ',' order by oid) from pg_class
        where relnamespace = 'public'::regnamespace),
       (select string_agg(concat_ws(' ', attname, atttypid, attnotnull, atthasdef, attisdropped), ',' order by attrelid, attnum)
        from pg_attribute where attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)),
       (select string_agg(concat_ws(' ', conname, pg_get_constraintdef(oid)), ',' order by oid) from pg_constraint),
       (select string_agg(pg_get_expr(adbin, adrelid), ',' order by oid) from pg_attrdef),
       (select string_agg(concat_ws(' ', tgname, tgenabled), ',' order by oid) from pg_trigger),
       (select string_agg(proname, ',' order by oid) from pg_proc where pronamespace = 'public'::regnamespace),
       (select string_agg(nspname, ',' order by oid) from pg_namespace where nspname not like 'pg_temp%' and nspname not like 'pg_toast%'),
       (select string_agg(name, ',' order by name) from kysely_migration))) as look`,
  )
  return rows[0]?.look ?? ''
}
