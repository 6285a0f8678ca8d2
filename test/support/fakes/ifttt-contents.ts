/**
 * What stands in the answers that IFTTT's platform reads: tokens, people, events, what an action made.
 *
 * Whatever is not as its reference has it is a `Deviation`.
 */
import { type Answer, Deviation, dataOf, deviation, entriesOf, isObject, isText, jsonOf } from './ifttt-answer.ts'

export interface User {
  readonly id: string
  readonly name: string
  readonly url: string | undefined
}

export interface Event {
  readonly meta: { readonly id: string; readonly timestamp: number }
  readonly [ingredient: string]: unknown
}

/** Longest permanent id of a person, characters. */
const longestUserId = 200

/** Events of an answer to a poll: at most `limit`, each with an id of its own, newest first. */
export function eventsOf(answer: Answer, limit: number): Event[] {
  const events = entriesOf(answer).map((entry) => {
    const { meta } = entry
    if (!isObject(meta) || !isText(meta['id'])) throw deviation(answer, 'each event has a "meta.id"')
    const { timestamp } = meta
    // Seconds since 1970: what counts milliseconds is thousands of years away.
    if (!Number.isInteger(timestamp) || Number(timestamp) > 1e11)
      throw deviation(answer, 'each event has a "meta.timestamp" in whole seconds')
    return entry as unknown as Event
  })
  if (events.length > limit) throw deviation(answer, `there are at most ${limit} events`)
  if (new Set(events.map(({ meta }) => meta.id)).size !== events.length)
    throw deviation(answer, 'each event has a "meta.id" of its own')
  const times = events.map(({ meta }) => meta.timestamp)
  if (times.some((time, index) => time > (times[index - 1] ?? time))) throw deviation(answer, 'newer events come first')
  return events
}

/** The id of what an action made. */
export function actionIdOf(answer: Answer): string {
  const [made, ...others] = entriesOf(answer)
  if (made === undefined || others.length > 0) throw deviation(answer, 'an action answers one entry')
  if (!isText(made['id'])) throw deviation(answer, 'what an action made has an "id"')
  return made['id']
}

/** Who the person is; the id is permanent, so it can be none of what changes or gives access. */
export function userOf(answer: Answer, { access, refresh }: { access: string; refresh?: string }): User {
  const data = dataOf(answer)
  if (!isObject(data)) throw deviation(answer, '"data" is an object')
  const { id, name, url } = data
  if (!isText(name)) throw deviation(answer, 'a person has a "name"')
  if (!isText(id)) throw deviation(answer, 'a person has an "id"')
  if (id.length > longestUserId) throw deviation(answer, `the "id" has at most ${longestUserId} characters`)
  if (id.includes('@') || id === access || id === refresh)
    throw deviation(answer, 'the "id" is neither a token nor an e-mail address')
  if (url !== undefined && (typeof url !== 'string' || !URL.canParse(url)))
    throw deviation(answer, 'the "url" is an address, where there is one')
  return { id, name, url }
}

/** A refused code or refresh token: OAuth's shape, not that of the Service API, and nothing secret in it. */
export function expectInvalidGrant(answer: Answer, secrets: readonly string[]): void {
  const { error, error_description: description } = jsonOf(answer, 400)
  if (error !== 'invalid_grant') throw deviation(answer, 'the error is invalid_grant')
  if (!isText(description)) throw deviation(answer, 'there is an "error_description"')
  if (secrets.some((secret) => answer.text.includes(secret))) throw deviation(answer, 'no secret comes back')
}

export function tokensOf(body: Record<string, unknown>): { access: string; refresh: string } {
  const { token_type: type, access_token: access, refresh_token: refresh } = body
  if (type !== 'Bearer') throw new Deviation(`token request: the token_type is "Bearer", not ${JSON.stringify(type)}`)
  if (!isText(access)) throw new Deviation('token request: there is an access_token')
  if (!isText(refresh)) throw new Deviation('token request: there is a refresh_token, which the settings promise')
  return { access, refresh }
}
