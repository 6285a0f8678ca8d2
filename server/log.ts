/**
 * Structured log lines, one JSON object each, on standard output.
 *
 * Secrets never reach a line: what is logged are names, ids and numbers chosen here, not requests. Business events
 * also go to the audit table (`adapters/postgres/audit.ts`); this is for those who run the server.
 */
import { pino } from 'pino'
import type { LogLevel } from './config.ts'

export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  debug(fields: object, message: string): void
}

/** Fields that are censored wherever they stand, one level deep or two. */
const secretFields = [
  'password',
  'code',
  'token',
  'access_token',
  'refresh_token',
  'id_token',
  'client_secret',
  'secret',
  'cookie',
  'authorization',
  'code_verifier',
  'user_code',
  'device_code',
  'state',
  'nonce',
]

/** A log that writes to `destination` (standard output when absent). */
export function log(level: LogLevel, destination?: { write(line: string): void }): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
    },
    ...(destination === undefined ? [] : [destination]),
  )
}
