/** Ids of clients that nobody chose one for. */
import { randomBytes } from 'node:crypto'

/** 80 random bits; no character that a shell or a Basic header would trip over. */
export function newClientId(): string {
  return randomBytes(10).toString('hex')
}
