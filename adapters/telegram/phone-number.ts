/**
 * Reads phone numbers as people write them, and puts them into the one form in which they are compared (E.164).
 *
 * The library is loaded with the first number: a server without codes by phone does without its tables.
 */

export interface PhoneNumber {
  /** E.164: `+` and up to fifteen digits. */
  readonly number: string
  /** ISO 3166 code of the country that it belongs to. */
  readonly country: string
}

/** The number that a text is; undefined for none, for one that cannot be, and for one of a country that is not served. */
export type ReadPhone = (text: string) => Promise<PhoneNumber | undefined>

/** Characters; the longest numbers, with all that people put between the digits, have half of it. */
const longestText = 40

/** Reads numbers of these countries; the first is that of a number without a country code. */
export function phoneReader(countries: readonly [string, ...string[]]): ReadPhone {
  return async (text) => {
    const trimmed = text.trim()
    if (trimmed.length > longestText) return undefined
    const { parsePhoneNumberFromString } = await import('libphonenumber-js/min')
    const found = parsePhoneNumberFromString(trimmed, { defaultCountry: countries[0] as never, extract: false })
    if (found === undefined || !found.isValid() || found.ext !== undefined) return undefined
    const { number, country } = found
    return country !== undefined && countries.includes(country) ? { number, country } : undefined
  }
}
