/**
 * Every standard that this server keeps, as rows of one table.
 *
 * To add a row: put it into the list of its group in `test/support/standards/`, add the test that it names under
 * `test/standards/`, then `npm run docs:standards` (after a conflict in `docs/standards.md`, too).
 */
import { core } from './standards/core.ts'
import { endings } from './standards/endings.ts'
import { grants } from './standards/grants.ts'
import { requests } from './standards/requests.ts'
import { resources } from './standards/resources.ts'
import type { BySetting, Standard, Stated } from './standards/row.ts'
import { unregistered } from './standards/unregistered.ts'

/** The groups, in the order of the document. */
export const groups: Readonly<Record<string, readonly Standard[]>> = {
  'For everybody': core,
  'Requests and tokens that are bound and signed': requests,
  'Resource servers': resources,
  Grants: grants,
  'Clients that nobody registered by hand': unregistered,
  Endings: endings,
}

export const standards: readonly Standard[] = Object.values(groups).flat()

/** Members that no standard of its own stands behind. */
const plainMembers = ['issuer'] as const

/** Settings that switch everything on that a setting switches. */
export function settingsOf(rows: readonly Standard[]): Readonly<Record<string, string>> {
  return Object.assign({}, ...rows.filter(isBySetting).map(({ on }) => on.settings)) as Record<string, string>
}

export function isBySetting(row: Standard): row is Standard & { on: BySetting } {
  return typeof row.on === 'object' && 'settings' in row.on
}

/** What a document fails to say of what a row claims; one sentence each. */
export function unstated({ file, discovery }: Standard, document: Record<string, unknown>): readonly string[] {
  return Object.entries(discovery)
    .filter(([member, stated]) => !states(document, member, stated))
    .map(
      ([member, stated]) => `${file}: ${member} is ${JSON.stringify(document[member])}, not ${JSON.stringify(stated)}`,
    )
}

/** What a row claims although a document says it, too, where it should not; one sentence each. */
export function statedAnyway({ file, discovery }: Standard, document: Record<string, unknown>): readonly string[] {
  return Object.entries(discovery).flatMap(([member, stated]) =>
    (isList(stated) ? stated.map((value) => [value]) : [stated])
      .filter((value) => states(document, member, value))
      .map((value) => `${file}: ${member} states ${JSON.stringify(value)}`),
  )
}

/** Members and values of lists that no row claims: `member`, or `member value`. */
export function unclaimed(rows: readonly Standard[], document: Record<string, unknown>): readonly string[] {
  const plain: readonly string[] = plainMembers
  return Object.entries(document)
    .filter(([member]) => !plain.includes(member))
    .flatMap(([member, value]) => {
      const claims = rows.map(({ discovery }) => discovery[member]).filter((claim) => claim !== undefined)
      if (claims.length === 0) return [member]
      const claimed = claims.flat()
      return isList(value) ? value.filter((one) => !claimed.includes(one)).map((one) => `${member} ${one}`) : []
    })
}

function states(document: Record<string, unknown>, member: string, stated: Stated): boolean {
  const said = document[member]
  if (stated === null) return said === undefined
  if (isList(stated)) return isList(said) && stated.every((value) => said.includes(value))
  if (typeof stated === 'string' && stated.startsWith('/')) return said === `${document['issuer']}${stated}`
  return said === stated
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value)
}
