/** Answers of the fake Bot API that are not ok. */

export class Failure extends Error {
  override name = 'Failure'
  readonly code: number
  readonly parameters: { readonly retry_after: number } | undefined

  constructor(code: number, message: string, parameters?: { readonly retry_after: number }) {
    super(message)
    this.code = code
    this.parameters = parameters
  }
}

export function bad(message: string): Failure {
  return new Failure(400, `Bad Request: ${message}`)
}
