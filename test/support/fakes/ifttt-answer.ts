/**
 * One request of IFTTT's platform to a Service API, and what it demands of the answer.
 *
 * Knows statuses, content types and the two envelopes (`data`, `errors`), not what stands in them. Whatever deviates is
 * thrown as one plain sentence that names the request.
 */
import { randomUUID } from 'node:crypto'

/** A server does not do what IFTTT's reference says. */
export class Deviation extends Error {
  override name = 'Deviation'
}

export interface Question {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Answer {
  /** The request, for sentences about it. */
  readonly what: string
  readonly status: number
  readonly contentType: string | undefined
  readonly text: string
}

/** Sends a request with the headers that each one of the platform has. */
export async function ask({ method, url, headers = {}, body }: Question): Promise<Answer> {
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: {
      accept: 'application/json',
      'accept-charset': 'utf-8',
      'accept-encoding': 'gzip, deflate',
      'content-type': 'application/json',
      'x-request-id': randomUUID(),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  })
  const what = `${method} ${new URL(url).pathname}`
  const bytes = await response.arrayBuffer()
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return { what, status: response.status, contentType: response.headers.get('content-type') ?? undefined, text }
  } catch (error) {
    throw new Deviation(`${what}: the body is not UTF-8`, { cause: error })
  }
}

/** What stands in the envelope of a success. */
export function dataOf(answer: Answer): unknown {
  const body = jsonOf(answer, 200)
  if (!('data' in body)) throw deviation(answer, 'a success has its content in "data"')
  if ('errors' in body) throw deviation(answer, 'a success has no "errors"')
  return body['data']
}

/** The entries of a success that is a list of objects. */
export function entriesOf(answer: Answer): Record<string, unknown>[] {
  const data = dataOf(answer)
  if (!Array.isArray(data)) throw deviation(answer, '"data" is a list')
  return data.map((entry) => {
    if (!isObject(entry)) throw deviation(answer, 'each entry of "data" is an object')
    return entry
  })
}

/** The errors of a refusal with this status. */
export function errorsOf(answer: Answer, status: number): { status?: unknown; message: string }[] {
  const { errors, ...rest } = jsonOf(answer, status)
  if (!Array.isArray(errors) || errors.length === 0) throw deviation(answer, 'a refusal has a list of "errors"')
  if ('data' in rest) throw deviation(answer, 'a refusal has no "data"')
  return errors.map((error) => {
    if (!isObject(error) || !isText(error['message'])) throw deviation(answer, 'each of "errors" has a "message"')
    return { status: error['status'], message: error['message'] }
  })
}

/** An answer without a body. */
export function emptyOf(answer: Answer): void {
  expectStatus(answer, 200)
  if (answer.text !== '') throw deviation(answer, 'the body is empty')
  // Nothing has no type; who names one all the same names the only one there is.
  if (answer.contentType !== undefined) expectJsonType(answer)
}

/** The object that an answer with this status is, whatever its envelope. */
export function jsonOf(answer: Answer, status: number): Record<string, unknown> {
  expectStatus(answer, status)
  expectJsonType(answer)
  let body: unknown
  try {
    body = JSON.parse(answer.text)
  } catch {
    throw deviation(answer, 'the body is JSON')
  }
  if (!isObject(body)) throw deviation(answer, 'the body is a JSON object')
  return body
}

export function deviation(answer: Answer, promise: string): Deviation {
  return new Deviation(`${answer.what}: ${promise}, but this was answered: ${answer.status} ${answer.text}`)
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function expectStatus(answer: Answer, status: number): void {
  if (answer.status !== status) throw deviation(answer, `the status is ${status}`)
}

function expectJsonType(answer: Answer): void {
  if (answer.contentType?.toLowerCase() !== 'application/json; charset=utf-8')
    throw new Deviation(
      `${answer.what}: the content type is "application/json; charset=utf-8", not "${answer.contentType}"`,
    )
}
