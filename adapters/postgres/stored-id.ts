/**
 * Names for rows that are found without their secret id: by a code that a person typed, by a question in a chat.
 *
 * From outside nobody finds a row by its stored hash, so a leaked row opens nothing; only where the request says so
 * (`RequestScope.ownIds`) is such a name looked up.
 */
import { hashed } from './hashed.ts'

const prefix = 'stored.'

/** The name of the row with this hash, which the library takes for an id. */
export function storedId(hash: string): string {
  return `${prefix}${hash}`
}

export function isStoredId(id: string): boolean {
  return id.startsWith(prefix)
}

/** The hash of the row that an id means when something is done to it. */
export function keyOf(id: string): string {
  return isStoredId(id) ? id.slice(prefix.length) : hashed(id)
}
