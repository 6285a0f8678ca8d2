/** How the example APIs say no. */

/** Who asks may not, or what they ask for is wrong; `challenge` is for `WWW-Authenticate` (RFC 6750 §3). */
export class Refused extends Error {
  override name = 'Refused'
  readonly status: number
  readonly challenge: Readonly<Record<string, string>> | undefined

  constructor(status: number, message: string, challenge?: Readonly<Record<string, string>>) {
    super(message)
    this.status = status
    this.challenge = challenge
  }
}
