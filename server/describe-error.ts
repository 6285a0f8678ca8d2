/** What the log says of an error. Pages and answers say less. */
import { Refusal } from './errors.ts'

/** What the log says of an error: the library keeps the true reason beside the message that the client gets. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const detail = 'error_detail' in error && typeof error.error_detail === 'string' ? ` (${error.error_detail})` : ''
  const description =
    'error_description' in error && typeof error.error_description === 'string' ? `: ${error.error_description}` : ''
  const cause = error.cause instanceof Error ? ` because ${error.cause.name}: ${error.cause.message}` : ''
  const unexpected = 'expose' in error || error instanceof Refusal ? '' : `\n${error.stack}`
  return `${error.name}: ${error.message}${description}${detail}${cause}${unexpected}`
}
